// What became of the injections of one run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "node/faults/injector.h"
#include "tools/bench/stage_run.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::bench {

// A run, its injectors and who watches it.
struct WatchedRun {
  std::vector<std::unique_ptr<node::Injector>> injectors;
  std::vector<RoundWatch> watches;
  std::unique_ptr<simulator::SimCluster> cluster;
  bool ended = false;
};

// Adds the score of a run of this seed, into which `specs` were put.
void score_run(std::uint64_t seed, const WatchedRun& run, const std::vector<node::InjectSpec>& specs,
               const CleanRun& clean, CellOutcome& outcome);

}  // namespace polydot::bench
