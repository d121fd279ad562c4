#include "node/training_job.h"

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

codes::Shape TrainingJob::piece_shape(const codes::ShardPart& part) const {
  const codes::Matrix& weights = program_.layer(part.layer).shard(part.shard).weights;
  const codes::Shape lines =
      codes::line_shape(codes::first_pass(code(), part.shard), {weights.rows(), weights.cols()});
  const codes::Index count = part.lines.empty() ? lines.rows : static_cast<codes::Index>(part.lines.size());
  return {lines.cols, count * part.states()};
}

}  // namespace polydot::node
