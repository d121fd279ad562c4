#include "node/files/line_reader.h"

#include <cstdint>

namespace polydot::node {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 28;

}  // namespace

Result<std::optional<std::string_view>> LineReader::next() {
  using Line = std::optional<std::string_view>;
  std::size_t searched = begin_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) return Line(take(end, end + 1));
    if (at_end_) return begin_ < buffer_.size() ? Line(take(buffer_.size(), buffer_.size())) : Line();
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (searched > kMaxLineBytes)
      return file_failure(file_.path(), "a line of more than 256 MiB: not a text file?");
    buffer_.resize(searched + kChunkBytes);
    auto* const chunk = reinterpret_cast<std::uint8_t*>(buffer_.data()) + searched;
    const Result<std::size_t> got = file_.read({chunk, kChunkBytes});
    if (!got) return got.failure();
    buffer_.resize(searched + *got);
    at_end_ = *got < kChunkBytes;
  }
}

std::string_view LineReader::take(std::size_t end, std::size_t next_begin) {
  std::string_view line(buffer_.data() + begin_, end - begin_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  begin_ = next_begin;
  return line;
}

}  // namespace polydot::node
