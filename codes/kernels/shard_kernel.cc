#include "codes/kernels/shard_kernel.h"

#include <algorithm>

#include "codes/base/check.h"
#include "codes/kernels/tile.h"

namespace polydot::codes {

namespace {

constexpr Index kDepthBlock = 384,
                kRowBlock = 256;          // of a shard: what is packed at once, less than half of an L2
constexpr Index kTransposedDepth = 1024;  // of a column of the shard: eight of them fit into an L1
static_assert(kRowBlock % kTileRows == 0);

thread_local KernelCounts counts;

Index tiled(Index size, Index tile) { return (size + tile - 1) / tile * tile; }
bool fills(Index size, Index tile) { return 4 * size >= 3 * tiled(size, tile); }

// Kept from call to call: no page is asked for twice.
float* buffer(int which, Index size) {
  thread_local Eigen::VectorXf buffers[2];
  if (buffers[which].size() < size) buffers[which].resize(size);
  return buffers[which].data();
}

// Rows of x, `rows` of at most kTileRows, as multiply_tile wants them; missing ones are zero.
void pack_rows(const float* x, Index stride, Index rows, Index depth, float* packed) {
  for (Index k = 0; k < depth; ++k, x += stride, packed += kTileRows) {
    if (rows == kTileRows) {
      for (Index v = 0; v < kTileVectors; ++v)
        store_lanes(load_lanes(x + v * kTileLanes), packed + v * kTileLanes);
    } else {
      std::copy_n(x, rows, packed);
      std::fill(packed + rows, packed + kTileRows, 0.0f);
    }
  }
}

// The same of columns of x.
void pack_columns(const float* x, Index stride, Index cols, Index depth, float* packed) {
  Index k = 0;
  for (; k + kTileLanes <= depth; k += kTileLanes)
    for (Index v = 0; v < kTileVectors; ++v) {
      TileLanes square[kTileLanes] = {};
      for (Index l = 0; l < kTileLanes; ++l)
        if (v * kTileLanes + l < cols) square[l] = load_lanes(x + (v * kTileLanes + l) * stride + k);
      transpose_lanes(square);
      for (Index l = 0; l < kTileLanes; ++l)
        store_lanes(square[l], packed + (k + l) * kTileRows + v * kTileLanes);
    }
  for (; k < depth; ++k)
    for (Index l = 0; l < kTileRows; ++l) packed[k * kTileRows + l] = l < cols ? x[l * stride + k] : 0.0f;
}

constexpr Index kChains = 4;  // each waits for itself

// kTileRows rows, kTileRows floats for each k, `stride` apart, times vector. In one place, never inlined: a
// compiler might fuse a multiplication and an addition here and not there, and the bits must not depend on
// where it is called.
[[gnu::noinline]] void multiply_vector(const float* rows, Index stride, const float* vector, Index depth,
                                       TileLanes* sums) {
  TileLanes chains[kChains][kTileVectors] = {};
  for (Index k = 0; k < depth; ++k, rows += stride) {
    __builtin_prefetch(rows + kTileRows);  // of the next tile
    for (Index v = 0; v < kTileVectors; ++v)
      chains[k % kChains][v] += load_lanes(rows + v * kTileLanes) * vector[k];
  }
  for (Index v = 0; v < kTileVectors; ++v)
    sums[v] = (chains[0][v] + chains[1][v]) + (chains[2][v] + chains[3][v]);
}

// A column times vector; for the same reason never inlined.
[[gnu::noinline]] float multiply_vector(const float* column, const float* vector, Index depth) {
  TileLanes chains[kChains] = {};
  Index k = 0;
  for (; k + kChains * kTileLanes <= depth; k += kChains * kTileLanes)
    for (Index c = 0; c < kChains; ++c)
      chains[c] += load_lanes(column + k + c * kTileLanes) * load_lanes(vector + k + c * kTileLanes);
  for (; k + kTileLanes <= depth; k += kTileLanes)
    chains[0] += load_lanes(column + k) * load_lanes(vector + k);
  const TileLanes lanes = (chains[0] + chains[1]) + (chains[2] + chains[3]);
  float sum = 0.0f;
  for (Index l = 0; l < kTileLanes; ++l) sum += lanes[l];
  for (; k < depth; ++k) sum += column[k] * vector[k];
  return sum;
}

// kTileCols columns at once where they are; the last few packed, with zeros beside them.
struct Columns {
  const float* from;
  Index stride;
  bool packed;
};
Columns columns_at(const float* x, Index stride, Index cols, Index depth, float* spare) {
  if (cols >= kTileCols) return {x, stride, false};
  for (Index k = 0; k < depth; ++k)
    for (Index j = 0; j < kTileCols; ++j) spare[k * kTileCols + j] = j < cols ? x[j * stride + k] : 0.0f;
  return {spare, 0, true};
}

// The tile at `to`, as far as it goes.
void put(const TileSums& sums, bool add, Index rows, Index cols, Index stride, float* to) {
  for (Index j = 0; j < cols; ++j, to += stride)
    for (Index v = 0; v < kTileVectors; ++v) {
      float* at = to + v * kTileLanes;
      const TileLanes& values = sums.of[j][v];
      if ((v + 1) * kTileLanes <= rows) {
        store_lanes(add ? load_lanes(at) + values : values, at);
        continue;
      }
      for (Index l = 0; v * kTileLanes + l < rows; ++l) at[l] = add ? at[l] + values[l] : values[l];
    }
}

// The same lying down.
void put_transposed(const TileSums& sums, bool add, Index rows, Index cols, Index stride, float* to) {
  for (Index r = 0; r < rows; ++r, to += stride)
    for (Index j = 0; j < cols; ++j) {
      const float value = sums.of[j][r / kTileLanes][r % kTileLanes];
      to[j] = add ? to[j] + value : value;
    }
}

struct Block {
  Index row, rows, col, cols;
};

// What follows a block of the shard: the next rows, then the first rows of the next columns.
ReadAhead after(const Matrix& shard, const Block& block, Index first, Index count, Index each) {
  Block next = block;
  next.row += block.rows;
  if (next.row >= first + count) {
    next.row = first;
    next.col += block.cols;
    next.cols = std::min(each, shard.cols() - next.col);
  }
  if (next.cols <= 0) return {};
  const Index rows = std::min(kRowBlock, first + count - next.row);
  return ReadAhead::region(&shard(next.row, next.col), rows, next.cols, shard.rows());
}

void multiply_block(const Matrix& shard, const Matrix& x, const Block& block, ReadAhead ahead, float* packed,
                    Eigen::Ref<Matrix> y, const AlsoTimes& also) {
  for (Index r = 0; r < block.rows; r += kTileRows) {
    const Index rows = std::min(kTileRows, block.rows - r);
    float* tile = packed + r * block.cols;
    pack_rows(&shard(block.row + r, block.col), shard.rows(), rows, block.cols, tile);
    if (also.vector == nullptr) continue;
    TileSums sums;
    multiply_vector(tile, kTileRows, also.vector + block.col, block.cols, sums.of[0]);
    put(sums, block.col > 0, rows, 1, 0, also.to + block.row + r);
  }
  float* spare = buffer(1, block.cols * kTileCols);
  for (Index c = 0; c < x.cols(); c += kTileCols) {
    const Index cols = std::min(kTileCols, x.cols() - c);
    const Columns from = columns_at(&x(block.col, c), x.rows(), cols, block.cols, spare);
    for (Index r = 0; r < block.rows; r += kTileRows) {
      TileSums sums;
      multiply_tile(from.packed, packed + r * block.cols, from.from, from.stride, block.cols, ahead, sums);
      put(sums, block.col > 0, std::min(kTileRows, block.rows - r), cols, y.outerStride(),
          &y(block.row + r, c));
    }
  }
}

// Columns of a shard that are multiplied at once: what is left over is no sliver.
Index depth_of_block(Index depth) {
  const Index parts = (depth + kDepthBlock - 1) / kDepthBlock;
  return (depth + parts - 1) / parts;
}

}  // namespace

const KernelCounts& kernel_counts() { return counts; }

void multiply_rows(const Matrix& shard, Index first, Index count, const AlsoTimes& also) {
  if (shard.cols() == 0) return void(std::fill_n(also.to + first, count, 0.0f));
  const Index each = depth_of_block(shard.cols());
  float* packed = buffer(0, kTileRows * each);
  for (Index col = 0; col < shard.cols(); col += each)
    for (Index row = first; row < first + count; row += kTileRows) {
      const Index rows = std::min(kTileRows, first + count - row), cols = std::min(each, shard.cols() - col);
      const bool whole = rows == kTileRows;
      if (!whole) pack_rows(&shard(row, col), shard.rows(), rows, cols, packed);
      TileSums sums;
      multiply_vector(whole ? &shard(row, col) : packed, whole ? shard.rows() : kTileRows, also.vector + col,
                      cols, sums.of[0]);
      put(sums, col > 0, rows, 1, 0, also.to + row);
    }
}

void multiply_columns(const Matrix& shard, Index first, Index count, const AlsoTimes& also) {
  for (Index col = first; col < first + count; ++col)
    also.to[col] = multiply_vector(shard.data() + col * shard.rows(), also.vector, shard.rows());
}

void multiply_rows(const Matrix& shard, const Matrix& x, Index first, Index count, Eigen::Ref<Matrix> y,
                   const AlsoTimes& also) {
  POLYDOT_CHECK_EQ(shard.cols(), x.rows());
  if (!fills(count, kTileRows) || !fills(x.cols(), kTileCols) || shard.cols() == 0) {
    y.middleRows(first, count).noalias() = shard.middleRows(first, count) * x;
    if (also.vector != nullptr) multiply_rows(shard, first, count, also);
    ++counts.rows_by_eigen;
    return;
  }
  ++counts.rows_in_tiles;
  const Index each = depth_of_block(shard.cols());
  float* packed = buffer(0, kRowBlock * each);
  for (Index col = 0; col < shard.cols(); col += each)
    for (Index row = first; row < first + count; row += kRowBlock) {
      const Block block{row, std::min(kRowBlock, first + count - row), col,
                        std::min(each, shard.cols() - col)};
      multiply_block(shard, x, block, after(shard, block, first, count, each), packed, y, also);
    }
}

void multiply_columns(const Matrix& shard, const Matrix& x, Index first, Index count, Eigen::Ref<Matrix> y,
                      const AlsoTimes& also) {
  POLYDOT_CHECK_EQ(shard.rows(), x.rows());
  if (also.vector != nullptr) multiply_columns(shard, first, count, also);
  const Index depth = shard.rows();
  if (!fills(count, kTileCols) || !fills(x.cols(), kTileRows) || depth == 0) {
    y.middleRows(first, count).noalias() = shard.middleCols(first, count).transpose() * x;
    ++counts.columns_by_eigen;
    return;
  }
  ++counts.columns_in_tiles;
  float* packed = buffer(0, tiled(x.cols(), kTileRows) * depth);
  for (Index c = 0; c < x.cols(); c += kTileRows)
    pack_columns(&x(0, c), x.rows(), std::min(kTileRows, x.cols() - c), depth, packed + c * depth);
  float* spare = buffer(1, kTransposedDepth * kTileCols);
  for (Index col = first; col < first + count; col += kTileCols) {
    const Index cols = std::min(kTileCols, first + count - col);
    for (Index k = 0; k < depth; k += kTransposedDepth) {
      const Index part = std::min(kTransposedDepth, depth - k);
      const Columns from = columns_at(&shard(k, col), depth, cols, part, spare);
      const Index next = std::min(kTileCols, shard.cols() - col - cols);
      ReadAhead ahead = next > 0 ? ReadAhead::region(&shard(k, col + cols), part, next, depth) : ReadAhead{};
      for (Index c = 0; c < x.cols(); c += kTileRows) {
        TileSums sums;
        multiply_tile(from.packed, packed + c * depth + k * kTileRows, from.from, from.stride, part, ahead,
                      sums);
        put_transposed(sums, k > 0, std::min(kTileRows, x.cols() - c), cols, y.outerStride(), &y(col, c));
      }
    }
  }
}

namespace {

// One vector of a shard, or with the last rows of it less than one.
template <typename Value>
void step(const UpdateFactors& factors, const Value& gradient, Value* velocity, Value& weights) {
  Value whole = gradient;
  if (factors.decay != 0) whole += factors.decay * weights;  // else a weight that is not finite stays alone
  if (velocity != nullptr) *velocity = whole = factors.keep * *velocity + whole;
  weights -= factors.rate * whole;
}

void step_tile(const UpdateFactors& factors, const TileSums& sums, Index rows, Index cols, Index stride,
               float* velocity, float* weights) {
  for (Index j = 0; j < cols; ++j)
    for (Index v = 0; v < kTileVectors; ++v) {
      const Index at = j * stride + v * kTileLanes;
      if ((v + 1) * kTileLanes <= rows) {
        TileLanes w = load_lanes(weights + at), old{};
        if (velocity != nullptr) old = load_lanes(velocity + at);
        step(factors, sums.of[j][v], velocity != nullptr ? &old : nullptr, w);
        if (velocity != nullptr) store_lanes(old, velocity + at);
        store_lanes(w, weights + at);
        continue;
      }
      for (Index l = 0; v * kTileLanes + l < rows; ++l) {
        const float gradient = sums.of[j][v][l];
        step(factors, gradient, velocity != nullptr ? velocity + at + l : nullptr, weights[at + l]);
      }
    }
}

void add_gradient_plainly(const Matrix& d, const Matrix& x, const UpdateFactors& factors, Matrix* velocity,
                          Matrix& weights) {
  Matrix whole = d * x.transpose();
  if (factors.decay != 0) whole += factors.decay * weights;
  if (velocity != nullptr) *velocity = whole = factors.keep * *velocity + whole;
  weights -= factors.rate * whole;
}

}  // namespace

void add_gradient(const Matrix& d, const Matrix& x, const UpdateFactors& factors, Matrix* velocity,
                  Matrix& weights) {
  POLYDOT_CHECK_EQ(d.cols(), x.cols());
  POLYDOT_CHECK_EQ(d.rows(), weights.rows());
  POLYDOT_CHECK_EQ(x.rows(), weights.cols());
  const Index rows = weights.rows(), depth = d.cols();
  if (!fills(rows, kTileRows) || !fills(weights.cols(), kTileCols)) {
    ++counts.gradients_by_eigen;
    return add_gradient_plainly(d, x, factors, velocity, weights);
  }
  ++counts.gradients_in_tiles;
  float* packed = buffer(0, tiled(rows, kTileRows) * depth);
  for (Index r = 0; r < rows; r += kTileRows)
    pack_rows(&d(r, 0), rows, std::min(kTileRows, rows - r), depth, packed + r * depth);
  float* right = buffer(1, depth * kTileCols);
  const std::ptrdiff_t second = velocity == nullptr ? 0 : velocity->data() - weights.data();
  for (Index c = 0; c < weights.cols(); c += kTileCols) {
    const Index cols = std::min(kTileCols, weights.cols() - c);
    for (Index k = 0; k < depth; ++k)
      for (Index j = 0; j < kTileCols; ++j) right[k * kTileCols + j] = j < cols ? x(c + j, k) : 0.0f;
    for (Index r = 0; r < rows; r += kTileRows) {
      const bool last = r + kTileRows >= rows;
      const Index next_col = last ? c + cols : c, next_row = last ? 0 : r + kTileRows;
      ReadAhead ahead;
      if (next_col < weights.cols())
        ahead = ReadAhead::region(&weights(next_row, next_col), std::min(kTileRows, rows - next_row),
                                  std::min(kTileCols, weights.cols() - next_col), rows, second);
      TileSums sums;
      multiply_tile<true>(packed + r * depth, right, 0, depth, ahead, sums);
      step_tile(factors, sums, std::min(kTileRows, rows - r), cols, rows,
                velocity == nullptr ? nullptr : &(*velocity)(r, c), &weights(r, c));
    }
  }
}

}  // namespace polydot::codes
