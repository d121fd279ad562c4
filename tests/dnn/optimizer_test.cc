#include "dnn/optimizers/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "dnn/operations/random.h"

namespace polydot::dnn {
namespace {

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  Random random(seed, RandomStream::kWeights, 0);
  Matrix m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(random.gaussian());
  return m;
}

TEST(Schedule, ConstantIsConstant) {
  OptimizerOptions options;
  EXPECT_EQ(learning_rate(options, 0), 0.01);
  EXPECT_EQ(learning_rate(options, 1'000'000), 0.01);
}

TEST(Schedule, StepMultipliesByGammaEveryStepSize) {
  OptimizerOptions options;
  options.learning_rate = 0.8;
  options.schedule = Schedule::kStep;
  options.step_size = 10;
  options.gamma = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate(options, 9), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 29), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(options, 30), 0.1);
}

TEST(Schedule, CosineFallsFromTheRateToZero) {
  OptimizerOptions options;
  options.schedule = Schedule::kCosine;
  options.total_steps = 100;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 0.01);
  EXPECT_NEAR(learning_rate(options, 25), 0.005 * (1 + std::sqrt(0.5)), 1e-15);
  EXPECT_NEAR(learning_rate(options, 50), 0.005, 1e-15);
  EXPECT_NEAR(learning_rate(options, 100), 0, 1e-15);
  EXPECT_NEAR(learning_rate(options, 1000), 0, 1e-15);
}

TEST(Schedule, WarmUpRisesLinearlyAndTheScheduleBeginsAfterIt) {
  OptimizerOptions options;
  options.learning_rate = 1;
  options.schedule = Schedule::kCosine;
  options.warmup_steps = 4;
  options.total_steps = 14;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(options, 3), 1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 4), 1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 6), 0.5 * (1 + std::cos(0.2 * std::numbers::pi)));
  options.schedule = Schedule::kStep;
  options.step_size = 3;
  EXPECT_DOUBLE_EQ(learning_rate(options, 6), 1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 7), 0.1);
}

TEST(Clipping, NormOfTheSmallMatricesIsTheNormOfTheGradient) {
  for (Index batch : {1, 5, 64}) {
    const Matrix d = random_matrix(37, batch, 1), x = random_matrix(53, batch, 2);
    const double expected = (d.cast<double>() * x.cast<double>().transpose()).squaredNorm();
    EXPECT_NEAR(squared_gradient_norm(d, x) / expected, 1, 1e-5) << batch;
  }
}

// Samples whose gradients a_i u (b_i v)^T cancel, sum a_i b_i = 0: what is left is rounding of either sign,
// of which no square root may be taken.
TEST(Clipping, NormOfAVanishingGradientIsNotNegative) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Matrix u = random_matrix(9, 1, seed), v = random_matrix(7, 1, seed + 100);
    const Matrix a = random_matrix(1, 5, seed + 200);
    Matrix b = random_matrix(1, 5, seed + 300);
    b(4) = -a.leftCols(4).cwiseProduct(b.leftCols(4)).sum() / a(4);
    const Matrix d = u * a, x = v * b;
    const double norm = squared_gradient_norm(d, x);
    EXPECT_GE(norm, 0);
    EXPECT_LT(norm, 1e-6 * static_cast<double>(d.squaredNorm() * x.squaredNorm()));
  }
}

TEST(Clipping, FactorIsContinuousAtTheLimit) {
  EXPECT_EQ(clip_factor(0, 1e9), 1);
  EXPECT_EQ(clip_factor(2, 1.999), 1);
  EXPECT_EQ(clip_factor(2, 2), 1);
  EXPECT_NEAR(clip_factor(2, 2 + 1e-9), 1, 1e-9);
  EXPECT_DOUBLE_EQ(clip_factor(2, 8), 0.25);
  EXPECT_TRUE(std::isnan(clip_factor(2, std::numeric_limits<double>::quiet_NaN())));
}

TEST(OptimizerOptions, DefaultsAreValidAndNonsenseIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(validate(OptimizerOptions{}).ok());
  const auto refused = [](auto change) {
    OptimizerOptions options;
    change(options);
    return !validate(options).ok();
  };
  EXPECT_TRUE(refused([](auto& o) { o.learning_rate = 0; }));
  EXPECT_TRUE(refused([&](auto& o) { o.learning_rate = nan; }));
  EXPECT_TRUE(refused([](auto& o) { o.momentum = 1; }));
  EXPECT_TRUE(refused([](auto& o) { o.momentum = -0.1; }));
  EXPECT_TRUE(refused([](auto& o) { o.weight_decay = -1; }));
  EXPECT_TRUE(refused([&](auto& o) { o.clip_norm = nan; }));
  EXPECT_TRUE(refused([](auto& o) { o.schedule = Schedule::kCosine; }));  // no total_steps
  EXPECT_TRUE(refused([](auto& o) {
    o.schedule = Schedule::kStep;
    o.step_size = 0;
  }));
  EXPECT_TRUE(refused([](auto& o) {
    o.schedule = Schedule::kStep;
    o.gamma = 0;
  }));
}

TEST(Schedule, NamesAreReadBackAndOthersRefused) {
  for (Schedule schedule : {Schedule::kConstant, Schedule::kStep, Schedule::kCosine})
    EXPECT_EQ(*parse_schedule(schedule_name(schedule)), schedule);
  ASSERT_FALSE(parse_schedule("plateau").ok());
  EXPECT_NE(parse_schedule("plateau").failure().message.find("cosine"), std::string::npos);
}

}  // namespace
}  // namespace polydot::dnn
