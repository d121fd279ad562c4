// One peer's share of one weight matrix: a shard for each ShardCode of the product code, and its momentum.
//
// The update is linear, so the shards are updated in place and stay on the code, without a word to anybody:
//   v~ <- mu v~ + c D~ X~^T + wd W~,   W~ <- W~ - lr v~
//   D~ = sum_i update_rows(p, i) D_i,   X~ = sum_j update_columns(p, j) X_j
//
// Shapes    W: N_out x N_in, the bias column included; D: N_out x batch
//           X: N_in x batch, the row of ones included
//           shards as codes::shard_shape says, padded with zeros that updates leave zero
// Source    generalized PolyDot, arXiv 1811.10751, section IV
#pragma once

#include <vector>

#include "codes/base/product_code.h"
#include "codes/decode/shard_part.h"
#include "codes/kernels/encode.h"
#include "dnn/operations/tensor.h"
#include "dnn/optimizers/optimizer.h"

namespace polydot::dnn {

// All that one shard is; what checkpoints and rebuilds move.
struct ShardState {
  Matrix weights;   // W~
  Matrix velocity;  // v~, of the same shape; empty without momentum
};

// The update of one shard at peer `peer`: a function of (state, D, X, terms) and of nothing else, for the
// training peer and the rebuilding one alike. Precondition: velocity is empty if and only if momentum is 0.
void apply_update(const codes::ShardCode& code, Index peer, const Matrix& d, const Matrix& x,
                  const UpdateTerms& terms, ShardState& state);

class CodedMatrix {
 public:
  // Encodes the shards of `initial`. `code` must outlive this.
  CodedMatrix(const codes::ProductCode& code, Index peer, const Matrix& initial, bool has_momentum);

  // Of the plain matrix.
  codes::Shape shape() const { return shape_; }
  const std::vector<ShardState>& shards() const { return shards_; }
  Index shard_count() const { return static_cast<Index>(shards_.size()); }
  const ShardState& shard(Index index) const { return shards_[static_cast<std::size_t>(index)]; }
  ShardState& shard(Index index) { return shards_[static_cast<std::size_t>(index)]; }

  // The root mean square norm of the lines (shard_part.h) of the blocks that a shard is made of, before any
  // update.
  double initial_line_norm(Index shard) const { return initial_line_norms_[static_cast<std::size_t>(shard)]; }

  void update(const Matrix& d, const Matrix& x, const UpdateTerms& terms);

  // Repair. The update is linear in (W~, v~), so what a shard lacks at one boundary can be added at a later
  // one: it has gone through the homogeneous part of the updates in between, four scalars for a whole shard.
  // No update waits, and nothing of the steps in between is kept.
  //
  // The state of `part`, a line a column: first of the weights, then of the momentum.
  Matrix capture(const codes::ShardPart& part) const;
  // The boundary at hand is the one that the right state will be given for. A repair of the same shard that
  // has begun before is dropped. Noise is for some lines only, not for a whole shard.
  void begin_repair(const codes::ShardPart& part, codes::Meanwhile meanwhile);
  // right: what `capture` of a right shard would have given at that boundary. False: no such repair is open.
  bool complete_repair(const codes::ShardPart& part, const Matrix& right);
  // Other shards in the place of these; null: zero. No repair is open any more.
  void restart(const std::vector<ShardState>* shards);

 private:
  struct Repair {
    codes::ShardPart part;
    Matrix mine;                                          // at the boundary; empty: zero
    Eigen::Matrix2d since = Eigen::Matrix2d::Identity();  // (W~, v~) now from (W~, v~) then, without D and X
  };
  // Overwrites the lines of `part`.
  void fill(const codes::ShardPart& part, codes::Meanwhile with);
  // The median norm of the lines of a state that are not in `part`.
  double typical_norm(const codes::ShardPart& part, const Matrix& state) const;
  // Adds a piece, times a factor for each state, to the lines of `part`.
  void add(const codes::ShardPart& part, const Matrix& piece, double to_weights, double to_momentum);
  bool by_columns(Index shard) const;  // lines of this shard are its columns

  const codes::ProductCode* code_;
  Index peer_;
  codes::Shape shape_;
  std::vector<ShardState> shards_;
  std::vector<double> initial_line_norms_;
  std::vector<Repair> repairs_;
};

}  // namespace polydot::dnn
