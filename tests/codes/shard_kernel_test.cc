// The kernels of a shard against the plain products in double, at every kind of edge of a tile.
#include "codes/kernels/shard_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace polydot::codes {
namespace {

class ShardKernel : public ::testing::Test {
 protected:
  Matrix random(Index rows, Index cols) {
    Matrix matrix(rows, cols);
    for (float& entry : matrix.reshaped()) entry = normal_(generator_);
    return matrix;
  }
  // Rounding of sums of `depth` products of normal numbers.
  static double tolerance(Index depth) { return 1e-6 * static_cast<double>(depth) + 1e-5; }
  static double distance(const Matrix& a, const MatrixD& b) {
    return (a.cast<double>() - b).cwiseAbs().maxCoeff();
  }

 private:
  std::mt19937 generator_{11};
  std::normal_distribution<float> normal_;
};

constexpr float kUntouched = -77.0f;

struct Product {
  Index rows, cols, batch;  // of the shard
};

constexpr Product kProducts[] = {{1, 1, 1},      {5, 33, 8},     {24, 17, 6},     {31, 40, 31},
                                 {32, 8, 8},     {33, 9, 32},    {64, 64, 64},    {100, 385, 24},
                                 {257, 400, 35}, {300, 769, 33}, {520, 1030, 50}, {1100, 70, 130}};

TEST_F(ShardKernel, MultipliesRowsLikeThePlainProduct) {
  for (const auto& [rows, cols, batch] : kProducts)
    for (const Index first : {Index{0}, rows / 3}) {
      SCOPED_TRACE(::testing::Message()
                   << rows << " x " << cols << ", batch " << batch << ", from " << first);
      const Matrix shard = random(rows, cols), x = random(cols, batch), vector = random(cols, 1);
      const Index count = rows - first - (rows - first) / 5;
      Matrix y = Matrix::Constant(rows, batch, kUntouched), along = Matrix::Constant(rows, 1, kUntouched);
      multiply_rows(shard, x, first, count, y, {vector.data(), along.data()});
      const MatrixD part = shard.cast<double>().middleRows(first, count);
      ASSERT_LE(distance(y.middleRows(first, count), part * x.cast<double>()), tolerance(cols));
      ASSERT_LE(distance(along.middleRows(first, count), part * vector.cast<double>()), tolerance(cols));
      for (Index r = 0; r < rows; ++r)
        if (r < first || r >= first + count) {
          ASSERT_TRUE((y.row(r).array() == kUntouched).all()) << r;
          ASSERT_EQ(along(r), kUntouched) << r;
        }
    }
}

TEST_F(ShardKernel, MultipliesColumnsLikeThePlainProduct) {
  for (const auto& [cols, rows, batch] : kProducts)
    for (const Index first : {Index{0}, cols / 3}) {
      SCOPED_TRACE(::testing::Message()
                   << rows << " x " << cols << ", batch " << batch << ", from " << first);
      const Matrix shard = random(rows, cols), x = random(rows, batch), vector = random(rows, 1);
      const Index count = cols - first - (cols - first) / 5;
      Matrix y = Matrix::Constant(cols, batch, kUntouched), along = Matrix::Constant(cols, 1, kUntouched);
      multiply_columns(shard, x, first, count, y, {vector.data(), along.data()});
      const MatrixD part = shard.cast<double>().middleCols(first, count).transpose();
      ASSERT_LE(distance(y.middleRows(first, count), part * x.cast<double>()), tolerance(rows));
      ASSERT_LE(distance(along.middleRows(first, count), part * vector.cast<double>()), tolerance(rows));
      for (Index r = 0; r < cols; ++r)
        if (r < first || r >= first + count) {
          ASSERT_TRUE((y.row(r).array() == kUntouched).all()) << r;
        }
    }
}

// Into part of a wider matrix, as a contribution has scrubs behind it.
TEST_F(ShardKernel, WritesIntoPartOfAMatrix) {
  const Matrix shard = random(96, 48), x = random(48, 32), across = random(96, 32);
  Matrix wide = Matrix::Constant(96, 34, kUntouched);
  multiply_rows(shard, x, 0, 96, wide.middleCols(1, 32));
  EXPECT_LE(distance(wide.middleCols(1, 32), shard.cast<double>() * x.cast<double>()), tolerance(48));
  EXPECT_TRUE((wide.col(0).array() == kUntouched).all() && (wide.col(33).array() == kUntouched).all());
  Matrix tall = Matrix::Constant(60, 34, kUntouched);
  multiply_columns(shard, across, 0, 48, tall.middleCols(1, 32));
  EXPECT_LE(distance(tall.block(0, 1, 48, 32), shard.transpose().cast<double>() * across.cast<double>()),
            tolerance(96));
  EXPECT_TRUE((tall.bottomRows(12).array() == kUntouched).all());
}

// A scrub is computed again by who is named in it, beside another batch or none at all: the bits must not say
// that it had been computed wrong.
TEST_F(ShardKernel, AVectorGivesTheSameBitsWhateverIsMultipliedBesideIt) {
  const KernelCounts before = kernel_counts();
  for (const auto& [rows, cols, most] : kProducts)
    for (const Index batch : {Index{1}, Index{5}, Index{64}, most}) {
      const Matrix shard = random(rows, cols), x = random(cols, batch), across = random(rows, batch);
      const Matrix vector = random(cols, 1), other = random(rows, 1);
      Matrix alone(rows, 1), transposed(cols, 1);
      multiply_rows(shard, 0, rows, {vector.data(), alone.data()});
      multiply_columns(shard, 0, cols, {other.data(), transposed.data()});
      for (const Index cut : {Index{1}, Index{7}, Index{64}, std::max(rows, cols)}) {
        SCOPED_TRACE(::testing::Message()
                     << rows << " x " << cols << ", batch " << batch << ", cut by " << cut);
        Matrix y(rows, batch), z(cols, batch), along(rows, 1), across_it(cols, 1);
        for (Index first = 0; first < rows; first += cut)
          multiply_rows(shard, x, first, std::min(cut, rows - first), y, {vector.data(), along.data()});
        for (Index first = 0; first < cols; first += cut)
          multiply_columns(shard, across, first, std::min(cut, cols - first), z,
                           {other.data(), across_it.data()});
        ASSERT_EQ(std::memcmp(along.data(), alone.data(), static_cast<std::size_t>(rows) * sizeof(float)), 0);
        ASSERT_EQ(
            std::memcmp(across_it.data(), transposed.data(), static_cast<std::size_t>(cols) * sizeof(float)),
            0);
      }
    }
  // By either kernel.
  EXPECT_GT(kernel_counts().rows_in_tiles, before.rows_in_tiles);
  EXPECT_GT(kernel_counts().rows_by_eigen, before.rows_by_eigen);
  EXPECT_GT(kernel_counts().columns_in_tiles, before.columns_in_tiles);
  EXPECT_GT(kernel_counts().columns_by_eigen, before.columns_by_eigen);
}

TEST_F(ShardKernel, SaysWhichKernelRan) {
  const auto rows_in_tiles = [&](Index rows, Index cols, Index batch) {
    const KernelCounts before = kernel_counts();
    Matrix y(rows, batch);
    multiply_rows(random(rows, cols), random(cols, batch), 0, rows, y);
    EXPECT_EQ(kernel_counts().rows_in_tiles + kernel_counts().rows_by_eigen,
              before.rows_in_tiles + before.rows_by_eigen + 1);
    return kernel_counts().rows_in_tiles > before.rows_in_tiles;
  };
  // 784-256-128-10 on a 2x2 grid, a batch of 64; and what tests were made with, 20-16-12-5.
  EXPECT_TRUE(rows_in_tiles(128, 393, 64));
  EXPECT_TRUE(rows_in_tiles(64, 129, 64));
  EXPECT_FALSE(rows_in_tiles(5, 65, 64));
  EXPECT_FALSE(rows_in_tiles(8, 11, 32));
}

TEST_F(ShardKernel, AddsTheGradientLikeThePlainUpdate) {
  for (const auto& [rows, cols, batch] : kProducts)
    for (const bool momentum : {false, true})
      for (const float decay : {0.0f, 0.01f}) {
        SCOPED_TRACE(::testing::Message() << rows << " x " << cols << ", batch " << batch << ", momentum "
                                          << momentum << ", decay " << decay);
        const Matrix d = random(rows, batch), x = random(cols, batch);
        Matrix weights = random(rows, cols), velocity = random(rows, cols);
        const UpdateFactors factors{.keep = 0.9f, .decay = decay, .rate = 0.1f};
        MatrixD step = d.cast<double>() * x.transpose().cast<double>() +
                       static_cast<double>(decay) * weights.cast<double>();
        if (momentum) step += static_cast<double>(factors.keep) * velocity.cast<double>();
        const MatrixD right = weights.cast<double>() - static_cast<double>(factors.rate) * step;
        add_gradient(d, x, factors, momentum ? &velocity : nullptr, weights);
        ASSERT_LE(distance(weights, right), tolerance(batch));
        if (momentum) {
          ASSERT_LE(distance(velocity, step), tolerance(batch));
        }
      }
}

// A weight that is not finite, in a large shard and in a small one: without decay it stays alone.
TEST_F(ShardKernel, AWildWeightDoesNotReachTheMomentum) {
  for (const Index size : {Index{7}, Index{64}}) {
    const Matrix d = random(size, 32), x = random(size, 32);
    Matrix weights = random(size, size), velocity = random(size, size);
    weights(3, 4) = std::numeric_limits<float>::infinity();
    add_gradient(d, x, {.keep = 0.9f, .rate = 0.1f}, &velocity, weights);
    EXPECT_TRUE(velocity.allFinite());
    EXPECT_FALSE(std::isfinite(weights(3, 4)));
    weights(3, 4) = 0.0f;
    EXPECT_TRUE(weights.allFinite());
  }
}

}  // namespace
}  // namespace polydot::codes
