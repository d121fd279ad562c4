// What happened in a simulated run, as lines and as one number: the same seed and binary give the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace polydot::simulator {

class EventLog {
 public:
  enum class Detail { kHash, kLines, kFrames };  // what is kept as text; everything counts for the hash
  explicit EventLog(Detail detail) : detail_(detail) {}

  void line(std::int64_t at_ms, std::string_view text);
  // mark: 's' sent, 'd' delivered.
  void frame(std::int64_t at_ms, char mark, int from, int to, std::span<const std::byte> header);
  // A number that the run computed.
  void number(double value);

  std::uint64_t hash() const { return hash_; }
  const std::string& text() const { return text_; }

 private:
  void mix(const void* bytes, std::size_t size);

  Detail detail_;
  std::uint64_t hash_ = 0;
  std::string text_;
};

}  // namespace polydot::simulator
