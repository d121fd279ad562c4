#include "tools/netlab/link_options.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace polydot::netlab {

Result<LinkOptions> parse_link(std::string_view text) {
  const Failure failure =
      usage_failure(fmt::format("'{}' is no link; DELAY_US:JITTER_US:LOSS:BITS_PER_SECOND is, with jitter up "
                                "to delay and loss below 1",
                                text));
  std::array<double, 4> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const auto [next, error] = std::from_chars(at, end, numbers[k]);
    const bool separated = k + 1 < numbers.size() ? next != end && *next == ':' : next == end;
    if (error != std::errc() || !separated || !(numbers[k] >= 0)) return failure;
    at = next == end ? end : next + 1;
  }
  const auto [delay_us, jitter_us, loss, bits_per_second] = numbers;
  // Ten minutes: far from what nanoseconds can hold.
  constexpr double kLongestUs = 600e6, kFastest = 1e12;
  if (delay_us > kLongestUs || jitter_us > delay_us || loss >= 1 || bits_per_second > kFastest)
    return failure;
  return LinkOptions{std::llround(delay_us * 1e3), std::llround(jitter_us * 1e3), loss, bits_per_second};
}

}  // namespace polydot::netlab
