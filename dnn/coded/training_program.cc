#include "dnn/coded/training_program.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "codes/base/check.h"
#include "codes/base/work_profile.h"
#include "dnn/operations/random.h"

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
      peer_(peer),
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
    // One root, not a root of each: Eigen takes roots of many floats by an approximation that Intel and AMD
    // round differently.
    initial_scales_[0].push_back(std::sqrt(static_cast<double>(weights.rowwise().squaredNorm().maxCoeff())));
    initial_scales_[1].push_back(std::sqrt(static_cast<double>(weights.colwise().squaredNorm().maxCoeff())));
    layers_.emplace_back(code_, peer, weights, plan_.optimizer.momentum != 0);
  }
  for (const codes::ShardCode& shard : code_.shards)
    scrubbed_.push_back(shard.as_code().recovery_threshold < code_.peers());
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
  const auto clean = clean_of({codes::Stage::kBatch}, PassKind::kForward,
                              [&]() -> const Matrix& { return start_batch({}); });
  tell(clean, start_batch(visitor(PassKind::kForward, 0)));
}

const Matrix& TrainingProgram::start_batch(const BatchPass::Visit& visit) {
  std::vector<Label> labels;
  batch_ = sampler_.batch_at(steps_done_);
  train_.gather_labels(batch_, labels);
  training_.start(
      train_.features(), std::move(labels),
      [&](Eigen::Ref<Matrix> samples) { train_.gather_into(batch_, samples); }, visit);
  return training_.input(0);
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
  std::vector<Label> labels;
  test_.gather_labels(indices, labels);
  evaluation_.start(test_.features(), std::move(labels),
                    [&](Eigen::Ref<Matrix> samples) { test_.gather_into(indices, samples); });
}

std::optional<codes::RoundRequest> TrainingProgram::next_round() {
  POLYDOT_CHECK(!awaiting_);
  if (phase_ == Phase::kDone) return std::nullopt;
  awaiting_ = true;
  if (phase_ == Phase::kEvaluation) return make_request(PassKind::kForward, evaluation_slot_++, false);
  const PassKind pass = phase_ == Phase::kForward ? PassKind::kForward : PassKind::kBackward;
  if (pass == PassKind::kForward) {
    visit_shards(codes::Stage::kWeights, layer_);
    visit_shards(codes::Stage::kOptimizer, layer_);
  }
  codes::RoundRequest request = make_request(pass, training_slot(layer_count(), layer_, pass), true);
  request.scrub = make_scrub(pass);
  return request;
}

// Every step scrubs with vectors of its own; an entry of +1 or -1 hides no wrong weight.
std::optional<codes::ScrubRequest> TrainingProgram::make_scrub(PassKind pass) const {
  const Index shard = code_.pass(pass).shard;
  if (!scrubbed_[static_cast<std::size_t>(shard)] || &codes::first_pass(code_, shard) != &code_.pass(pass))
    return std::nullopt;
  const ShardState& state = layer(layer_).shard(shard);
  codes::ScrubRequest scrub;
  scrub.vector.resize(code_.pass(pass).transposed ? state.weights.rows() : state.weights.cols(), 1);
  const auto number = static_cast<std::uint64_t>(layer_ * static_cast<Index>(code_.shards.size()) + shard);
  Random random(plan_.seed, RandomStream::kScrub, steps_done_ << 16 | number);
  for (float& entry : scrub.vector.reshaped()) entry = (random.next() >> 63) != 0 ? 1.0f : -1.0f;
  if (state.velocity.size() > 0) {
    scrub.momentum = &state.velocity;
    // The largest rate that any schedule has.
    scrub.momentum_reach = plan_.optimizer.learning_rate / (1.0 - plan_.optimizer.momentum);
  }
  return scrub;
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
  request.operand = operand_at_hand();
  return request;
}

void TrainingProgram::deliver(codes::Matrix product) {
  const codes::WorkScope scope(codes::Work::kActivation);
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
      deliver_training(PassKind::kForward, std::move(product));
      if (layer_ < last) return void(++layer_);
      // The last layer is the first that goes back, unless it is the only one.
      phase_ = Phase::kBackward;
      return layer_ == 0 ? finish_step() : void();
    case Phase::kBackward:
      deliver_training(PassKind::kBackward, std::move(product));
      return --layer_ == 0 ? finish_step() : void();
    case Phase::kDone:
      break;
  }
  POLYDOT_CHECK(phase_ != Phase::kDone);
}

void TrainingProgram::deliver_training(PassKind pass, Matrix product) {
  using codes::Stage;
  const auto clean = clean_of({Stage::kDecode, Stage::kActivation, Stage::kLoss, Stage::kHadamard}, pass,
                              [&]() -> const Matrix& { return apply(pass, layer_, product, {}); });
  const Matrix& result = apply(pass, layer_, std::move(product), visitor(pass, layer_));
  const bool last_round = layer_count() == 1 || (pass == PassKind::kBackward && layer_ == 1);
  if (last_round)
    before_update_ = clean;
  else
    tell(clean, result);
}

const Matrix& TrainingProgram::apply(PassKind pass, Index layer, Matrix product,
                                     const BatchPass::Visit& visit) {
  if (pass == PassKind::kBackward) {
    training_.finish_backward(layer, std::move(product), visit);
    return training_.delta(layer - 1);
  }
  training_.finish_forward(layer, std::move(product), visit);
  return layer + 1 < layer_count() ? training_.input(layer + 1) : training_.delta(layer);
}

std::shared_ptr<const Matrix> TrainingProgram::recompute_operand(const Matrix& product_before) {
  POLYDOT_CHECK(awaiting_);
  const auto again = [&](PassKind pass, Index layer) {
    apply(pass, layer, product_before, visitor(pass, layer, 1));
  };
  switch (phase_) {
    case Phase::kEvaluation:
      if (layer_ == 0)
        start_evaluation_batch();
      else
        evaluation_.finish_forward(layer_ - 1, product_before);
      break;
    case Phase::kForward:
      if (layer_ == 0)
        start_batch(visitor(PassKind::kForward, 0, 1));
      else
        again(PassKind::kForward, layer_ - 1);
      break;
    case Phase::kBackward:
      if (layer_ == layer_count() - 1)
        again(PassKind::kForward, layer_);
      else
        again(PassKind::kBackward, layer_ + 1);
      break;
    case Phase::kDone:
      POLYDOT_CHECK(phase_ != Phase::kDone);
  }
  return operand_at_hand();
}

// Of the round that comes next or is awaited.
std::shared_ptr<const Matrix> TrainingProgram::operand_at_hand() const {
  if (phase_ == Phase::kEvaluation) return evaluation_.shared_input(layer_);
  return phase_ == Phase::kForward ? training_.shared_input(layer_) : training_.shared_delta(layer_);
}

TrainingProgram::State TrainingProgram::state() const {
  State state;
  for (const CodedMatrix& coded : layers_) state.push_back(coded.shards());
  return state;
}

TrainingProgram::State TrainingProgram::initial_state() const {
  State state;
  const std::vector<Dense> layers = plan_.network.layers();
  for (std::size_t l = 0; l < layers.size(); ++l)
    state.push_back(CodedMatrix(code_, peer_, initial_weights(layers[l], plan_.seed, static_cast<Index>(l)),
                                plan_.optimizer.momentum != 0)
                        .shards());
  return state;
}

void TrainingProgram::restart_at(std::uint64_t steps_done, const State* state) {
  for (std::size_t l = 0; l < layers_.size(); ++l)
    layers_[l].restart(state == nullptr ? nullptr : &(*state)[l]);
  steps_done_ = steps_done;
  awaiting_ = false;
  before_update_.reset();
  advance(false);
}

void TrainingProgram::finish_step() {
  const UpdateTerms terms =
      update_terms(plan_.optimizer, steps_done_, clip_factor_of(training_, plan_.optimizer.clip_norm));
  update_layers(terms);
  const std::uint64_t step = steps_done_++;
  const LossValue& loss = training_.loss();
  if (observer_ != nullptr) {
    observer_->on_samples(step, batch_);
    observer_->on_step(
        {step, sampler_.epoch_of(step), loss.mean, loss.correct, loss.samples, terms.learning_rate});
  }
  advance(false);
}

void TrainingProgram::update_layers(const UpdateTerms& terms) {
  const codes::WorkScope scope(codes::Work::kUpdate);
  const std::optional<ShardState> clean = clean_update(terms);
  for (Index l = 0; l < layer_count(); ++l) layer(l).update(training_.delta(l), training_.input(l), terms);
  if (clean) {
    before_update_->operand = clean->weights;
    tell(before_update_, layer(0).shard(code_.pass(PassKind::kForward).shard).weights);
  }
  before_update_.reset();
  for (Index l = 0; l < layer_count(); ++l) visit_shards(codes::Stage::kUpdate, l);
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

ContributionSizes TrainingProgram::contribution_sizes() const {
  const Index train_batch = std::min(plan_.batch, train_.count());
  const Index test_batch = std::min(plan_.eval_batch, test_.count());
  const auto entries = [&](PassKind pass, Index l, Index batch) {
    const codes::Shape shape = codes::contribution_shape(code_, code_.pass(pass), layer(l).shape(), batch);
    return static_cast<std::size_t>(shape.size() + 2 * shape.rows);  // scrubs of weights and momentum
  };
  ContributionSizes sizes;
  const auto count_training = [&](PassKind pass, Index l) {
    const std::size_t size = entries(pass, l, train_batch);
    sizes.largest = std::max(sizes.largest, size);
    sizes.step += size;
    ++sizes.step_rounds;
  };
  for (Index l = 0; l < layer_count(); ++l) {
    count_training(PassKind::kForward, l);
    if (l > 0) count_training(PassKind::kBackward, l);
    sizes.largest = std::max(sizes.largest, entries(PassKind::kForward, l, test_batch));
  }
  return sizes;
}

std::size_t TrainingProgram::max_contribution_entries() const {
  std::size_t largest = contribution_sizes().largest;
  for (const CodedMatrix& coded : layers_)
    for (Index s = 0; s < coded.shard_count(); ++s)  // whole, with its momentum, for a rebuild
      largest = std::max(largest, 2 * static_cast<std::size_t>(coded.shard(s).weights.size()));
  return largest;
}

}  // namespace polydot::dnn
