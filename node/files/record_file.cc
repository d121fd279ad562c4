#include "node/files/record_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace polydot::node {

namespace {

// Bytes up to the end of the last whole line; below 0: it cannot be read.
off_t whole_lines(int fd) {
  char part[4096];
  for (off_t end = ::lseek(fd, 0, SEEK_END); end > 0;) {
    const auto size = std::min<off_t>(end, sizeof part);
    if (::pread(fd, part, static_cast<std::size_t>(size), end - size) != size) return -1;
    const std::string_view text(part, static_cast<std::size_t>(size));
    if (const std::size_t at = text.rfind('\n'); at != std::string_view::npos)
      return end - size + static_cast<off_t>(at) + 1;
    end -= size;
  }
  return 0;
}

}  // namespace

RecordFile::~RecordFile() {
  if (fd_ >= 0) ::close(fd_);
}

Outcome RecordFile::open(const std::string& path, Records records, std::string_view heading) {
  path_ = path;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const off_t keep = fd_ < 0 ? -1 : records == Records::kGoOn ? whole_lines(fd_) : 0;
  if (keep < 0 || ::ftruncate(fd_, keep) != 0)
    return data_failure(fmt::format("cannot write {}: {}; check that the folder exists and is writable", path,
                                    std::strerror(errno)));
  if (keep == 0 && !heading.empty()) line(heading);
  return Unit{};
}

void RecordFile::line(std::string_view text) {
  if (fd_ < 0) return;
  const std::string whole = std::string(text) + "\n";
  const off_t before = ::lseek(fd_, 0, SEEK_END);
  ssize_t written = -1;
  do written = ::write(fd_, whole.data(), whole.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(whole.size()))
    return trouble_.ends(path_ + ": is written again; lines are missing");
  const int error = written < 0 ? errno : ENOSPC;
  if (written > 0 && ::ftruncate(fd_, before) != 0) return;  // what is torn is skipped by who reads it
  trouble_.begins(
      fmt::format("{}: cannot be written: {}; training goes on without it", path_, std::strerror(error)));
}

}  // namespace polydot::node
