#include "dnn/coded_matrix.h"

#include "codes/check.h"

namespace polydot::dnn {

void apply_update(const codes::ShardCode& code, Index peer, const Matrix& d, const Matrix& x,
                  const UpdateTerms& terms, ShardState& state) {
  Matrix coded_d = codes::combine_row_blocks(d, code.update_rows.row(peer).transpose());
  const Matrix coded_x = codes::combine_row_blocks(x, code.update_columns.row(peer).transpose());
  POLYDOT_CHECK_EQ(coded_d.rows(), state.weights.rows());
  POLYDOT_CHECK_EQ(coded_x.rows(), state.weights.cols());
  const float rate = static_cast<float>(terms.learning_rate);
  const float decay = static_cast<float>(terms.weight_decay);
  const float momentum = static_cast<float>(terms.momentum);
  // The scalars go into the thin factor, never into another pass over the shard.
  if (terms.momentum == 0) {
    POLYDOT_CHECK_EQ(state.velocity.size(), 0);
    coded_d *= rate * static_cast<float>(terms.clip_factor);
    // Not W *= 1 - lr wd: rounding that factor would shrink all weights the same wrong way, step after step.
    if (decay != 0) state.weights -= rate * decay * state.weights;
    state.weights.noalias() -= coded_d * coded_x.transpose();
    return;
  }
  POLYDOT_CHECK_EQ(state.velocity.size(), state.weights.size());
  coded_d *= static_cast<float>(terms.clip_factor);
  if (decay != 0)
    state.velocity = momentum * state.velocity + decay * state.weights;
  else
    state.velocity *= momentum;
  state.velocity.noalias() += coded_d * coded_x.transpose();
  state.weights -= rate * state.velocity;
}

CodedMatrix::CodedMatrix(const codes::ProductCode& code, Index peer, const Matrix& initial, bool has_momentum)
    : code_(&code), peer_(peer), shape_{initial.rows(), initial.cols()} {
  POLYDOT_CHECK_LE(0, peer);
  POLYDOT_CHECK_LT(peer, code.peers());
  for (const codes::ShardCode& shard_code : code.shards) {
    ShardState& state = shards_.emplace_back();
    state.weights = codes::encode_shard(shard_code, peer, initial);
    if (has_momentum) state.velocity = Matrix::Zero(state.weights.rows(), state.weights.cols());
  }
}

void CodedMatrix::update(const Matrix& d, const Matrix& x, const UpdateTerms& terms) {
  POLYDOT_CHECK_EQ(d.rows(), shape_.rows);
  POLYDOT_CHECK_EQ(x.rows(), shape_.cols);
  for (std::size_t s = 0; s < shards_.size(); ++s)
    apply_update(code_->shards[s], peer_, d, x, terms, shards_[s]);
}

}  // namespace polydot::dnn
