#include "codes/encode.h"

#include <algorithm>

#include "codes/check.h"

namespace polydot::codes {

namespace {

// result += coefficient * block (row, col) of x, where x is cut in blocks of the size of `result` and padded
// with zeros at its lower and right edge.
void add_block(const Matrix& x, Index row, Index col, double coefficient, Matrix& result) {
  const Index first_row = row * result.rows(), first_col = col * result.cols();
  const Index rows = std::min(result.rows(), x.rows() - first_row);
  const Index cols = std::min(result.cols(), x.cols() - first_col);
  if (rows <= 0 || cols <= 0 || coefficient == 0.0) return;
  result.topLeftCorner(rows, cols) +=
      static_cast<float>(coefficient) * x.block(first_row, first_col, rows, cols);
}

}  // namespace

Matrix encode_shard(const ShardCode& shard, Index peer, const Matrix& weights) {
  const Shape shape = shard_shape(shard, weights.rows(), weights.cols());
  Matrix result = Matrix::Zero(shape.rows, shape.cols);
  for (Index i = 0; i < shard.row_blocks; ++i)
    for (Index j = 0; j < shard.col_blocks; ++j)
      add_block(weights, i, j, shard.encoder(peer, i * shard.col_blocks + j), result);
  return result;
}

Matrix combine_row_blocks(const Matrix& x, const Eigen::Ref<const VectorD>& coefficients) {
  const Index blocks = coefficients.size();
  Matrix result = Matrix::Zero(padded(x.rows(), blocks) / blocks, x.cols());
  for (Index k = 0; k < blocks; ++k) add_block(x, k, 0, coefficients(k), result);
  return result;
}

Matrix encode_operand(const Pass& pass, Index peer, const Matrix& x) {
  const Index blocks = pass.operand_blocks, groups = pass.batch_groups;
  Matrix result = Matrix::Zero(padded(x.rows(), blocks) / blocks, padded(x.cols(), groups) / groups);
  for (Index k = 0; k < blocks; ++k)
    for (Index b = 0; b < groups; ++b) add_block(x, k, b, pass.operand_encoder(peer, k * groups + b), result);
  return result;
}

void multiply(const Pass& pass, const Matrix& shard, const Matrix& operand, Index first, Index count,
              Eigen::Ref<Matrix> y, const AlsoTimes& also) {
  if (pass.transposed)
    multiply_columns(shard, operand, first, count, y, also);
  else
    multiply_rows(shard, operand, first, count, y, also);
}

Matrix decode_weights(const ShardCode& shard, const MatrixD& decoder,
                      const std::vector<const Matrix*>& shards, Index weight_rows, Index weight_cols) {
  POLYDOT_CHECK_EQ(decoder.cols(), static_cast<Index>(shards.size()));
  const Shape shape = shard_shape(shard, weight_rows, weight_cols);
  MatrixD whole = MatrixD::Zero(shape.rows * shard.row_blocks, shape.cols * shard.col_blocks);
  for (Index i = 0; i < shard.row_blocks; ++i)
    for (Index j = 0; j < shard.col_blocks; ++j)
      for (std::size_t p = 0; p < shards.size(); ++p)
        if (shards[p] != nullptr)
          whole.block(i * shape.rows, j * shape.cols, shape.rows, shape.cols) +=
              decoder(i * shard.col_blocks + j, static_cast<Index>(p)) * shards[p]->cast<double>();
  return whole.topLeftCorner(weight_rows, weight_cols).cast<float>();
}

}  // namespace polydot::codes
