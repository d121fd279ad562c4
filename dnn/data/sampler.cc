#include "dnn/data/sampler.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "codes/base/check.h"
#include "dnn/operations/random.h"

namespace polydot::dnn {

Sampler::Sampler(Index count, Index batch, std::uint64_t seed)
    : batch_(static_cast<std::uint64_t>(batch)), seed_(seed), steps_per_epoch_(0) {
  POLYDOT_CHECK_LE(1, count);
  POLYDOT_CHECK_LE(1, batch);
  POLYDOT_CHECK_LE(count, static_cast<Index>(std::numeric_limits<std::uint32_t>::max()));
  steps_per_epoch_ = (static_cast<std::uint64_t>(count) - 1) / batch_ + 1;
  order_.resize(static_cast<std::size_t>(count));
  shuffle(0);
}

std::span<const std::uint32_t> Sampler::batch_at(std::uint64_t step) {
  if (epoch_of(step) != shuffled_epoch_) shuffle(epoch_of(step));
  const std::uint64_t first = step % steps_per_epoch_ * batch_;
  return std::span(order_).subspan(first, std::min<std::uint64_t>(batch_, order_.size() - first));
}

// Fisher and Yates, from the identity: an epoch's order does not depend on the one before.
void Sampler::shuffle(std::uint64_t epoch) {
  std::iota(order_.begin(), order_.end(), 0u);
  Random random(seed_, RandomStream::kSampleOrder, epoch);
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(i)]);
  shuffled_epoch_ = epoch;
}

}  // namespace polydot::dnn
