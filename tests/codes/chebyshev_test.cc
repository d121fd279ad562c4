#include "codes/families/chebyshev.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace polydot::codes {
namespace {

VectorD some_points() {
  VectorD z(9);
  z << -1.0, -0.93, -0.5, -0.123, 0.0, 0.3, 0.71, 0.999, 1.0;
  return z;
}

TEST(Chebyshev, FollowsItsRecurrence) {
  const VectorD z = some_points();
  EXPECT_TRUE(chebyshev(0, z).isOnes(1e-14));
  EXPECT_TRUE(chebyshev(1, z).isApprox(z, 1e-14));
  for (Index k = 2; k < 60; ++k) {
    const VectorD next = 2.0 * z.cwiseProduct(chebyshev(k - 1, z)) - chebyshev(k - 2, z);
    EXPECT_LE((chebyshev(k, z) - next).cwiseAbs().maxCoeff(), 1e-12) << "degree " << k;
  }
}

TEST(Chebyshev, NestsByMultiplyingDegrees) {
  const VectorD z = some_points();
  for (Index a = 1; a <= 6; ++a)
    for (Index b = 1; b <= 6; ++b)
      EXPECT_LE((chebyshev(a, chebyshev(b, z)) - chebyshev(a * b, z)).cwiseAbs().maxCoeff(), 1e-12)
          << a << " after " << b;
}

TEST(Chebyshev, ClipsWhatRoundingPushedOut) {
  EXPECT_EQ(chebyshev(5, 1.0 + 1e-15), 1.0);
  EXPECT_EQ(chebyshev(5, -1.0 - 1e-15), -1.0);
}

TEST(Chebyshev, PointsAreTheRootsDescendingAndSymmetric) {
  for (Index count = 1; count <= 40; ++count) {
    const VectorD z = chebyshev_points(count);
    ASSERT_EQ(z.size(), count);
    EXPECT_LE(chebyshev(count, z).cwiseAbs().maxCoeff(), 1e-13);
    for (Index p = 0; p + 1 < count; ++p) EXPECT_GT(z(p), z(p + 1));
    for (Index p = 0; p < count; ++p) EXPECT_NEAR(z(p), -z(count - 1 - p), 1e-15);
  }
}

TEST(Chebyshev, LagrangeBasisIsOneAtItsRootAndSumsToOne) {
  for (Index count = 1; count <= 12; ++count) {
    EXPECT_TRUE(lagrange_basis(count, chebyshev_points(count)).isIdentity(1e-12)) << count;
    EXPECT_LE((lagrange_basis(count, some_points()).rowwise().sum().array() - 1.0).abs().maxCoeff(), 1e-12);
  }
}

TEST(Chebyshev, LagrangeBasisInterpolatesEveryPolynomialOfItsDegree) {
  for (Index count = 1; count <= 8; ++count)
    for (Index degree = 0; degree < count; ++degree) {
      const VectorD interpolated =
          lagrange_basis(count, some_points()) * chebyshev(degree, chebyshev_points(count));
      EXPECT_LE((interpolated - chebyshev(degree, some_points())).cwiseAbs().maxCoeff(), 1e-12);
    }
}

TEST(Chebyshev, SlopeAtRootsIsTheDerivative) {
  constexpr double kStep = 1e-6;
  for (Index count = 1; count <= 10; ++count) {
    const VectorD roots = chebyshev_points(count), slope = chebyshev_slope_at_roots(count);
    for (Index k = 0; k < count; ++k) {
      const double difference =
          (chebyshev(count, roots(k) + kStep) - chebyshev(count, roots(k) - kStep)) / (2.0 * kStep);
      EXPECT_NEAR(slope(k), difference, 1e-6 * std::abs(slope(k))) << "T_" << count << ", root " << k;
    }
  }
}

TEST(Chebyshev, CoefficientsInvertEvaluation) {
  std::mt19937 generator(7);
  std::normal_distribution<double> normal;
  for (Index count = 1; count <= 30; ++count) {
    const MatrixD wanted = MatrixD::NullaryExpr(count, 3, [&] { return normal(generator); });
    const MatrixD values = chebyshev_vandermonde(chebyshev_points(count), count) * wanted;
    EXPECT_LE((chebyshev_coefficients(values) - wanted).cwiseAbs().maxCoeff(), 1e-12) << count;
  }
}

}  // namespace
}  // namespace polydot::codes
