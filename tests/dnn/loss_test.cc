#include "dnn/operations/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "dnn/operations/random.h"

namespace polydot::dnn {
namespace {

using Labels = std::vector<Label>;

MatrixD random_outputs(Index classes, Index samples, double scale) {
  Random random(7, RandomStream::kWeights, 0);
  MatrixD z(classes, samples);
  for (Index i = 0; i < z.size(); ++i) z.data()[i] = scale * random.gaussian();
  return z;
}

TEST(CrossEntropy, EqualsTheTextbookFormulaWhereThatDoesNotCancel) {
  const MatrixD z = random_outputs(4, 6, 1.5);
  const Labels labels = {0, 1, 2, 3, 0, 2};
  double expected = 0;
  for (Index c = 0; c < 6; ++c)
    expected -= std::log(std::exp(z(labels[c], c)) / z.col(c).array().exp().sum()) / 6;
  EXPECT_NEAR(loss_and_gradient<double>(LossKind::kCrossEntropy, z, labels, nullptr).mean, expected, 1e-14);
}

// The true class is ahead by up to 80: its probability is 1 to the last bit, yet loss and gradient are right
// to rounding, relative to their own size.
TEST(CrossEntropy, DoesNotCancelNearAPerfectFit) {
  for (float lead : {5.f, 17.f, 30.f, 60.f, 80.f}) {
    Matrix z(3, 1), gradient;
    z << 1.f, lead + 1.f, 0.f;
    const double others = std::exp(-static_cast<double>(lead)) * (1 + std::exp(-1.0));
    const LossValue loss = loss_and_gradient<float>(LossKind::kCrossEntropy, z, Labels{1}, &gradient);
    EXPECT_NEAR(loss.mean / std::log1p(others), 1, 1e-5) << lead;
    EXPECT_NEAR(gradient(1) / (-others / (1 + others)), 1, 1e-5) << lead;
    EXPECT_EQ(gradient(1), -(gradient(0) + gradient(2)));
  }
}

TEST(CrossEntropy, HugeOutputsStayFinite) {
  Matrix z(3, 2), gradient;
  z << 1e4f, -1e4f, -1e4f, 1e4f, 0, 0;
  const LossValue loss = loss_and_gradient<float>(LossKind::kCrossEntropy, z, Labels{0, 0}, &gradient);
  EXPECT_FLOAT_EQ(static_cast<float>(loss.mean), 1e4f);  // (0 + 2e4) / 2
  EXPECT_TRUE(gradient.allFinite());
  EXPECT_FLOAT_EQ(gradient(0, 1), -0.5f);
}

TEST(Loss, GradientIsTheLimitOfDifferences) {
  const double h = 1e-5;
  const Labels labels = {0, 1, 4, 2, 2, 3, 4};
  for (LossKind kind : {LossKind::kCrossEntropy, LossKind::kMeanSquaredError}) {
    MatrixD z = random_outputs(5, 7, 2), gradient;
    loss_and_gradient<double>(kind, z, labels, &gradient);
    for (Index i = 0; i < z.size(); ++i) {
      const double at = z.data()[i];
      z.data()[i] = at + h;
      const double above = loss_and_gradient<double>(kind, z, labels, nullptr).mean;
      z.data()[i] = at - h;
      const double below = loss_and_gradient<double>(kind, z, labels, nullptr).mean;
      z.data()[i] = at;
      EXPECT_NEAR(gradient.data()[i], (above - below) / (2 * h), 1e-9) << loss_name(kind);
    }
  }
}

TEST(MeanSquaredError, IsTheMeanOverOutputsAndSamples) {
  MatrixD z(2, 2), gradient;
  z << 0.5, 2, -1, 0.25;
  const LossValue loss = loss_and_gradient<double>(LossKind::kMeanSquaredError, z, Labels{0, 1}, &gradient);
  EXPECT_DOUBLE_EQ(loss.mean, (0.25 + 1 + 4 + 0.5625) / 4);
  EXPECT_DOUBLE_EQ(gradient(0, 0), 2 * -0.5 / 4);
  EXPECT_DOUBLE_EQ(gradient(1, 1), 2 * -0.75 / 4);
}

TEST(Loss, CountsTheLargestOutputAndBreaksTiesDownwards) {
  MatrixD z(3, 4);
  z << 1, 5, 2, 0,  //
      3, 5, 1, 0,   //
      2, 1, 2, 0;
  for (LossKind kind : {LossKind::kCrossEntropy, LossKind::kMeanSquaredError}) {
    EXPECT_EQ(loss_and_gradient<double>(kind, z, Labels{1, 0, 0, 0}, nullptr).correct, 4);
    EXPECT_EQ(loss_and_gradient<double>(kind, z, Labels{0, 1, 2, 2}, nullptr).correct, 0);
  }
}

TEST(Loss, NonFiniteOutputsAreSeenAndNeverRight) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (LossKind kind : {LossKind::kCrossEntropy, LossKind::kMeanSquaredError})
      for (Index row : {0, 1, 2}) {
        Matrix z = Matrix::Zero(3, 1);
        z(row) = bad;
        const LossValue loss = loss_and_gradient<float>(kind, z, Labels{0}, nullptr);
        EXPECT_FALSE(std::isfinite(loss.mean)) << row;
        EXPECT_EQ(loss.correct, std::isinf(bad) && row == 0 ? 1 : 0) << row;
      }
}

TEST(Loss, PartsCombineToTheWhole) {
  const MatrixD z = random_outputs(3, 7, 1);
  const Labels labels = {0, 1, 2, 0, 1, 2, 0};
  const auto part = [&](Index first, Index count) {
    const Labels some(labels.begin() + first, labels.begin() + first + count);
    return loss_and_gradient<double>(LossKind::kCrossEntropy, z.middleCols(first, count), some, nullptr);
  };
  const LossValue whole = part(0, 7), sum = combined(combined(LossValue{}, part(0, 5)), part(5, 2));
  EXPECT_NEAR(sum.mean, whole.mean, 1e-15);
  EXPECT_EQ(sum.correct, whole.correct);
  EXPECT_EQ(sum.samples, 7);
}

TEST(Loss, NamesAreReadBackAndOthersRefused) {
  for (LossKind kind : {LossKind::kCrossEntropy, LossKind::kMeanSquaredError})
    EXPECT_EQ(*parse_loss(loss_name(kind)), kind);
  ASSERT_FALSE(parse_loss("hinge").ok());
  EXPECT_NE(parse_loss("hinge").failure().message.find("cross_entropy"), std::string::npos);
}

}  // namespace
}  // namespace polydot::dnn
