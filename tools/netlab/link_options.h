// What the link between a host and the switch does to frames.
#pragma once

#include <cstdint>
#include <string_view>

#include "codes/base/result.h"

namespace polydot::netlab {

using Nanoseconds = std::int64_t;

struct LinkOptions {
  Nanoseconds delay = 0;         // of every frame that the host sends
  Nanoseconds jitter = 0;        // uniform in delay - jitter .. delay + jitter; at most the delay
  double loss = 0.0;             // probability that a frame that the host sends vanishes, below 1
  double bits_per_second = 0.0;  // to the switch, and as much back; 0: without limit
};

// "DELAY_US:JITTER_US:LOSS:BITS_PER_SECOND", four numbers. Failure: kUsage.
Result<LinkOptions> parse_link(std::string_view text);

}  // namespace polydot::netlab
