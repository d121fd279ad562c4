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
  // Whether `value` is beyond what is allowed (or no number); keeps how near a run came to it.
  bool exceeds(const std::string& what, double value, double allowed) {
    if (const double share = value / allowed; !(share <= largest_share_)) {
      largest_share_ = share;
      largest_share_of_ = what;
    }
    return !(value <= allowed);
  }
  // The largest value that was compared, as a share of what was allowed, and what it was of.
  double largest_share() const { return largest_share_; }
  const std::string& largest_share_of() const { return largest_share_of_; }
  std::size_t count() const { return count_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::size_t count_ = 0;
  double largest_share_ = 0.0;
  std::string largest_share_of_;
  std::vector<std::string> lines_;
};

}  // namespace polydot::simulator
