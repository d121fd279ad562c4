#include "node/data_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "node/folder_disk.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

// Deflate makes at best 258 bytes of 2 bits (RFC 1951), 1032 to 1.
constexpr std::uint64_t kMostInflation = 1032;
constexpr unsigned kReadBufferBytes = 256 * 1024;

}  // namespace

Result<DataFile> DataFile::open(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return file_failure(path, "no such file: check the path");
  if (error) return file_failure(path, "cannot be reached: {}", error.message());
  if (!fs::is_regular_file(status))
    return file_failure(path, "is not a regular file: give a plain or a gzip file");
  const std::uint64_t size = fs::file_size(path, error);
  if (error) return file_failure(path, "cannot be reached: {}", error.message());

  errno = 0;
  Handle handle(gzopen(path.c_str(), "rb"));
  if (!handle) return file_failure(path, "cannot be opened: {}", std::strerror(errno));
  gzbuffer(handle.get(), kReadBufferBytes);
  const bool compressed = gzdirect(handle.get()) == 0;
  return DataFile(path, std::move(handle), compressed ? size * kMostInflation : size);
}

Result<std::size_t> DataFile::read(std::span<std::uint8_t> bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const std::size_t wanted = std::min<std::size_t>(bytes.size() - filled, std::size_t{1} << 30);
    const int got = gzread(handle_.get(), bytes.data() + filled, static_cast<unsigned>(wanted));
    if (got > 0) filled += static_cast<std::size_t>(got);
    int code = Z_OK;
    const char* text = gzerror(handle_.get(), &code);
    if (code == Z_ERRNO) return file_failure(path_, "cannot be read: {}", std::strerror(errno));
    if (got < 0 || code != Z_OK)
      return file_failure(path_, "the compressed data are damaged or cut short ({}): fetch it again", text);
    if (got == 0) break;
  }
  return filled;
}

Result<fs::path> find_file(const fs::path& directory, std::span<const std::string> names) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found)
    return file_failure(directory, "no such folder: check the path");
  if (error) return file_failure(directory, "cannot be reached: {}", error.message());
  if (!fs::is_directory(status))
    return file_failure(directory, "is not a folder: give the one that holds {}", names.front());
  for (const std::string& name : names) {
    if (fs::exists(directory / name, error)) return directory / name;
  }
  return file_failure(directory, "no {} in this folder: put it there or check the path",
                      fmt::to_string(fmt::join(names, " or ")));
}

Outcome write_file_atomically(const fs::path& path, std::span<const std::uint8_t> head,
                              std::span<const std::uint8_t> body) {
  const std::string name = path.filename().string();
  const std::string temporary = fmt::format("{}.partial-{}", name, getpid());
  FolderDisk disk(path.parent_path());
  Outcome written = disk.write(temporary, {std::as_bytes(head), std::as_bytes(body)});
  if (written) written = disk.rename(temporary, name);
  if (!written) disk.remove(temporary);
  return written;
}

}  // namespace polydot::node
