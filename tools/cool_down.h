// How long to wait before a process that ended is started again: longer each time, so that one that cannot
// live does not keep the machine busy; briefly again once it has lived for a while. Reads no clock.
#pragma once

#include <algorithm>
#include <chrono>

namespace polydot::tools {

class CoolDown {
 public:
  using Duration = std::chrono::milliseconds;
  static constexpr Duration kFirst{500}, kLongest{10'000}, kLongLife{10'000};

  // It ended after it had been up for `uptime`.
  Duration after(Duration uptime) {
    if (uptime >= kLongLife) next_ = kFirst;
    const Duration now = next_;
    next_ = std::min(2 * next_, kLongest);
    return now;
  }

 private:
  Duration next_ = kFirst;
};

}  // namespace polydot::tools
