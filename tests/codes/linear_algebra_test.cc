// The laws of each decomposition, and on a wide range of shapes and conditions.
#include "codes/base/linear_algebra.h"

#include <gtest/gtest.h>

#include <random>

namespace polydot::codes {
namespace {

MatrixD random_matrix(Index rows, Index columns, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  MatrixD a(rows, columns);
  for (Index k = 0; k < a.size(); ++k) a.data()[k] = normal(random);
  return a;
}
// Columns of very different sizes.
MatrixD badly_scaled(Index rows, Index columns, std::uint64_t seed) {
  MatrixD a = random_matrix(rows, columns, seed);
  for (Index c = 0; c < columns; ++c) a.col(c) *= std::pow(10.0, -static_cast<double>(2 * c));
  return a;
}
double largest(const MatrixD& a) { return a.size() == 0 ? 0.0 : a.cwiseAbs().maxCoeff(); }
MatrixD identity(Index size) { return MatrixD::Identity(size, size); }

constexpr double kTolerance = 1e-12;
const std::vector<std::pair<Index, Index>> kShapes = {{1, 1}, {1, 5}, {5, 1},  {4, 4},
                                                      {7, 3}, {3, 7}, {20, 11}};

TEST(LinearAlgebra, SingularValueDecompositions) {
  for (const auto& [rows, columns] : kShapes)
    for (const MatrixD& a : {random_matrix(rows, columns, 1), badly_scaled(rows, columns, 2)}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      const Index rank = std::min(rows, columns);
      const Svd full = full_svd(a), left = left_svd(a);
      ASSERT_EQ(full.u.cols(), rows);
      ASSERT_EQ(full.v.cols(), rank);
      ASSERT_EQ(left.u.cols(), rank);
      EXPECT_EQ(left.v.size(), 0);
      EXPECT_LT(largest(full.u.transpose() * full.u - identity(rows)), kTolerance);
      EXPECT_LT(largest(full.v.transpose() * full.v - identity(rank)), kTolerance);
      EXPECT_LT(largest(full.u.leftCols(rank) * full.values.asDiagonal() * full.v.transpose() - a),
                kTolerance * largest(a));
      for (const VectorD& values : {full.values, left.values, singular_values(a)}) {
        ASSERT_EQ(values.size(), rank);
        EXPECT_LT(largest(values - full.values), kTolerance * full.values(0));
        for (Index k = 1; k < rank; ++k) EXPECT_LE(values(k), values(k - 1));
        EXPECT_GE(values(rank - 1), 0.0);
      }
    }
}

TEST(LinearAlgebra, TriangularAndOrthogonalFactors) {
  for (const auto& [rows, columns] : kShapes) {
    const MatrixD a = random_matrix(rows, columns, 3);
    const MatrixD q = orthogonal_factor(a);
    ASSERT_EQ(q.rows(), rows);
    EXPECT_LT(largest(q.transpose() * q - identity(rows)), kTolerance);
    if (rows < columns) continue;
    const MatrixD r = triangular_factor(a);
    ASSERT_EQ(r.rows(), columns);
    for (Index c = 0; c < columns; ++c)
      for (Index k = c + 1; k < columns; ++k) EXPECT_EQ(r(k, c), 0.0) << "below the diagonal";
    EXPECT_LT(largest(q.leftCols(columns) * r - a), kTolerance * largest(a));
    const MatrixD b = random_matrix(2, columns, 4);
    EXPECT_LT(largest(r.transpose() * solve_transposed(r, b) - b.transpose()), 1e-10);
  }
}

TEST(LinearAlgebra, LeastSquaresLeaveWhatIsOrthogonal) {
  const MatrixD a = random_matrix(9, 4, 5);
  const VectorD b = random_matrix(9, 1, 6);
  const VectorD x = least_squares(a, b);
  EXPECT_LT(largest(a.transpose() * (a * x - b)), kTolerance * 100);
}

// Of a matrix without full rank: the least one, as the pseudo-inverse gives it.
TEST(LinearAlgebra, ShortestSolutionOfADependentSystem) {
  const MatrixD a = random_matrix(6, 3, 7) * random_matrix(3, 5, 8);
  const MatrixD b = a * random_matrix(5, 2, 9);
  const MatrixD x = shortest_solution(a, b, 1e-10);
  EXPECT_LT(largest(a * x - b), 1e-10 * largest(b));
  const Svd svd = full_svd(a);
  const MatrixD null_space = identity(5) - svd.v.leftCols(3) * svd.v.leftCols(3).transpose();
  EXPECT_LT(largest(null_space * x), 1e-10 * largest(x));
}

TEST(LinearAlgebra, LargestEigenvalueIsTheSquareOfTheLargestSingularValue) {
  const MatrixD a = random_matrix(6, 4, 10);
  const double value = singular_values(a)(0);
  EXPECT_NEAR(largest_eigenvalue(a.transpose() * a), value * value, kTolerance * value * value * 10);
}

TEST(LinearAlgebraDeathTest, MoreColumnsThanRowsHaveNoTriangle) {
  EXPECT_DEATH(triangular_factor(random_matrix(2, 3, 11)), "a.rows\\(\\)");
  EXPECT_DEATH(least_squares(random_matrix(2, 3, 12), VectorD::Zero(2)), "a.rows\\(\\)");
}

}  // namespace
}  // namespace polydot::codes
