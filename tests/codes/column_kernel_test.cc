// The vectors of the kernel against the plain product, at every length of a tail and number of outputs.
#include "codes/kernels/column_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace polydot::codes {
namespace {

struct Column {
  Column(Index rows, Index inputs, Index outputs, Index wanted, unsigned seed = 3)
      : rows_(rows), wanted_(wanted), transform(inputs, outputs), values(rows, inputs) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (float& entry : transform.reshaped()) entry = normal(random);
    for (float& entry : values.reshaped()) entry = normal(random);
    kept = Matrix::Constant(rows, std::max<Index>(wanted, 1), -7.0f);
    sizes = Eigen::VectorXf::Constant(rows, -7.0f);
    // At an address that no vector register likes.
    memory.resize(static_cast<std::size_t>(rows * inputs + 1));
  }
  void run(Index kept_rows) {
    std::vector<const float*> inputs;
    for (Index p = 0; p < values.cols(); ++p) {
      float* to = memory.data() + 1 + p * rows_;
      std::copy_n(values.col(p).data(), rows_, to);
      inputs.push_back(to);
    }
    std::vector<ColumnTarget> targets;
    for (Index o = 0; o < wanted_; ++o) targets.push_back({kept.col(o).data(), kept_rows});
    combine_column(ColumnTable(transform, wanted_), inputs, rows_, targets, sizes.data(), look);
  }

  Index rows_, wanted_;
  Matrix transform, values, kept;
  Eigen::VectorXf sizes;
  std::vector<float> memory;
  ColumnLook look;
};

TEST(ColumnKernel, CombinesLikeThePlainProduct) {
  for (const Index rows : {1, 2, 15, 16, 17, 31, 48, 100, 257})
    for (const Index inputs : {1, 3, 8, 22})
      for (const Index outputs : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 23})
        for (const Index wanted : {Index{0}, Index{1}, outputs / 2, outputs}) {
          Column column(rows, inputs, outputs, wanted);
          const Index kept_rows = std::max<Index>(0, rows - rows % 5);
          column.run(kept_rows);
          const MatrixD right = column.values.cast<double>() * column.transform.cast<double>();
          SCOPED_TRACE(testing::Message() << rows << " rows, " << inputs << " inputs, " << outputs
                                          << " outputs, " << wanted << " wanted");
          double squares = 0.0, loudest = 0.0;
          for (Index r = 0; r < rows; ++r) {
            for (Index o = 0; o < wanted; ++o) {
              const float want = r < kept_rows ? static_cast<float>(right(r, o)) : -7.0f;
              ASSERT_NEAR(column.kept(r, o), want, 2e-5) << r << ' ' << o;
              if (r < kept_rows) squares += right(r, o) * right(r, o);
            }
            const double size =
                wanted < outputs ? right.row(r).tail(outputs - wanted).cwiseAbs().maxCoeff() : 0.0;
            ASSERT_NEAR(column.sizes(r), size, 2e-5);
            loudest = std::max(loudest, size);
          }
          ASSERT_NEAR(column.look.loudest, loudest, 2e-5);
          ASSERT_NEAR(column.look.squares, squares, 1e-4 * (1.0 + squares));
          for (Index p = 0; p < inputs; ++p)
            ASSERT_EQ(column.look.largest[static_cast<std::size_t>(p)],
                      column.values.col(p).cwiseAbs().maxCoeff());
        }
}

TEST(ColumnKernel, WhatIsNotFiniteIsSaidWhereverItIs) {
  for (const float wild : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()})
    for (const Index row : {0, 15, 16, 36}) {
      Column column(37, 5, 4, 2);
      column.values(row, 3) = wild;
      column.run(37);
      EXPECT_TRUE(std::isinf(column.look.largest[3])) << wild << " in row " << row;
      EXPECT_TRUE(std::isfinite(column.look.largest[2]));
    }
}

TEST(ColumnKernel, NothingIsWrittenWhereNothingIsKept) {
  Column column(20, 3, 3, 2);
  column.run(0);
  EXPECT_TRUE((column.kept.array() == -7.0f).all());
  EXPECT_EQ(column.look.squares, 0.0f);
}

}  // namespace
}  // namespace polydot::codes
