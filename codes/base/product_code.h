// A coded matrix product as a value: what each peer stores, what it multiplies, how the products decode.
//
// A weight matrix W (N_out x N_in) is cut into row_blocks x col_blocks equal blocks (padded with zeros); peer
// p stores the shard W~_p = sum_ij encoder(p, i col_blocks + j) W_ij. The operand (rows x batch) is cut into
// operand_blocks row blocks and batch_groups column groups; peer p forms
// x~_p = sum_kb operand_encoder(p, k batch_groups + b) X_kb. Its contribution is W~_p x~_p, or W~_p^T x~_p
// when the pass is transposed. Decoded block r = i batch_groups + b is row block i, column group b of the
// result.
//
// Source    generalized PolyDot, arXiv 1811.10751, section IV; the real, nested form in CODES.md
#pragma once

#include <string>
#include <vector>

#include "codes/base/linear_code.h"
#include "codes/base/matrix.h"

namespace polydot::codes {

struct ShardCode {
  Index row_blocks = 1;
  Index col_blocks = 1;
  MatrixD encoder;         // peers x (row_blocks col_blocks), column i col_blocks + j
  MatrixD update_rows;     // peers x row_blocks: encodes D, row blocks of the update D X^T
  MatrixD update_columns;  // peers x col_blocks: encodes X; encoder(p, i col_blocks + j) is their product

  // The shards as a code of their own: V = encoder, F = identity. Used to scrub, rebuild, export.
  LinearCode as_code() const;
};

struct Pass {
  Index shard = 0;  // index into ProductCode::shards
  bool transposed = false;
  Index operand_blocks = 1;
  Index batch_groups = 1;   // d
  MatrixD operand_encoder;  // peers x (operand_blocks batch_groups)
  LinearCode code;
  VectorD sigma;  // peers: ||encoder row|| ||operand encoder row||, how loud the rounding of a peer is

  Index result_blocks() const { return code.wanted() / batch_groups; }
};

enum class PassKind { kForward = 0, kBackward = 1 };

struct ProductCode {
  std::string name;  // polydot, monomial, mds, replication, uncoded
  Index m = 1, n = 1, d = 1;
  VectorD points;  // evaluation points; empty for codes that have none
  std::vector<ShardCode> shards;
  std::vector<Pass> passes;  // indexed by PassKind: forward, backward

  Index peers() const { return shards.front().encoder.rows(); }
  const Pass& pass(PassKind kind) const { return passes[static_cast<std::size_t>(kind)]; }
  // The smallest number of contributions with which every pass decodes from any set.
  Index recovery_threshold() const;
};

// count rounded up to a multiple of blocks.
inline Index padded(Index count, Index blocks) { return (count + blocks - 1) / blocks * blocks; }

// The shape of one peer's shard of an N_out x N_in matrix.
struct Shape {
  Index rows = 0, cols = 0;
  Index size() const { return rows * cols; }
  friend bool operator==(const Shape&, const Shape&) = default;
};
Shape shard_shape(const ShardCode& shard, Index weight_rows, Index weight_cols);
// The shape of one peer's contribution: (padded result rows / result blocks) x (padded batch / groups).
Shape contribution_shape(const ProductCode& code, const Pass& pass, Shape weights, Index batch);

}  // namespace polydot::codes
