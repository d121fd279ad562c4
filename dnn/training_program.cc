#include "dnn/training_program.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "codes/check.h"

namespace polydot::dnn {
namespace {

using codes::PassKind;

// The clip factor of a step: all layers together, from what every peer holds.
double clip_factor_of(const BatchPass& batch, double clip_norm) {
  if (clip_norm <= 0) return 1;
  double squared_norm = 0;
  for (Index l = 0; l < batch.layer_count(); ++l)
    squared_norm += squared_gradient_norm(batch.delta(l), batch.input(l));
  return clip_factor(clip_norm, std::sqrt(squared_norm));
}

}  // namespace

std::uint32_t training_slot(Index layers, Index layer, PassKind pass) {
  const Index offset = pass == PassKind::kForward ? layer : layers + (layers - 1 - layer);
  return kTrainingSlotBase + static_cast<std::uint32_t>(offset);
}

TrainingProgram::TrainingProgram(const codes::ProductCode& code, Index peer, TrainingPlan plan,
                                 const Dataset& train, const Dataset& test, codes::FaultTap* tap,
                                 TrainingObserver* observer)
    : code_(code),
      plan_(std::move(plan)),
      train_(train),
      test_(test),
      tap_(tap),
      observer_(observer),
      sampler_(train.count(), plan_.batch, plan_.seed),
      training_(plan_.network, BatchPass::Purpose::kTraining),
      evaluation_(plan_.network, BatchPass::Purpose::kEvaluation) {
  POLYDOT_CHECK(validate(plan_, train, test).ok());
  for (const Dense& dense : plan_.network.layers()) {
    const Matrix weights = initial_weights(dense, plan_.seed, layer_count());
    initial_scales_[0].push_back(static_cast<double>(weights.rowwise().norm().maxCoeff()));
    initial_scales_[1].push_back(static_cast<double>(weights.colwise().norm().maxCoeff()));
    layers_.emplace_back(code_, peer, weights, plan_.optimizer.momentum != 0);
  }
  const Index batches = (test.count() - 1) / plan_.eval_batch + 1;
  POLYDOT_CHECK_LE(batches * layer_count(), static_cast<Index>(kTrainingSlotBase));
  advance(false);
}

void TrainingProgram::advance(bool evaluated) {
  layer_ = 0;
  if (!evaluated && evaluates_at(plan_, steps_per_epoch(), steps_done_)) return start_evaluation();
  if (steps_done_ == plan_.total_steps)
    phase_ = Phase::kDone;
  else
    start_step();
}

void TrainingProgram::start_step() {
  phase_ = Phase::kForward;
  Matrix samples;
  std::vector<std::uint8_t> labels;
  const auto indices = sampler_.batch_at(steps_done_);
  train_.gather(indices, samples);
  train_.gather_labels(indices, labels);
  training_.start(samples, std::move(labels));
}

void TrainingProgram::start_evaluation() {
  phase_ = Phase::kEvaluation;
  evaluated_ = 0;
  evaluation_slot_ = 0;
  evaluation_loss_ = {};
  start_evaluation_batch();
}

void TrainingProgram::start_evaluation_batch() {
  layer_ = 0;
  std::vector<std::uint32_t> indices(
      static_cast<std::size_t>(std::min(plan_.eval_batch, test_.count() - evaluated_)));
  std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(evaluated_));
  Matrix samples;
  std::vector<std::uint8_t> labels;
  test_.gather(indices, samples);
  test_.gather_labels(indices, labels);
  evaluation_.start(samples, std::move(labels));
}

std::optional<codes::RoundRequest> TrainingProgram::next_round() {
  POLYDOT_CHECK(!awaiting_);
  if (phase_ == Phase::kDone) return std::nullopt;
  awaiting_ = true;
  if (phase_ == Phase::kEvaluation) return make_request(PassKind::kForward, evaluation_slot_++, false);
  const PassKind pass = phase_ == Phase::kForward ? PassKind::kForward : PassKind::kBackward;
  if (pass == PassKind::kForward) visit_weights();
  return make_request(pass, training_slot(layer_count(), layer_, pass), true);
}

// Once a step and layer, before the layer's first product of the step.
void TrainingProgram::visit_weights() {
  if (tap_ == nullptr) return;
  codes::TapPoint point;
  point.stage = codes::Stage::kWeights;
  point.step = steps_done_;
  point.slot = training_slot(layer_count(), layer_, PassKind::kForward);
  point.layer = layer_;
  CodedMatrix& coded = layer(layer_);
  for (point.shard = 0; point.shard < coded.shard_count(); ++point.shard)
    tap_->visit(point, coded.shard(point.shard).weights);
}

codes::RoundRequest TrainingProgram::make_request(PassKind pass, std::uint32_t slot, bool training) const {
  codes::RoundRequest request;
  request.key.step = steps_done_;
  request.key.slot = slot;
  request.pass = pass;
  request.layer = layer_;
  request.training = training;
  request.shard = &layer(layer_).shard(code_.pass(pass).shard).weights;
  request.weights = layer(layer_).shape();
  const BatchPass& batch = training ? training_ : evaluation_;
  request.operand = pass == PassKind::kForward ? batch.input(layer_) : batch.delta(layer_);
  return request;
}

void TrainingProgram::deliver(codes::Matrix product) {
  POLYDOT_CHECK(awaiting_);
  awaiting_ = false;
  const codes::Shape weights = layer(layer_).shape();
  POLYDOT_CHECK_EQ(product.rows(), phase_ == Phase::kBackward ? weights.cols : weights.rows);
  const Index last = layer_count() - 1;
  switch (phase_) {
    case Phase::kEvaluation:
      evaluation_.finish_forward(layer_, std::move(product));
      return layer_ == last ? finish_evaluation_batch() : void(++layer_);
    case Phase::kForward:
      training_.finish_forward(layer_, std::move(product));
      if (layer_ < last) return void(++layer_);
      // The last layer is the first that goes back, unless it is the only one.
      phase_ = Phase::kBackward;
      return layer_ == 0 ? finish_step() : void();
    case Phase::kBackward:
      training_.finish_backward(layer_, product);
      return --layer_ == 0 ? finish_step() : void();
    case Phase::kDone:
      break;
  }
  POLYDOT_CHECK(phase_ != Phase::kDone);
}

void TrainingProgram::finish_step() {
  const UpdateTerms terms =
      update_terms(plan_.optimizer, steps_done_, clip_factor_of(training_, plan_.optimizer.clip_norm));
  for (Index l = 0; l < layer_count(); ++l) layer(l).update(training_.delta(l), training_.input(l), terms);
  const std::uint64_t step = steps_done_++;
  const LossValue& loss = training_.loss();
  if (observer_ != nullptr)
    observer_->on_step(
        {step, sampler_.epoch_of(step), loss.mean, loss.correct, loss.samples, terms.learning_rate});
  advance(false);
}

void TrainingProgram::finish_evaluation_batch() {
  evaluation_loss_ = combined(evaluation_loss_, evaluation_.loss());
  evaluated_ += evaluation_.loss().samples;
  if (evaluated_ < test_.count()) return start_evaluation_batch();
  if (observer_ != nullptr)
    observer_->on_evaluation(make_evaluation_record(evaluation_loss_, steps_done_, steps_per_epoch()));
  advance(true);
}

double TrainingProgram::initial_scale(Index layer, PassKind pass) const {
  return initial_scales_[static_cast<std::size_t>(pass)][static_cast<std::size_t>(layer)];
}

std::size_t TrainingProgram::max_contribution_entries() const {
  const Index train_batch = std::min(plan_.batch, train_.count());
  const Index test_batch = std::min(plan_.eval_batch, test_.count());
  Index largest = 0;
  const auto consider = [&](PassKind pass, Index layer_index, Index batch) {
    const codes::Shape weights = layer(layer_index).shape();
    largest = std::max(largest, codes::contribution_shape(code_, code_.pass(pass), weights, batch).size());
  };
  for (Index l = 0; l < layer_count(); ++l) {
    consider(PassKind::kForward, l, std::max(train_batch, test_batch));
    if (l > 0) consider(PassKind::kBackward, l, train_batch);
  }
  return static_cast<std::size_t>(largest);
}

}  // namespace polydot::dnn
