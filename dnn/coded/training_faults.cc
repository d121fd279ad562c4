// Where faults are let into a training step on purpose, and what they led to. Without a tap none of it
// happens.
#include <cstring>

#include "dnn/coded/training_program.h"

namespace polydot::dnn {

using codes::PassKind;
using codes::Stage;

namespace {

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

}  // namespace

codes::TapPoint TrainingProgram::point_of(Stage stage, PassKind pass, Index layer,
                                          std::uint32_t attempt) const {
  codes::TapPoint point;
  point.stage = stage;
  point.step = steps_done_;
  point.slot = training_slot(layer_count(), layer, pass);
  point.attempt = attempt;
  point.layer = layer;
  point.pass = pass;
  return point;
}

void TrainingProgram::visit_shards(Stage stage, Index index) {
  if (tap_ == nullptr || !tap_->aims_at(steps_done_, stage)) return;
  codes::TapPoint point = point_of(stage, PassKind::kForward, index);
  CodedMatrix& coded = layer(index);
  for (point.shard = 0; point.shard < coded.shard_count(); ++point.shard) {
    ShardState& state = coded.shard(point.shard);
    Matrix& live = stage == Stage::kOptimizer ? state.velocity : state.weights;
    if (live.size() > 0) tap_->visit(point, live);
  }
}

// The round at whose product the work hangs is that of (pass, layer); a batch belongs to the first.
BatchPass::Visit TrainingProgram::visitor(PassKind pass, Index layer, std::uint32_t attempt) {
  if (tap_ == nullptr) return {};
  return [this, pass, layer, attempt](Stage stage, Index of_layer, Eigen::Ref<Matrix> live) {
    if (!tap_->aims_at(steps_done_, stage)) return;
    codes::TapPoint point = point_of(stage, pass, layer, attempt);
    point.layer = of_layer;
    tap_->visit(point, live);
  };
}

// The same work without faults, first: `act` may be done again.
std::optional<TrainingProgram::Clean> TrainingProgram::clean_of(std::initializer_list<Stage> stages,
                                                                PassKind pass,
                                                                const std::function<const Matrix&()>& act) {
  if (tap_ == nullptr) return std::nullopt;
  Clean clean;
  for (const Stage stage : stages)
    if (tap_->aims_at(steps_done_, stage)) clean.aimed.push_back(point_of(stage, pass, layer_));
  if (clean.aimed.empty()) return std::nullopt;
  clean.operand = act();
  return clean;
}

void TrainingProgram::tell(const std::optional<Clean>& clean, const Matrix& faulty) {
  if (!clean || same_bits(clean->operand, faulty)) return;
  for (const codes::TapPoint& point : clean->aimed) tap_->led_to(point, clean->operand, faulty);
}

// The first layer's shard as the step would leave it without the faults of its last round, which no product
// shows any more.
std::optional<ShardState> TrainingProgram::clean_update(const UpdateTerms& terms) const {
  if (!before_update_ || same_bits(before_update_->operand, training_.delta(0))) return std::nullopt;
  const Index shard = code_.pass(PassKind::kForward).shard;
  ShardState state = layer(0).shard(shard);
  apply_update(code_.shards[static_cast<std::size_t>(shard)], peer_, before_update_->operand,
               training_.input(0), terms, state);
  return state;
}

}  // namespace polydot::dnn
