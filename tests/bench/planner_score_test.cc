// How predictions are scored, by hand.
#include "tools/bench/planner_score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polydot::bench {
namespace {

PredictedPoint point(double predicted, double measured, codes::Index hidden = 1024) {
  return {"a point", {hidden}, predicted, measured, 2 * predicted, measured};
}

TEST(PlannerWithin, IsMeasuredAgainstWhatWasMeasured) {
  // 125 and 75 of 100 are just in; 100 of 125 is in, 100 of 75 is not.
  const Share share = within(
      {point(125, 100), point(75, 100), point(126, 100), point(74, 100), point(100, 125), point(100, 75)},
      0.25);
  EXPECT_EQ(share.count, 3u);
  EXPECT_EQ(share.of, 6u);
  EXPECT_EQ(share.value(), 0.5);
}

TEST(PlannerWithin, OfNoPointsIsNone) { EXPECT_EQ(within({}, 0.25).of, 0u); }

TEST(PlannerPairs, CountWhereTheFasterOneWasFaster) {
  const Share share = faster_named({point(1, 10), point(2, 20), point(3, 15)}, 0.1);
  EXPECT_EQ(share.of, 3u);
  EXPECT_EQ(share.count, 2u);  // 2 before 3 was wrong
}

TEST(PlannerPairs, DoNotDependOnTheOrderOfThePoints) {
  const Share share = faster_named({point(3, 15), point(2, 20), point(1, 10)}, 0.1);
  EXPECT_EQ(share.of, 3u);
  EXPECT_EQ(share.count, 2u);
}

TEST(PlannerPairs, AreNotNamedFasterIfTheyTookAsLong) {
  EXPECT_EQ(faster_named({point(1, 10), point(2, 10)}, 0.1).count, 0u);
}

TEST(PlannerPairs, LeaveOutPredictionsThatAreNear) {
  EXPECT_EQ(faster_named({point(8, 1), point(10, 2)}, 0.25).of, 0u);
  EXPECT_EQ(faster_named({point(8, 1), point(10.1, 2)}, 0.25).of, 1u);
  EXPECT_EQ(faster_named({point(10.1, 2), point(8, 1)}, 0.25).of, 1u);
}

TEST(PlannerPairs, AreOfTheSameNetwork) {
  const PredictedPoint one = point(1, 1, 512), other = point(5, 5, 1024);
  EXPECT_EQ(faster_named({one, other}, 0.1).of, 0u);
  PredictedPoint deeper = one;
  deeper.hidden = {512, 512}, deeper.predicted_ms = 5;
  EXPECT_EQ(faster_named({one, deeper}, 0.1).of, 0u);
}

TEST(PredictionTable, HasARowForEachPoint) {
  EXPECT_THAT(prediction_table({point(50, 100), point(30, 20)}),
              ::testing::HasSubstr(
                  "| a point | 50 ms | 100 ms | 0.50 | 1.00 |\n| a point | 30 ms | 20 ms | 1.50 | 3.00 |\n"));
}

}  // namespace
}  // namespace polydot::bench
