#include "dnn/operations/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace polydot::dnn {
namespace {

TEST(Network, MlpIsAListOfOperations) {
  const Result<NetworkSpec> made =
      make_mlp(20, {16, 12}, 5, ActivationKind::kGelu, LossKind::kMeanSquaredError);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->inputs, 20);
  EXPECT_EQ(made->outputs(), 5);
  EXPECT_EQ(made->loss, LossKind::kMeanSquaredError);
  EXPECT_EQ(made->layers(), (std::vector<Dense>{{20, 16}, {16, 12}, {12, 5}}));
  const std::vector<Operation> expected = {Dense{20, 16}, Activation{ActivationKind::kGelu}, Dense{16, 12},
                                           Activation{ActivationKind::kGelu}, Dense{12, 5}};
  EXPECT_TRUE(made->operations == expected);
}

TEST(Network, WhatDoesNotFitIsRefused) {
  EXPECT_FALSE(make_mlp(20, {16, 0}, 5, ActivationKind::kSmelu, LossKind::kCrossEntropy).ok());
  EXPECT_FALSE(make_mlp(0, {}, 5, ActivationKind::kSmelu, LossKind::kCrossEntropy).ok());
  EXPECT_FALSE(validate(NetworkSpec{3, {}, LossKind::kCrossEntropy}).ok());
  EXPECT_FALSE(validate(NetworkSpec{3, {Activation{}, Dense{3, 2}}, LossKind::kCrossEntropy}).ok());
  const Outcome gap = validate(NetworkSpec{3, {Dense{3, 4}, Dense{5, 2}}, LossKind::kCrossEntropy});
  ASSERT_FALSE(gap.ok());
  EXPECT_NE(gap.failure().message.find("takes 5 inputs, but 4 arrive"), std::string::npos);
  EXPECT_TRUE(validate(NetworkSpec{3, {Dense{3, 4}, Dense{4, 2}}, LossKind::kCrossEntropy}).ok());
}

TEST(Network, WeightsAreHeNormalAndBiasesZero) {
  const Dense dense{400, 300};
  const Matrix weights = initial_weights(dense, 11, 0);
  ASSERT_EQ(weights.rows(), 300);
  ASSERT_EQ(weights.cols(), 401);
  EXPECT_EQ(weights.col(400).cwiseAbs().maxCoeff(), 0);
  const MatrixD w = weights.leftCols(400).cast<double>();
  EXPECT_NEAR(w.mean(), 0, 1e-3);
  EXPECT_NEAR(w.squaredNorm() / static_cast<double>(w.size()) * 400 / 2, 1, 0.02);
}

TEST(Network, WeightsAreAFunctionOfSeedAndLayer) {
  const Dense dense{30, 20};
  EXPECT_EQ(initial_weights(dense, 1, 0), initial_weights(dense, 1, 0));
  EXPECT_NE(initial_weights(dense, 1, 0), initial_weights(dense, 2, 0));
  EXPECT_NE(initial_weights(dense, 1, 0), initial_weights(dense, 1, 1));
  const NetworkSpec network = *make_mlp(30, {20}, 7, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  const std::vector<Matrix> weights = initial_weights(network, 1);
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0], initial_weights(dense, 1, 0));
  EXPECT_EQ(weights[1], initial_weights(Dense{20, 7}, 1, 1));
}

}  // namespace
}  // namespace polydot::dnn
