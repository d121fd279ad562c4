// How long a simulated peer computes: drawn, with a heavy tail.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace polydot::simulator {

struct ComputeOptions {
  std::uint64_t seed = 1;
  double mean_ms = 0.0;          // of one piece of work (a pump_once that did something); 0: it takes no time
  double tail = 0.0;             // probability that a piece takes tail_factor times as long
  double tail_factor = 1.0;      // a page fault, another process, a hot processor
  std::vector<double> slowness;  // by peer, 1: as the others; empty: all alike
};

class ComputeTimes {
 public:
  explicit ComputeTimes(ComputeOptions options) : options_(std::move(options)), generator_(options_.seed) {}

  // Of the next piece of this peer's work.
  double draw_ms(int peer) {
    if (options_.mean_ms <= 0.0) return 0.0;
    double time = std::exponential_distribution<double>(1.0 / options_.mean_ms)(generator_);
    if (options_.tail > 0.0 && std::bernoulli_distribution(options_.tail)(generator_))
      time *= options_.tail_factor;
    return options_.slowness.empty() ? time : time * options_.slowness[static_cast<std::size_t>(peer)];
  }

 private:
  ComputeOptions options_;
  std::mt19937_64 generator_;
};

}  // namespace polydot::simulator
