// Encoding: from whole matrices to what one peer stores or multiplies.
#pragma once

#include "codes/base/matrix.h"
#include "codes/base/product_code.h"
#include "codes/kernels/shard_kernel.h"

namespace polydot::codes {

// The shard of `weights` (N_out x N_in, padded with zeros inside) that peer `peer` stores.
Matrix encode_shard(const ShardCode& shard, Index peer, const Matrix& weights);

// sum_k coefficient(k) X_k over `coefficients.size()` equal row blocks of X (padded with zeros inside).
// result: (padded rows / blocks) x cols. Used for operands with d = 1 and for both sides of an update.
Matrix combine_row_blocks(const Matrix& x, const Eigen::Ref<const VectorD>& coefficients);

// The coded operand x~_p of a pass. x: rows x batch; result: (padded rows / operand_blocks) x (padded batch /
// d).
Matrix encode_operand(const Pass& pass, Index peer, const Matrix& x);

// Rows [first, first + count) of the coded product, W~ x~ or W~^T x~, written to the same rows of y. By rows:
// each part of the large shard is read once.
void multiply(const Pass& pass, const Matrix& shard, const Matrix& operand, Index first, Index count,
              Eigen::Ref<Matrix> y, const AlsoTimes& also = {});

// W~ or W~^T (or momentum of that shape) times one vector, as a scrub sends it: the bits that `multiply`
// gives along with a product.
Matrix multiply_vector(const Pass& pass, const Matrix& state, const Matrix& vector);

// The inverse of as_code(): all shards (peers rows, one flattened shard each, zero rows where absent)
// combined into the N_out x N_in matrix. In double. `decoder`: blocks x peers.
Matrix decode_weights(const ShardCode& shard, const MatrixD& decoder,
                      const std::vector<const Matrix*>& shards, Index weight_rows, Index weight_cols);

}  // namespace polydot::codes
