// Faults of the table stage x model in trainings of the sizes that users run, in a simulated cluster, one
// after the other; and how each of them ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/families/factories.h"
#include "codes/kernels/shard_kernel.h"
#include "node/faults/injection.h"
#include "tools/bench/round_watch.h"
#include "tools/bench/stage_expectation.h"

namespace polydot::bench {

// A training on the embedded digits, 784-..-10, as `polydot train` does it: batch 64, momentum 0.9, rate
// 0.01.
struct StageSetting {
  std::string name, code;
  codes::Grid grid;
  int peers = 10;
  std::vector<codes::Index> hidden;

  StagePlaces places() const { return {peers, static_cast<codes::Index>(hidden.size()) + 1}; }
};
// The default network and one with hidden 1024, for polydot, mds and three copies.
const std::vector<StageSetting>& stage_settings();

// The `number`-th fault of a cell: where, and with which values.
struct NumberedCell {
  StageCell cell;
  std::size_t number = 0;
};

struct PlacedFault {
  NumberedCell which;
  node::InjectSpec spec;
  FaultEnd expected = FaultEnd::kBelowFloor, end = FaultEnd::kBelowFloor;
  node::FaultClass fault_class = node::FaultClass::kMasked;
  double size_over_floor = 0.0;
  std::string remark;  // what the end was read from, if it is not the expected one

  // What is left in the other lines of a shard that was repaired, or what a broken machine put there, may be
  // too faint for a scrub. In products that show it, it is left out; and the peer's shards are cleaned
  // (PROTOCOL.md, "Self-diagnosis").
  bool as_expected() const {
    const bool may_be_faint = expected == FaultEnd::kRepaired || is_broken(spec.model);
    return end == expected || (may_be_faint && end == FaultEnd::kRestCleaned);
  }
  // It showed something: a fault that is as harmless as rounding proves no more than that.
  bool counts() const {
    return fault_class == node::FaultClass::kAboveFloor || fault_class == node::FaultClass::kErasure;
  }
};

struct StageOutcomes {
  std::vector<PlacedFault> faults;
  codes::KernelCounts kernels;     // that multiplied
  double weight_difference = 0.0;  // at the end, to the run without faults
};

// The run of one setting without faults, which others with at most so many faults are compared with.
class StageTwin {
 public:
  StageTwin(const StageSetting& setting, std::uint64_t seed, std::size_t most_faults);
  const StageSetting& setting() const { return setting_; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t steps() const { return steps_; }
  std::size_t most_faults() const { return most_faults_; }
  const ProductBook& products() const { return products_; }
  // By shard, then by layer; empty where no round uses them.
  const std::vector<std::vector<codes::Matrix>>& weights() const { return weights_; }

 private:
  StageSetting setting_;
  std::uint64_t seed_, steps_;
  std::size_t most_faults_;
  ProductBook products_;
  std::vector<std::vector<codes::Matrix>> weights_;
};

// All in one run, one after the other. Not more than the twin is for.
StageOutcomes run_outcomes(const StageTwin& twin, const std::vector<NumberedCell>& cells);

}  // namespace polydot::bench
