// Random choices of the swarm: one generator, and the few kinds of draw that it needs.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace polydot::simulator {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : generator_(seed * 0x9e3779b97f4a7c15u + 0x706f6c79u) {}

  bool chance(double probability) { return uniform() < probability; }
  double uniform() { return std::uniform_real_distribution<double>(0.0, 1.0)(generator_); }
  // Both ends included.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(generator_);
  }
  // As often in each decade. Precondition: 0 < least <= most.
  double logarithmic(double least, double most) {
    return least * std::exp(uniform() * std::log(most / least));
  }
  double exponential(double mean) { return std::exponential_distribution<double>(1.0 / mean)(generator_); }
  template <typename T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(choices.size()) - 1))];
  }
  std::uint64_t seed() { return generator_(); }
  std::mt19937_64& generator() { return generator_; }

 private:
  std::mt19937_64 generator_;
};

}  // namespace polydot::simulator
