// The random numbers of the strokes generator: splitmix64, the same on every processor and compiler.
//
// Purpose   std::uniform_int_distribution may differ between libraries; this may not
// Source    Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014)
#pragma once

#include <cstdint>

namespace polydot::dnn {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15u;
    return scramble(state_);
  }

  // Uniform in low..high, both included (high - low < 2^31). Call it in statements of their own: the order in
  // which C++ evaluates the arguments of a function is not fixed.
  std::int32_t between(std::int32_t low, std::int32_t high) {
    const auto width = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int32_t>(((next() >> 32) * width) >> 32);
  }

  // The mean of two uniform numbers in -reach..reach: small deviations are more likely than large ones.
  std::int32_t around_zero(std::int32_t reach) {
    const std::int32_t first = between(-reach, reach);
    return (first + between(-reach, reach)) / 2;
  }

  static std::uint64_t scramble(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace polydot::dnn
