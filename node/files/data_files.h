// Data files as streams of bytes: reading them plain or gzip, writing them whole or not at all.
//
// Errors    FailureKind::kData with one line: the file, the problem, what to do
#pragma once

#include <fmt/format.h>
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codes/base/result.h"

namespace polydot::node {

// What one part of a data set may hold; more is taken for a damaged header.
inline constexpr std::uint64_t kMaxDataBytes = std::uint64_t{4} << 30;
inline constexpr std::uint64_t kMaxSampleCount = std::uint64_t{1} << 31;
inline constexpr std::uint64_t kMaxFeatureCount = std::uint64_t{1} << 24;

// An open file, read from the beginning to the end. Whether it is compressed is seen from its contents: then
// it is one gzip member or several, one after the other, and zeros behind them (RFC 1952; padding of tapes).
// What is damaged or cut short anywhere is a failure, never an end.
class DataFile {
 public:
  static Result<DataFile> open(const std::filesystem::path& path);

  // Fills `bytes` as far as the file goes; fewer than bytes.size() only at its end.
  Result<std::size_t> read(std::span<std::uint8_t> bytes);

  // No more than this many bytes can come out of the file, all in all: its size, or what its size can hold
  // compressed. To be compared with what a header claims before memory is taken for it.
  std::uint64_t most_bytes() const { return most_bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct End {
    void operator()(z_stream* stream) const;
  };
  DataFile(std::filesystem::path path, std::unique_ptr<std::FILE, Close> file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}
  Outcome fill();
  Failure damaged(const char* how) const;
  Result<std::size_t> read_plain(std::span<std::uint8_t> bytes);
  Result<std::size_t> read_members(std::span<std::uint8_t> bytes);
  Outcome begin_member();

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t size_ = 0, taken_ = 0;  // of the file when it was opened; of it read so far
  std::uint64_t most_bytes_ = 0;
  std::vector<std::uint8_t> buffer_;          // read ahead
  std::size_t at_ = 0;                        // in the buffer: what comes next
  std::unique_ptr<z_stream, End> inflating_;  // none: plain
  bool in_member_ = false;                    // of a gzip file: what comes next is not the beginning of one
};

// "PATH: PROBLEM" as a kData failure; the problem says what to do.
template <typename... Args>
Failure file_failure(const std::filesystem::path& path, fmt::format_string<const Args&...> problem,
                     const Args&... args) {
  return data_failure(fmt::format("{}: {}", path.string(), fmt::format(problem, args...)));
}

// The first of `names` that exists in `directory`, else a failure that names them.
Result<std::filesystem::path> find_file(const std::filesystem::path& directory,
                                        std::span<const std::string> names);

// Writes `head` and `body` under a temporary name beside `path`, then renames: nobody sees half a file.
Outcome write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> head,
                              std::span<const std::uint8_t> body);

}  // namespace polydot::node
