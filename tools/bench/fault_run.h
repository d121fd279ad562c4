// One training under faults, in one process over the simulator: a strategy, a fault rate, a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codes/families/factories.h"
#include "dnn/data/dataset.h"
#include "dnn/optimizers/training_plan.h"

namespace polydot::bench {

using codes::Index;

struct FaultStrategy {
  std::string name;
  std::string code;
  codes::Grid grid;
  Index peers = 0;
  bool rolls_back = false;  // keeps checkpoints (run_guard.h)
};

enum class RunEnd {
  kFinished,
  kDiverged,   // the loss was not finite
  kRefused,    // beyond what the code corrects, after three attempts
  kAbandoned,  // too many rollbacks
};
const char* name_of(RunEnd end);

struct FaultRun {
  RunEnd end = RunEnd::kFinished;
  double accuracy = 0.0;  // of the weights that all shards decode to, on the test part; chance if not finite
  double cpu_seconds = 0.0;  // of all peers, without that last evaluation
  std::uint64_t executed_steps = 0;
  std::uint64_t injected = 0;    // flipped bits, at all peers
  std::uint64_t recomputed = 0;  // attempts beyond the first, at peer 0
  std::uint64_t rollbacks = 0;   // at peer 0
  // Steps whose loss at some peer is wrong (is_wrong_loss) against that of the fault-free uncoded run.
  // None: not counted, for steps are rolled back and done on other batches.
  std::optional<std::uint64_t> wrong_losses;
};

// Off by more than 1e-3 of the right loss, or of 0.01 where that is less: there rounding is 1e-5 of it.
bool is_wrong_loss(double loss, double right);

// rate: that a product gets one flipped bit, per peer, layer, pass and step. The plan's seed is that of the
// faults too. Preconditions: the code can be made; validate(plan, train, test).
FaultRun run_under_faults(const FaultStrategy& strategy, dnn::TrainingPlan plan, double rate,
                          const dnn::Dataset& train, const dnn::Dataset& test);

}  // namespace polydot::bench
