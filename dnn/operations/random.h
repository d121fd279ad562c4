// Random numbers that are equal on every machine: a counter-based generator (splitmix64).
//
// Draw i of a stream is mix(key + i gamma): a function of (seed, stream, index, i) and of nothing that
// happened before. Integers are exact everywhere; gaussian() goes through libm and may differ in the last bit
// of a double between hosts, which no replicated state may rely on anyway.
//
// Source    Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "codes/base/check.h"

namespace polydot::dnn {

// What the numbers are for. Streams of one seed are independent.
enum class RandomStream : std::uint64_t {
  kWeights = 1,
  kSampleOrder = 2,
  kFaults = 3,
  kScrub = 4,
  kMeanwhile = 5,
  kSplit = 6
};

class Random {
 public:
  // `index` separates generators of one stream: the layer, the epoch.
  Random(std::uint64_t seed, RandomStream stream, std::uint64_t index)
      : counter_(mix(mix(mix(seed) + static_cast<std::uint64_t>(stream)) + index)) {}

  std::uint64_t next() { return mix(counter_ += kGamma); }

  // Uniform in {0, .., bound - 1}, without bias. Precondition: bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    POLYDOT_CHECK_LT(0u, bound);
    const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
    std::uint64_t draw = next();
    while (draw < rejected) draw = next();
    return draw % bound;
  }

  // Uniform in (0, 1): 53 bits and a half, so that its logarithm is finite.
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53; }

  // Standard normal, by Box and Muller.
  double gaussian() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;

  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t counter_;
  bool has_spare_ = false;
  double spare_ = 0;
};

}  // namespace polydot::dnn
