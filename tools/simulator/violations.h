// What the checkers of a run found to be wrong, in the order in which they found it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polydot::simulator {

class Violations {
 public:
  static constexpr std::size_t kMost = 20;  // that are kept; one is enough

  void add(std::int64_t at_ms, const std::string& text) {
    ++count_;
    if (lines_.size() < kMost) lines_.push_back(std::to_string(at_ms) + " ms: " + text);
  }
  std::size_t count() const { return count_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::size_t count_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace polydot::simulator
