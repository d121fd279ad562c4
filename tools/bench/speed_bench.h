// What the measures of speed share: sizes, data, and clusters of real processes (the `polydot` program).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "codes/base/result.h"
#include "codes/families/factories.h"
#include "dnn/optimizers/training_plan.h"
#include "node/inputs/data_pair.h"
#include "node/records/run_profile.h"
#include "tools/bench/child_process.h"

namespace polydot::bench {

using codes::Index;

inline constexpr Index kSpeedInputs = 784, kSpeedClasses = 10, kSpeedBatch = 128;
inline constexpr double kSpeedRate = 0.01;  // of learning
// The first steps of a run are left out: memory is touched for the first time there.
inline constexpr std::uint64_t kFirstSteps = 5;

enum class SpeedSize {
  kTiny,   // of the tests: the figures mean nothing
  kQuick,  // one run each
  kFull,   // medians of alternating runs
};

struct SpeedOptions {
  SpeedSize size = SpeedSize::kQuick;
  std::uint64_t seed = 1;
  std::string data = {};    // folder of IDX files of 784 pixels; empty: made up
  std::string program;      // `polydot`
  std::string ddp_script;   // torch_ddp.py
  std::string netlab = {};  // tools/netlab/run
};

// A run to be measured; 784 - hidden - 10, batch 128, learning rate 0.01.
struct ClusterPlan {
  std::string code = "polydot";
  codes::Grid grid{2, 2, 1};
  int peers = 8;
  std::vector<Index> hidden;
  std::uint64_t steps = 0;
  double momentum = 0.0;
  std::vector<std::string> inject = {};
  bool may_be_unchecked = false;  // of a code that has no peer to spare
};

struct ClusterRun {
  node::RunProfile profile;
  nlohmann::json summary;  // the run's summary.json
};

class SpeedBench {
 public:
  // Makes the data if none is given. Failure: kData; kUsage, there is no such program.
  static Result<SpeedBench> open(SpeedOptions options);

  const SpeedOptions& options() const { return options_; }
  // Alternating runs.
  int pairs() const { return options_.size == SpeedSize::kFull ? 5 : 1; }
  std::uint64_t steps(std::uint64_t quick, std::uint64_t full) const;
  // Units of a hidden layer.
  Index hidden(Index wanted) const { return options_.size == SpeedSize::kTiny ? 32 : wanted; }
  std::vector<Index> two_hidden(Index wanted) const { return {hidden(wanted), hidden(wanted)}; }
  const std::string& data() const { return options_.data; }
  const std::string& folder() const { return scratch_.path(); }  // goes with this

  // The flags of the training itself, as `train` and `init` take them.
  std::vector<std::string> training_words(const ClusterPlan& plan) const;
  // The words of `polydot train` for it, records in `out`.
  std::vector<std::string> train_words(const ClusterPlan& plan, const std::string& out) const;
  // To its end; its records are removed. Failure: also when a round went unchecked that must not.
  Result<ClusterRun> run(const ClusterPlan& plan) const;
  // The same training for one uncoded process.
  Result<dnn::TrainingPlan> uncoded_plan(const ClusterPlan& plan, const node::DataPair& data) const;

 private:
  SpeedBench(SpeedOptions options, ScratchFolder scratch)
      : options_(std::move(options)), scratch_(std::move(scratch)) {}
  SpeedOptions options_;
  ScratchFolder scratch_;
};

// For what is measured in this process: as a peer's (node/process/peer_process.cc), and more: the gradients
// of an uncoded step are too large for any threshold, and would be mapped and cleared in every step.
void compute_as_peers_do();

// The program of this name beside the one that runs.
std::string program_beside(const std::string& name);

}  // namespace polydot::bench
