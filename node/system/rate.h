// A bound on what somebody else can make this process do: so many at once, then so many a second. What is
// beyond it is counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace polydot::node {

class Rate {
 public:
  constexpr Rate(double at_once, double per_second)
      : most_(at_once), per_ms_(per_second / 1000.0), left_(at_once) {}

  // Whether one more may be. now_ms: of a clock that never goes back; one that does gives nothing.
  bool may(std::int64_t now_ms) {
    if (!begun_ || now_ms > last_ms_) {
      if (begun_) left_ = std::min(most_, left_ + per_ms_ * static_cast<double>(now_ms - last_ms_));
      begun_ = true;
      last_ms_ = now_ms;
    }
    if (left_ < 1.0) return ++refused_, false;
    left_ -= 1.0;
    return true;
  }
  // Refused since this was asked last.
  std::uint64_t take_refused() { return std::exchange(refused_, 0); }

 private:
  double most_, per_ms_, left_;
  bool begun_ = false;
  std::int64_t last_ms_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace polydot::node
