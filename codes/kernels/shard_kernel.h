// The products of a training step that touch a whole shard, each in one pass over its memory (but for the
// single vector of multiply_columns, which is a product of its own).
//
// Their other operand is thin: a column for each sample of the batch. A general product packs the shard as if
// it were to be used again and again; here it is read once, and asked for ahead of its use
// (tools/bench/RESULTS.md, "Speed"). What fills no tile of the registers is left to Eigen: the two round
// differently, so no product of one may be compared bit by bit with one of the other.
#pragma once

#include <cstdint>

#include "codes/base/matrix.h"

namespace polydot::codes {

// A single vector that the shard is to be multiplied with as well. Each entry of that product depends on its
// row (of shard^T: column) of the shard and on the vector alone, bit for bit: whatever is multiplied beside
// it, by which kernel, and however the rows are cut into calls.
struct AlsoTimes {
  const float* vector = nullptr;  // null: none. As long as a row of what is multiplied
  float* to = nullptr;            // as long as a column; the same rows are written as of y
};

// Rows [first, first + count) of shard * x, into the same rows of y.
void multiply_rows(const Matrix& shard, const Matrix& x, Index first, Index count, Eigen::Ref<Matrix> y,
                   const AlsoTimes& also = {});

// Rows [first, first + count) of shard^T * x, into the same rows of y: so many columns of the shard.
void multiply_columns(const Matrix& shard, const Matrix& x, Index first, Index count, Eigen::Ref<Matrix> y,
                      const AlsoTimes& also = {});

// The same of the vector alone: the bits that it gives beside a product.
void multiply_rows(const Matrix& shard, Index first, Index count, const AlsoTimes& also);
void multiply_columns(const Matrix& shard, Index first, Index count, const AlsoTimes& also);

struct UpdateFactors {
  float keep = 0.0f;   // of the velocity
  float decay = 0.0f;  // of the weights, into the step
  float rate = 0.0f;
};

// step = keep velocity + decay weights + d x^T, which becomes the velocity; weights -= rate step.
// d: weights' rows x batch; x: weights' columns x batch; velocity: of the weights' shape, or null for none.
void add_gradient(const Matrix& d, const Matrix& x, const UpdateFactors& factors, Matrix* velocity,
                  Matrix& weights);

// How many calls of this thread each kernel has served, so that a test can tell which one ran.
struct KernelCounts {
  std::uint64_t rows_in_tiles = 0, rows_by_eigen = 0;
  std::uint64_t columns_in_tiles = 0, columns_by_eigen = 0;
  std::uint64_t gradients_in_tiles = 0, gradients_by_eigen = 0;
};
const KernelCounts& kernel_counts();

}  // namespace polydot::codes
