#include "codes/kernels/encode.h"

#include <algorithm>
#include <vector>

#include "codes/base/check.h"

namespace polydot::codes {

namespace {

// A sum of blocks of x, each times a coefficient; x is padded with zeros at its lower and right edge. A
// column of the result at a time, so that it is written once.
class BlockSum {
 public:
  BlockSum(const Matrix& x, Shape block) : x_(x), block_(block) {}
  void add(Index row, Index col, double coefficient) {
    const Index first_row = row * block_.rows, first_col = col * block_.cols;
    const Index rows = std::min(block_.rows, x_.rows() - first_row);
    const Index cols = std::min(block_.cols, x_.cols() - first_col);
    if (rows > 0 && cols > 0 && coefficient != 0.0)
      terms_.push_back({first_row, first_col, rows, cols, static_cast<float>(coefficient)});
  }
  Matrix sum() const {
    Matrix result(block_.rows, block_.cols);
    for (Index c = 0; c < block_.cols; ++c) {
      Index filled = 0;  // rows that hold a sum already
      for (const Term& term : terms_) {
        if (c >= term.cols) continue;
        const auto from = x_.col(term.first_col + c).segment(term.first_row, term.rows);
        const Index both = std::min(filled, term.rows);
        result.col(c).head(both) += term.coefficient * from.head(both);
        result.col(c).segment(both, term.rows - both) = term.coefficient * from.tail(term.rows - both);
        filled = std::max(filled, term.rows);
      }
      result.col(c).tail(block_.rows - filled).setZero();
    }
    return result;
  }

 private:
  struct Term {
    Index first_row, first_col, rows, cols;
    float coefficient;
  };
  const Matrix& x_;
  Shape block_;
  std::vector<Term> terms_;
};

}  // namespace

Matrix encode_shard(const ShardCode& shard, Index peer, const Matrix& weights) {
  BlockSum sum(weights, shard_shape(shard, weights.rows(), weights.cols()));
  for (Index i = 0; i < shard.row_blocks; ++i)
    for (Index j = 0; j < shard.col_blocks; ++j) sum.add(i, j, shard.encoder(peer, i * shard.col_blocks + j));
  return sum.sum();
}

Matrix combine_row_blocks(const Matrix& x, const Eigen::Ref<const VectorD>& coefficients) {
  const Index blocks = coefficients.size();
  BlockSum sum(x, {padded(x.rows(), blocks) / blocks, x.cols()});
  for (Index k = 0; k < blocks; ++k) sum.add(k, 0, coefficients(k));
  return sum.sum();
}

Matrix encode_operand(const Pass& pass, Index peer, const Matrix& x) {
  const Index blocks = pass.operand_blocks, groups = pass.batch_groups;
  BlockSum sum(x, {padded(x.rows(), blocks) / blocks, padded(x.cols(), groups) / groups});
  for (Index k = 0; k < blocks; ++k)
    for (Index b = 0; b < groups; ++b) sum.add(k, b, pass.operand_encoder(peer, k * groups + b));
  return sum.sum();
}

void multiply(const Pass& pass, const Matrix& shard, const Matrix& operand, Index first, Index count,
              Eigen::Ref<Matrix> y, const AlsoTimes& also) {
  if (pass.transposed)
    multiply_columns(shard, operand, first, count, y, also);
  else
    multiply_rows(shard, operand, first, count, y, also);
}

Matrix multiply_vector(const Pass& pass, const Matrix& state, const Matrix& vector) {
  POLYDOT_CHECK_EQ(vector.size(), pass.transposed ? state.rows() : state.cols());
  Matrix product(pass.transposed ? state.cols() : state.rows(), 1);
  const AlsoTimes times{vector.data(), product.data()};
  if (pass.transposed)
    multiply_columns(state, 0, product.rows(), times);
  else
    multiply_rows(state, 0, product.rows(), times);
  return product;
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
