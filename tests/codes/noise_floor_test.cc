#include "codes/decode/noise_floor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polydot::codes {
namespace {

constexpr double kScale = 2.0;

// The bound that stands in before anything is learned.
double analytic() { return NoiseFloor(kScale).threshold(); }

NoiseFloor learned(double statistic, double largest = 1.0, std::size_t count = NoiseFloor::kLearnCount) {
  NoiseFloor floor(kScale);
  for (std::size_t k = 0; k < count; ++k) floor.learn(statistic, largest);
  return floor;
}

TEST(NoiseFloor, IsAnalyticUntilLearned) {
  NoiseFloor floor(kScale);
  const double bound = floor.threshold();
  EXPECT_GT(bound, 1e-7);
  EXPECT_LT(bound, 1e-4);
  for (std::size_t k = 0; k < NoiseFloor::kLearnCount; ++k) {
    EXPECT_EQ(floor.threshold(), bound);
    EXPECT_EQ(floor.gate(), std::numeric_limits<double>::infinity());
    EXPECT_FALSE(floor.over_cap());
    floor.learn(0.01 * bound, 1.0);
  }
  EXPECT_LT(floor.threshold(), bound);
  EXPECT_EQ(floor.learned(), NoiseFloor::kLearnCount);
}

TEST(NoiseFloor, AnalyticBoundGrowsWithTheMatrix) {
  EXPECT_DOUBLE_EQ(NoiseFloor(4.0).threshold(), 2.0 * NoiseFloor(2.0).threshold());
  EXPECT_GT(NoiseFloor(0.0).threshold(), 0.0);
}

TEST(NoiseFloor, AlarmIsAMultipleOfTheMedian) {
  const double quiet = 0.01 * analytic();
  NoiseFloor floor(kScale);
  for (std::size_t k = 0; k < 33; ++k) floor.learn(quiet * (k % 3 == 0 ? 0.5 : k % 3 == 1 ? 1.0 : 3.0), 1.0);
  EXPECT_DOUBLE_EQ(floor.median(), quiet);
  EXPECT_DOUBLE_EQ(floor.threshold(), NoiseFloor::kAlarmFactor * quiet);
}

TEST(NoiseFloor, ForgetsWhatIsOlderThanItsWindow) {
  NoiseFloor floor = learned(0.01 * analytic(), 5.0);
  for (std::size_t k = 0; k < NoiseFloor::kWindow; ++k) floor.learn(0.02 * analytic(), 2.0);
  EXPECT_DOUBLE_EQ(floor.median(), 0.02 * analytic());
  EXPECT_DOUBLE_EQ(floor.gate(), 16.0);
}

TEST(NoiseFloor, IsCappedAndSaysSo) {
  const double cap = NoiseFloor::kCapFactor * analytic();
  const NoiseFloor below = learned(0.99 * cap / NoiseFloor::kAlarmFactor);
  EXPECT_FALSE(below.over_cap());
  EXPECT_LT(below.threshold(), cap);
  const NoiseFloor above = learned(1.5 * cap / NoiseFloor::kAlarmFactor);
  EXPECT_TRUE(above.over_cap());
  EXPECT_EQ(above.threshold(), cap);
}

TEST(NoiseFloor, DoesNotLearnAboveItsCap) {
  NoiseFloor floor = learned(0.01 * analytic());
  const double before = floor.threshold();
  for (int k = 0; k < 1000; ++k) floor.learn(1.01 * NoiseFloor::kCapFactor * analytic(), 1.0);
  EXPECT_EQ(floor.threshold(), before);
}

TEST(NoiseFloor, IgnoresWhatIsNotFiniteOrZero) {
  NoiseFloor floor = learned(0.01 * analytic());
  const double before = floor.threshold(), gate = floor.gate();
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinite = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 1000; ++k) {
    floor.learn(nan, 1.0);
    floor.learn(infinite, 1.0);
    floor.learn(0.0, 1.0);
    floor.learn(-1.0, 1.0);
    floor.learn(0.01 * analytic(), nan);
    floor.learn(0.01 * analytic(), infinite);
  }
  EXPECT_EQ(floor.threshold(), before);
  EXPECT_EQ(floor.gate(), gate);
  EXPECT_EQ(floor.learned(), NoiseFloor::kLearnCount);
}

TEST(NoiseFloor, GateIsEightTimesTheLargestCleanValue) {
  NoiseFloor floor = learned(0.01 * analytic(), 3.0);
  EXPECT_DOUBLE_EQ(floor.gate(), 24.0);
  floor.learn(0.01 * analytic(), 5.0);
  EXPECT_DOUBLE_EQ(floor.gate(), 40.0);
}

// The law of rescale: what is learned, thresholds and gates go with the scale ...
TEST(NoiseFloor, ThresholdAndGateGoWithTheScale) {
  for (const std::size_t count : {std::size_t{3}, NoiseFloor::kLearnCount, 2 * NoiseFloor::kWindow})
    for (const double statistic : {0.001, 0.02, 1.5})
      for (const double factor : {0.01, 0.5, 3.0, 1e4}) {
        NoiseFloor floor = learned(statistic * analytic(), 5.0, count);
        const double threshold = floor.threshold(), gate = floor.gate(), share = floor.share_of_cap();
        floor.rescale(factor * kScale);
        EXPECT_DOUBLE_EQ(floor.threshold(), factor * threshold);
        EXPECT_DOUBLE_EQ(floor.gate(), factor * gate);
        EXPECT_DOUBLE_EQ(floor.share_of_cap(), share);
        EXPECT_EQ(floor.learned(), count);
      }
}

// ... and it makes no difference whether weights grew before or after something was learned.
TEST(NoiseFloor, LearningCommutesWithRescaling) {
  NoiseFloor fixed(kScale), moving(kScale);
  for (std::size_t k = 0; k < 3 * NoiseFloor::kWindow; ++k) {
    const double scale = kScale * std::pow(1.03, static_cast<double>(k % 50));
    const double typical = 0.01 * analytic() * (1.0 + static_cast<double>(k * 37 % 11));
    const double largest = 1.0 + static_cast<double>(k * 53 % 7);
    fixed.learn(typical, largest);
    moving.rescale(scale);
    moving.learn(typical * scale / kScale, largest * scale / kScale);
    EXPECT_NEAR(moving.threshold() / fixed.threshold(), scale / kScale, 1e-9);
    moving.rescale(kScale);
    EXPECT_NEAR(moving.threshold() / fixed.threshold(), 1.0, 1e-9);
    if (std::isfinite(fixed.gate())) {
      EXPECT_NEAR(moving.gate() / fixed.gate(), 1.0, 1e-9);
    }
  }
}

TEST(NoiseFloor, AScaleThatIsNoNumberChangesNothing) {
  NoiseFloor floor = learned(0.01 * analytic());
  const double before = floor.threshold();
  for (const double scale :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    floor.rescale(scale);
    EXPECT_EQ(floor.threshold(), before);
  }
  floor.rescale(0.0);
  EXPECT_GT(floor.threshold(), 0.0);
}

}  // namespace
}  // namespace polydot::codes
