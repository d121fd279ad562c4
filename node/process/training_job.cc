#include "node/process/training_job.h"

#include <algorithm>

namespace polydot::node {

// The first layer has no backpropagation round: a shard for that pass alone is never used there.
std::vector<codes::ShardPart> TrainingJob::parts() const {
  std::vector<codes::ShardPart> all;
  const codes::Index forward = code().pass(codes::PassKind::kForward).shard;
  for (codes::Index l = 0; l < program_.layer_count(); ++l)
    for (codes::Index s = 0; s < program_.layer(l).shard_count(); ++s)
      if (l > 0 || s == forward) {
        codes::ShardPart part;
        part.layer = l;
        part.shard = s;
        part.momentum = program_.layer(l).shard(s).velocity.size() > 0;
        all.push_back(part);
      }
  return all;
}

void TrainingJob::deliver(codes::Matrix product) {
  const std::uint64_t before = program_.steps_done();
  program_.deliver(std::move(product));
  const std::uint64_t now = program_.steps_done();
  if (checkpoint_every_ == 0 || now == before || now % checkpoint_every_ != 0 || !whole_) return;
  // Training does not depend on it: an older checkpoint, or the start, is still there.
  if (shelf_.keep(epoch_, program_)) kept_ = now;
}

Outcome TrainingJob::keep_last() {
  if (program_.steps_done() == kept_ || !whole_) return Unit{};
  return shelf_.keep(epoch_, program_);
}

// Everybody can make the start again, from the seed.
std::vector<protocol::CheckpointId> TrainingJob::checkpoints() const {
  std::vector<protocol::CheckpointId> ids = shelf_.list();
  ids.insert(ids.begin(), protocol::CheckpointId{});
  return ids;
}

bool TrainingJob::restart(const protocol::CheckpointId& target, std::uint32_t epoch) {
  epoch_ = epoch;
  const auto state =
      target == protocol::CheckpointId{} ? std::optional(program_.initial_state()) : shelf_.find(target);
  if (state) kept_ = target.boundary;
  program_.restart_at(target.boundary, state ? &*state : nullptr);
  return state.has_value();
}

void TrainingJob::follow(std::uint64_t boundary, std::uint32_t epoch) {
  epoch_ = epoch;
  program_.restart_at(std::min(boundary, program_.total_steps()), nullptr);
}

codes::Shape TrainingJob::piece_shape(const codes::ShardPart& part) const {
  const codes::Matrix& weights = program_.layer(part.layer).shard(part.shard).weights;
  const codes::Shape lines =
      codes::line_shape(codes::first_pass(code(), part.shard), {weights.rows(), weights.cols()});
  const codes::Index count = part.lines.empty() ? lines.rows : static_cast<codes::Index>(part.lines.size());
  return {lines.cols, count * part.states()};
}

}  // namespace polydot::node
