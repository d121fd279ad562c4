// A coded training run in one process, without network, detection or location: the obvious cluster that the
// real one is compared with, and the harness of the tests of dnn/.
//
// P TrainingPrograms in lock step. Each round: every peer's contribution is computed as a peer would; every
// peer decodes by its own least-squares matrix in double and takes the result.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/base/product_code.h"
#include "dnn/coded/training_program.h"
#include "dnn/operations/random.h"
#include "tests/dnn/least_squares.h"

namespace polydot::dnn::testing {

enum class DecodeFrom {
  kAll,  // everybody from all contributions, so all peers agree to the bit
  // Each peer misses one contribution, drawn anew each round: peers agree only up to rounding. Needs K < P.
  kOwnSubset,
};

// Keeps what it is told.
class Recorder : public TrainingObserver {
 public:
  void on_step(const StepRecord& record) override { steps.push_back(record); }
  void on_evaluation(const EvaluationRecord& record) override { evaluations.push_back(record); }
  std::vector<StepRecord> steps;
  std::vector<EvaluationRecord> evaluations;
};

class CodedCluster {
 public:
  // Everything must outlive the cluster. `tap` is peer 0's and may be null.
  CodedCluster(const codes::ProductCode& code, const TrainingPlan& plan, const Dataset& train,
               const Dataset& test, DecodeFrom decode_from, codes::FaultTap* tap = nullptr);

  // One round; false when every program is done. Fails the running test when peers differ in what they ask
  // for, or keys do not increase. `inspect`, if any, sees peer 0's request before it is delivered.
  bool run_round(const std::function<void(const codes::RoundRequest&)>& inspect = nullptr);
  void run() {
    while (run_round()) {
    }
  }

  TrainingProgram& peer(Index index) { return *peers_[static_cast<std::size_t>(index)]; }
  Recorder& recorder(Index index) { return recorders_[static_cast<std::size_t>(index)]; }
  // The layer's plain weights, decoded from every peer's shards of shard code `shard`.
  Matrix weights(Index layer, Index shard = 0);
  // Entries of the largest contribution so far.
  Index largest_contribution() const { return largest_contribution_; }

 private:
  Matrix decode(const codes::RoundRequest& request, const codes::PeerSet& set,
                const std::vector<Matrix>& products);
  codes::PeerSet random_usable_set(const codes::Pass& pass);

  const codes::ProductCode& code_;
  DecodeFrom decode_from_;
  std::vector<Recorder> recorders_;
  std::vector<std::unique_ptr<TrainingProgram>> peers_;
  std::vector<LeastSquares> decoders_;  // by PassKind
  Random random_;
  codes::RoundKey last_key_;
  bool started_ = false;
  Index largest_contribution_ = 0;
};

}  // namespace polydot::dnn::testing
