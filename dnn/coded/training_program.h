// Coded training at one peer: a state machine that asks for coded products and takes them decoded.
//
// The rounds of one training step, L layers: forward of layer 0 .. L-1 (operand X_l), loss and its gradient,
// backward of layer L-1 .. 1 (operand D_l); then all updates, in the deliver of the last round: a step is all
// or nothing. Evaluations are forward rounds over the test samples, between steps. Every peer asks for the
// same rounds in the same order, whatever its values are.
//
// Keys strictly increase as rounds happen. step: the steps done before the round. slot: an evaluation comes
// before the training of the same step, so its rounds count from 0, those of training from kTrainingSlotBase.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/product_code.h"
#include "codes/decode/round_request.h"
#include "dnn/coded/coded_matrix.h"
#include "dnn/data/sampler.h"
#include "dnn/operations/batch_pass.h"
#include "dnn/optimizers/training_plan.h"

namespace polydot::dnn {

// Above any evaluation's number of rounds (checked).
inline constexpr std::uint32_t kTrainingSlotBase = 1u << 24;

// The slot of a training round: forward of layer l, then backward of L-1 .. 1.
std::uint32_t training_slot(Index layers, Index layer, codes::PassKind pass);

// Entries of one peer's contributions, scrubs included.
struct ContributionSizes {
  std::size_t largest = 0;  // of any round, evaluations too
  std::size_t step = 0;     // of all training rounds of a step together
  std::size_t step_rounds = 0;
};

class TrainingProgram {
 public:
  // Encodes this peer's shards of the initial weights. `code`, `train`, `test`, `tap` and `observer` must
  // outlive this; tap and observer may be null. Precondition: validate(plan, train, test).
  TrainingProgram(const codes::ProductCode& code, Index peer, TrainingPlan plan, const Dataset& train,
                  const Dataset& test, codes::FaultTap* tap, TrainingObserver* observer);

  // The next coded product; nullopt when the run is done. The request points at this peer's live shard.
  // Precondition: the one before was delivered.
  std::optional<codes::RoundRequest> next_round();
  // What next_round asked for, decoded: result_rows x batch.
  void deliver(codes::Matrix product);
  // Before the round at hand is delivered: computes its operand anew, from what the round before it decoded
  // to (which the first round of a batch does not need). Returns it; what the step holds is put right.
  // Precondition: next_round was called last.
  std::shared_ptr<const Matrix> recompute_operand(const Matrix& product_before);
  // What a peer keeps of a boundary, by layer and shard.
  using State = std::vector<std::vector<ShardState>>;
  State state() const;
  State initial_state() const;
  // Begins again at this boundary. Null: the shards are lost, zero.
  void restart_at(std::uint64_t steps_done, const State* state);

  std::uint64_t steps_done() const { return steps_done_; }
  std::uint64_t total_steps() const { return plan_.total_steps; }
  std::uint64_t steps_per_epoch() const { return sampler_.steps_per_epoch(); }
  const codes::ProductCode& code() const { return code_; }
  Index layer_count() const { return static_cast<Index>(layers_.size()); }
  const CodedMatrix& layer(Index index) const { return layers_[static_cast<std::size_t>(index)]; }
  CodedMatrix& layer(Index index) { return layers_[static_cast<std::size_t>(index)]; }

  // The largest row norm of the layer's initial W (forward) or W^T (backward).
  double initial_scale(Index layer, codes::PassKind pass) const;
  // The entries of the largest contribution to any round of the run, or of a whole shard with its momentum.
  std::size_t max_contribution_entries() const;
  ContributionSizes contribution_sizes() const;

 private:
  enum class Phase { kEvaluation, kForward, kBackward, kDone };

  // What the step would be without the faults of the moment, and what they may have hit.
  struct Clean {
    std::vector<codes::TapPoint> aimed;
    Matrix operand;
  };

  std::shared_ptr<const Matrix> operand_at_hand() const;
  codes::RoundRequest make_request(codes::PassKind pass, std::uint32_t slot, bool training) const;
  std::optional<codes::ScrubRequest> make_scrub(codes::PassKind pass) const;
  // Takes a decoded product of the training batch; gives what the next round, or the update, works on.
  const Matrix& apply(codes::PassKind pass, Index layer, Matrix product, const BatchPass::Visit& visit);
  const Matrix& start_batch(const BatchPass::Visit& visit);
  void deliver_training(codes::PassKind pass, Matrix product);
  void update_layers(const UpdateTerms& terms);

  // Faults on purpose (training_faults.cc); nothing of it happens without a tap.
  void visit_shards(codes::Stage stage, Index layer);
  codes::TapPoint point_of(codes::Stage stage, codes::PassKind pass, Index layer,
                           std::uint32_t attempt = 0) const;
  BatchPass::Visit visitor(codes::PassKind pass, Index layer, std::uint32_t attempt = 0);
  std::optional<Clean> clean_of(std::initializer_list<codes::Stage> stages, codes::PassKind pass,
                                const std::function<const Matrix&()>& act);
  void tell(const std::optional<Clean>& clean, const Matrix& faulty);
  std::optional<ShardState> clean_update(const UpdateTerms& terms) const;

  void start_step();
  void start_evaluation();
  void start_evaluation_batch();
  void finish_evaluation_batch();
  void finish_step();
  // To the evaluation due now, the next step, or the end.
  void advance(bool evaluated);

  const codes::ProductCode& code_;
  Index peer_;
  TrainingPlan plan_;
  const Dataset& train_;
  const Dataset& test_;
  codes::FaultTap* tap_;
  TrainingObserver* observer_;
  Sampler sampler_;
  std::span<const std::uint32_t> batch_;  // the samples of the step at hand, in the sampler
  std::vector<CodedMatrix> layers_;
  std::vector<bool> scrubbed_;                         // by shard: its code has rows to spare
  std::array<std::vector<double>, 2> initial_scales_;  // by PassKind, layer

  // Where the program stands: the round of (phase, layer) is next, or out if awaiting_.
  Phase phase_ = Phase::kDone;
  Index layer_ = 0;
  bool awaiting_ = false;
  std::uint64_t steps_done_ = 0;
  BatchPass training_, evaluation_;
  std::optional<Clean> before_update_;  // of the last round of the step

  Index evaluated_ = 0;  // test samples before the current batch
  std::uint32_t evaluation_slot_ = 0;
  LossValue evaluation_loss_;
};

}  // namespace polydot::dnn
