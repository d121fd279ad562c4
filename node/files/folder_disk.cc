#include "node/files/folder_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <system_error>

#include "node/system/owned_fd.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

OwnedFd open_file(const fs::path& path, int flags) {
  return OwnedFd(::open(path.c_str(), flags | O_CLOEXEC, 0666));
}

// To who cannot write.
const char* advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; the disk is full: make room there";
    case EFBIG:
      return "; the process may not write files of this size (ulimit -f)";
    case EACCES:
    case EPERM:
      return "; give this user the permission";
    case EROFS:
      return "; choose a folder that can be written";
    case ENOENT:
    case ENOTDIR:
      return "; there is no such folder: make it";
    case EIO:
      return "; the disk fails";
    default:
      return "";
  }
}

Failure not_written(const fs::path& path, int error) {
  return data_failure(
      fmt::format("{}: cannot be written: {}{}", path.string(), std::strerror(error), advice(error)));
}

Failure not_read(const fs::path& path, int error) {
  return data_failure(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(error)));
}

Outcome write_all(int fd, const fs::path& path, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return not_written(path, written == 0 ? ENOSPC : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return Unit{};
}

// Of a file system that cannot do it at all, not of a disk that fails.
bool cannot_sync(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EBADF || error == EISDIR;
}

// What the file system cannot do makes the promise weaker, and is said once in the process; it is no reason
// to keep nothing.
Outcome sync_path(const fs::path& path, int flags) {
  const OwnedFd opened = open_file(path, O_RDONLY | flags);
  if (opened.is_open() && ::fsync(opened.get()) == 0) return Unit{};
  if (!cannot_sync(errno)) return not_written(path, errno);
  static std::once_flag said;
  std::call_once(said, [&] {
    say(path.string() +
        ": this file system does not sync: what a peer keeps survives its end, but not that of this machine");
  });
  return Unit{};
}

}  // namespace

Outcome FolderDisk::make_folder() const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (fs::is_directory(folder_)) return Unit{};
  return not_written(folder_, error ? error.value() : EEXIST);
}

std::vector<std::string> FolderDisk::names() const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    found.push_back(entry.path().filename().string());
  return found;
}

Result<std::uint64_t> FolderDisk::size(const std::string& name) const {
  struct stat status {};
  if (::stat(path_of(name).c_str(), &status) != 0) return not_read(path_of(name), errno);
  if (!S_ISREG(status.st_mode))
    return data_failure(path_of(name).string() + ": cannot be read: no regular file");
  return static_cast<std::uint64_t>(status.st_size);
}

Outcome FolderDisk::read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const {
  const OwnedFd file = open_file(path_of(name), O_RDONLY | O_NONBLOCK);  // a pipe in its place must not block
  if (!file.is_open()) return not_read(path_of(name), errno);
  while (!bytes.empty()) {
    const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return not_read(path_of(name), errno);
    if (got == 0) return data_failure(path_of(name).string() + ": ends before what was to be read");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return Unit{};
}

Outcome FolderDisk::write(const std::string& name, const Chunks& chunks) {
  const fs::path path = path_of(name);
  const OwnedFd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK);
  if (!file.is_open()) return not_written(path, errno);
  for (const std::span<const std::byte> chunk : chunks)
    if (Outcome written = write_all(file.get(), path, chunk); !written) return written;
  return Unit{};
}

// By a descriptor of its own: the system reports to it what an earlier one had not yet been told.
Outcome FolderDisk::sync(const std::string& name) { return sync_path(path_of(name), O_NONBLOCK); }

Outcome FolderDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(path_of(from).c_str(), path_of(to).c_str()) == 0) return Unit{};
  return not_written(path_of(to), errno);
}

Outcome FolderDisk::sync_names() { return sync_path(folder_.empty() ? "." : folder_, O_DIRECTORY); }

void FolderDisk::remove(const std::string& name) { ::unlink(path_of(name).c_str()); }

}  // namespace polydot::node
