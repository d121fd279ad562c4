#include "dnn/operations/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace polydot::dnn {
namespace {

// A dense grid around 0, where everything bends, and the far tails.
std::vector<double> sample_points() {
  std::vector<double> points;
  for (int i = -1280; i <= 1280; ++i) points.push_back(i / 128.0 + 1e-4);
  for (double s = 11; s < 1e15; s *= 1.7) points.insert(points.end(), {s, -s});
  return points;
}

template <typename Scalar>
MatrixOf<Scalar> as_matrix(const std::vector<double>& points, Index rows) {
  MatrixOf<Scalar> matrix = MatrixOf<Scalar>::Zero(rows, static_cast<Index>(points.size()) / rows + 1);
  for (std::size_t i = 0; i < points.size(); ++i) matrix.data()[i] = static_cast<Scalar>(points[i]);
  return matrix;
}

// The slope multiplies what rounding left of 1 - sigmoid by s^3, hence its wider tolerance.
template <typename Scalar>
void expect_matrix_versions_equal_the_formulas(double tolerance, double slope_tolerance) {
  for (ActivationKind kind : kAllActivations) {
    // Row counts on both sides of every vector width: whole packets and remainders.
    for (Index rows : {1, 3, 8, 16, 37}) {
      const MatrixOf<Scalar> s = as_matrix<Scalar>(sample_points(), rows);
      MatrixOf<Scalar> value(s.rows(), s.cols());
      activate<Scalar>(kind, s, value);
      MatrixOf<Scalar> delta = MatrixOf<Scalar>::Constant(s.rows(), s.cols(), Scalar(-2));
      multiply_by_derivative<Scalar>(kind, s, delta);
      for (Index i = 0; i < s.size(); ++i) {
        const double x = static_cast<double>(s.data()[i]);
        const double f = activation_value(kind, x);
        EXPECT_NEAR(value.data()[i], f, tolerance * (1 + std::abs(f)))
            << activation_name(kind) << " at " << x;
        // Beyond 1e4 the formula of gelu's derivative itself is inf * 0.
        if (std::abs(x) < 1e4) {
          EXPECT_NEAR(delta.data()[i], -2 * activation_derivative(kind, x), slope_tolerance)
              << activation_name(kind) << " at " << x;
        }
      }
    }
  }
}

TEST(Activation, MatrixVersionsEqualTheFormulas) {
  expect_matrix_versions_equal_the_formulas<double>(1e-15, 2e-14);
  expect_matrix_versions_equal_the_formulas<float>(2e-7, 2e-6);
}

TEST(Activation, DerivativeIsTheLimitOfDifferences) {
  const double h = 1e-5;
  for (ActivationKind kind : kAllActivations)
    for (int i = -1280; i <= 1280; ++i) {
      const double s = i / 128.0 + 1e-4;
      const double slope = (activation_value(kind, s + h) - activation_value(kind, s - h)) / (2 * h);
      EXPECT_NEAR(activation_derivative(kind, s), slope, 1e-9) << activation_name(kind) << " at " << s;
    }
}

// What keeps peers together: a difference of one rounding in s stays one in f'(s).
TEST(Activation, DerivativeHasBoundedSlope) {
  for (ActivationKind kind : kAllActivations) {
    double steepest = 0;
    const double h = 1e-4;
    for (double s = -12; s < 12; s += h)
      steepest = std::max(steepest,
                          std::abs(activation_derivative(kind, s + h) - activation_derivative(kind, s)) / h);
    EXPECT_LE(steepest, 1.2) << activation_name(kind);
  }
}

TEST(Activation, TailsAreFiniteAndFlat) {
  for (ActivationKind kind : {ActivationKind::kSmelu, ActivationKind::kGelu, ActivationKind::kSilu}) {
    for (float s : {1e2f, 1e4f, 1e8f, 1e19f, 1e30f}) {
      Matrix value(1, 2), input(1, 2), delta = Matrix::Ones(1, 2);
      value << s, -s;
      input = value;
      activate<float>(kind, value, value);
      multiply_by_derivative<float>(kind, input, delta);
      EXPECT_FLOAT_EQ(value(0), s) << activation_name(kind);
      EXPECT_NEAR(value(1), 0, 1e-5) << activation_name(kind) << " at " << -s;
      EXPECT_NEAR(delta(0), 1, 1e-5) << activation_name(kind) << " at " << s;
      EXPECT_NEAR(delta(1), 0, 1e-5) << activation_name(kind) << " at " << -s;
    }
  }
}

// A diverged or corrupted value must be seen, not smoothed away.
TEST(Activation, NanStaysNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (ActivationKind kind : kAllActivations)
    for (Index rows : {1, 16, 21}) {
      const Matrix s = Matrix::Constant(rows, 2, nan);
      Matrix value = s;
      activate<float>(kind, value, value);
      EXPECT_TRUE(value.array().isNaN().all()) << activation_name(kind);
      if (kind == ActivationKind::kIdentity) continue;
      Matrix delta = Matrix::Ones(rows, 2);
      multiply_by_derivative<float>(kind, s, delta);
      EXPECT_TRUE(delta.array().isNaN().all()) << activation_name(kind);
    }
}

TEST(Activation, NamesAreReadBack) {
  for (ActivationKind kind : kAllActivations) {
    const Result<ActivationKind> parsed = parse_activation(activation_name(kind));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, kind);
  }
}

TEST(Activation, ReluIsRefusedWithTheReasonAndTheWayOut) {
  const Result<ActivationKind> parsed = parse_activation("relu");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.failure().kind, FailureKind::kUsage);
  EXPECT_NE(parsed.failure().message.find("smelu"), std::string::npos);
  EXPECT_NE(parsed.failure().message.find("rounding"), std::string::npos);
  EXPECT_EQ(parsed.failure().message.find('\n'), std::string::npos);
}

TEST(Activation, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  const Result<ActivationKind> parsed = parse_activation("softplus");
  ASSERT_FALSE(parsed.ok());
  for (ActivationKind kind : kAllActivations)
    EXPECT_NE(parsed.failure().message.find(activation_name(kind)), std::string::npos);
}

}  // namespace
}  // namespace polydot::dnn
