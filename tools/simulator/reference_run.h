// The uncoded run with the same seed, step by step: what every coded one is held against.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "codes/base/product_code.h"
#include "dnn/coded/coded_matrix.h"
#include "dnn/data/dataset.h"
#include "dnn/data/sampler.h"
#include "dnn/optimizers/training_plan.h"

namespace polydot::simulator {

class ReferenceRun {
 public:
  // `train` outlives this.
  ReferenceRun(const dnn::TrainingPlan& plan, const dnn::Dataset& train);

  std::uint64_t steps() const { return losses_.size(); }
  double loss(std::uint64_t step) const { return losses_[static_cast<std::size_t>(step)]; }
  // Of the float32 run, once `boundary` steps are done, by layer.
  const std::vector<dnn::Matrix>& weights(std::uint64_t boundary) const {
    return weights_[static_cast<std::size_t>(boundary)];
  }
  // How far rounding alone had taken the run then: relative, from the same run in double.
  double rounding(std::uint64_t boundary) const { return rounding_[static_cast<std::size_t>(boundary)]; }

  // The plain product of a training round: of float32, as a coded round delivers it.
  const dnn::Matrix& product(std::uint64_t step, std::uint32_t slot) const;

  // How far this peer's shard of a layer is from that of the reference: Frobenius, relative to the shards of
  // all peers (one peer's may be nothing but rounding); infinite if it is not finite.
  double shard_distance(const codes::ProductCode& code, int peer, codes::Index layer, codes::Index shard,
                        const codes::Matrix& held, std::uint64_t boundary) const;

 private:
  using Products = std::map<std::uint32_t, dnn::Matrix>;  // by slot
  Products products_of(std::uint64_t step) const;

  const dnn::TrainingPlan plan_;
  const dnn::Dataset& train_;
  mutable dnn::Sampler sampler_;  // keeps the order of the epoch at hand
  std::vector<double> losses_;
  std::vector<std::vector<dnn::Matrix>> weights_;  // by boundary
  std::vector<double> rounding_;
  mutable std::map<std::uint64_t, Products> latest_;  // by step: peers are at the same few
};

}  // namespace polydot::simulator
