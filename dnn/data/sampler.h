// Which samples a step trains on: a function of (seed, step) only, so every peer knows it without asking.
//
// Each epoch is a new permutation of all samples, cut into batches; the last may be smaller. Integers only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dnn/operations/tensor.h"

namespace polydot::dnn {

class Sampler {
 public:
  // Preconditions: count and batch at least 1, count below 2^32.
  Sampler(Index count, Index batch, std::uint64_t seed);

  std::uint64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::uint64_t epoch_of(std::uint64_t step) const { return step / steps_per_epoch_; }
  // Sample numbers of one step; valid until the next call.
  std::span<const std::uint32_t> batch_at(std::uint64_t step);

 private:
  void shuffle(std::uint64_t epoch);

  std::uint64_t batch_;
  std::uint64_t seed_;
  std::uint64_t steps_per_epoch_;
  std::uint64_t shuffled_epoch_ = 0;  // whose permutation `order_` is
  std::vector<std::uint32_t> order_;
};

}  // namespace polydot::dnn
