#include "node/files/data_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "node/files/folder_disk.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

// Deflate makes at best 258 bytes of 2 bits (RFC 1951), 1032 to 1.
constexpr std::uint64_t kMostInflation = 1032;
constexpr std::size_t kReadBufferBytes = 256 * 1024;
constexpr std::array<std::uint8_t, 2> kMagic{0x1f, 0x8b};

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
  std::unique_ptr<std::FILE, Close> handle(std::fopen(path.c_str(), "rbe"));
  if (!handle) return file_failure(path, "cannot be opened: {}", std::strerror(errno));
  DataFile file(path, std::move(handle), size);
  if (Outcome filled = file.fill(); !filled) return filled.failure();
  const bool compressed =
      file.buffer_.size() >= 2 && file.buffer_[0] == kMagic[0] && file.buffer_[1] == kMagic[1];
  file.most_bytes_ = compressed ? size * kMostInflation : size;
  if (!compressed) return file;
  file.inflating_.reset(new z_stream{});
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(file.inflating_.get(), kGzip) != Z_OK) return file_failure(path, "zlib cannot begin");
  file.in_member_ = true;
  return file;
}

void DataFile::End::operator()(z_stream* stream) const {
  inflateEnd(stream);
  delete stream;
}

// Behind what is left in the buffer. Adds nothing at the end of the file.
Outcome DataFile::fill() {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadBufferBytes);
  errno = 0;
  const std::size_t got = std::fread(buffer_.data() + before, 1, kReadBufferBytes, file_.get());
  buffer_.resize(before + got);
  taken_ += got;
  if (std::ferror(file_.get()) != 0) return file_failure(path_, "cannot be read: {}", std::strerror(errno));
  if (got == 0 && taken_ < size_)
    return file_failure(path_, "has become shorter while it was read: {} of {} bytes; fetch it again", taken_,
                        size_);
  return Unit{};
}

Result<std::size_t> DataFile::read(std::span<std::uint8_t> bytes) {
  return inflating_ ? read_members(bytes) : read_plain(bytes);
}

Result<std::size_t> DataFile::read_plain(std::span<std::uint8_t> bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    if (at_ == buffer_.size()) {
      if (Outcome more = fill(); !more) return more.failure();
      if (buffer_.empty()) break;
    }
    const std::size_t count = std::min(bytes.size() - filled, buffer_.size() - at_);
    std::memcpy(bytes.data() + filled, buffer_.data() + at_, count);
    filled += count;
    at_ += count;
  }
  return filled;
}

Failure DataFile::damaged(const char* how) const {
  return file_failure(path_, "the compressed data are damaged or cut short ({}): fetch it again", how);
}

// Behind a member: another one, or zeros to the end of the file.
Outcome DataFile::begin_member() {
  if (buffer_.size() - at_ < 2)
    if (Outcome more = fill(); !more) return more;
  const std::size_t left = buffer_.size() - at_;
  if (left >= 2 && buffer_[at_] == kMagic[0] && buffer_[at_ + 1] == kMagic[1]) {
    if (inflateReset(inflating_.get()) != Z_OK) return damaged("zlib cannot begin again");
    in_member_ = true;
    return Unit{};
  }
  while (at_ < buffer_.size()) {
    for (; at_ < buffer_.size(); ++at_)
      if (buffer_[at_] != 0) return damaged("what follows a member is none");
    if (Outcome more = fill(); !more) return more;
  }
  return Unit{};
}

Result<std::size_t> DataFile::read_members(std::span<std::uint8_t> bytes) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  z_stream& stream = *inflating_;
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    if (!in_member_) {
      if (Outcome next = begin_member(); !next) return next.failure();
      if (!in_member_) break;
    }
    if (at_ == buffer_.size()) {
      if (Outcome more = fill(); !more) return more.failure();
      if (buffer_.empty()) return damaged("it ends within a member");
    }
    const auto wanted = static_cast<uInt>(std::min(bytes.size() - filled, kMostAtOnce));
    const auto given = static_cast<uInt>(buffer_.size() - at_);
    stream.next_in = buffer_.data() + at_;
    stream.avail_in = given;
    stream.next_out = bytes.data() + filled;
    stream.avail_out = wanted;
    const int code = inflate(&stream, Z_NO_FLUSH);
    at_ += given - stream.avail_in;
    filled += wanted - stream.avail_out;
    if (code == Z_STREAM_END)
      in_member_ = false;
    else if (code != Z_OK && code != Z_BUF_ERROR)
      return damaged(stream.msg != nullptr ? stream.msg : zError(code));
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
    const fs::file_status there = fs::status(directory / name, error);
    if (fs::exists(there) && !fs::is_directory(there)) return directory / name;
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
