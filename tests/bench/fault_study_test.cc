// The study of training under faults: what each strategy makes of them, and that a study can be resumed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/dnn/synthetic_data.h"
#include "tools/bench/fault_records.h"
#include "tools/bench/fault_run.h"
#include "tools/bench/line_chart.h"

namespace polydot::bench {
namespace {

constexpr std::uint64_t kSteps = 120;

class TrainingUnderFaults : public ::testing::Test {
 protected:
  TrainingUnderFaults() {
    plan_.network = *dnn::make_mlp(20, {16}, 5, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
    plan_.batch = 32;
    plan_.total_steps = kSteps;
  }
  FaultRun run(const FaultStrategy& strategy, double rate) const {
    return run_under_faults(strategy, plan_, rate, train_, test_);
  }

  const FaultStrategy polydot_{"polydot", "polydot", {2, 2, 1}, 10, false};
  const FaultStrategy uncoded_{"uncoded", "uncoded", {2, 2, 1}, 4, false};
  const FaultStrategy rollback_{"uncoded, rollback", "uncoded", {2, 2, 1}, 4, true};
  const dnn::Dataset train_ = dnn::testing::synthetic_data(20, 640, 5, 1);
  const dnn::Dataset test_ = dnn::testing::synthetic_data(20, 200, 5, 2);
  dnn::TrainingPlan plan_;
};

TEST_F(TrainingUnderFaults, CodedTrainingEndsWhereTheFaultFreeRunEnds) {
  const FaultRun clean = run(uncoded_, 0.0), coded = run(polydot_, 0.3);
  EXPECT_EQ(clean.end, RunEnd::kFinished);
  EXPECT_EQ(coded.end, RunEnd::kFinished);
  EXPECT_GT(coded.injected, kSteps);
  EXPECT_GT(clean.accuracy, 0.5);
  EXPECT_NEAR(coded.accuracy, clean.accuracy, 0.02);
  EXPECT_GT(coded.cpu_seconds, 0.0);
  EXPECT_EQ(clean.wrong_losses, 0u);
  EXPECT_EQ(coded.wrong_losses, 0u);
}

// Relative to the loss: a run that has learned well has small ones, and a tenth off is wrong there too.
TEST(WrongLoss, IsMeasuredByTheRightLoss) {
  for (const double right : {1000.0, 2.3, 0.5, 0.02}) {
    EXPECT_TRUE(is_wrong_loss(1.1 * right, right)) << right;
    EXPECT_TRUE(is_wrong_loss(0.998 * right, right)) << right;
    EXPECT_FALSE(is_wrong_loss(1.0005 * right, right)) << right;
  }
  EXPECT_FALSE(is_wrong_loss(1e-5, 5e-6)) << "rounding";
  EXPECT_TRUE(is_wrong_loss(1e-3, 0.0));
  EXPECT_TRUE(is_wrong_loss(std::nan(""), 1.0));
}

// What is not finite is refused even without a code, and computed again; all else is taken as it is.
TEST_F(TrainingUnderFaults, UncodedTrainingTakesWhatIsFiniteAndThatIsCounted) {
  const FaultRun run = this->run(uncoded_, 0.3);
  EXPECT_GT(run.injected, 0u);
  EXPECT_GT(run.wrong_losses.value(), 0u);
}

TEST_F(TrainingUnderFaults, ADivergedRunIsCountedAsChance) {
  plan_.optimizer.learning_rate = 1e6;
  const FaultRun run = this->run(uncoded_, 0.0);
  EXPECT_EQ(run.end, RunEnd::kDiverged);
  EXPECT_EQ(run.accuracy, 0.2);
  EXPECT_LT(run.executed_steps, kSteps);
}

TEST_F(TrainingUnderFaults, WithoutFaultsNothingIsRolledBack) {
  const FaultRun kept = run(rollback_, 0.0), plain = run(uncoded_, 0.0);
  EXPECT_EQ(kept.rollbacks, 0u);
  EXPECT_EQ(kept.executed_steps, kSteps);
  EXPECT_EQ(kept.accuracy, plain.accuracy);
}

TEST_F(TrainingUnderFaults, StepsThatAreRolledBackAreDoneAgain) {
  const FaultRun run = this->run(rollback_, 0.15);
  EXPECT_EQ(run.end, RunEnd::kFinished);
  EXPECT_GT(run.rollbacks, 0u);
  EXPECT_FALSE(run.wrong_losses) << "steps are done on other batches";
  EXPECT_GT(run.executed_steps, kSteps);
  EXPECT_GT(run.accuracy, 0.5);
}

class FaultRecordsOnDisk : public ::testing::Test {
 protected:
  FaultRecordsOnDisk() { std::filesystem::create_directories(folder_); }
  ~FaultRecordsOnDisk() override { std::filesystem::remove_all(folder_); }
  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("fault_records_" + std::to_string(getpid()))).string();
  const std::string path_ = folder_ + "/faults.jsonl";
};

TEST_F(FaultRecordsOnDisk, WhatWasMeasuredIsThereAgain) {
  FaultRecord record{"strokes", "plan", "polydot", 1e-4, 7, {}};
  record.run = {RunEnd::kRefused, 0.75, 1.5, 30, 4, 5, 6, 7};
  {
    auto records = FaultRecords::open(path_);
    ASSERT_TRUE(records.ok());
    EXPECT_FALSE(records->has(record));
    ASSERT_TRUE(records->add(record).ok());
    ASSERT_TRUE(records->add(Calibration{"strokes", "plan", 3, 0.5, {{2, 0.25}, {3, 0.5}}}).ok());
  }
  const auto records = FaultRecords::open(path_);
  ASSERT_TRUE(records.ok());
  EXPECT_TRUE(records->has(record));
  FaultRecord other = record;
  other.seed = 8;
  EXPECT_FALSE(records->has(other));
  ASSERT_EQ(records->records().size(), 1u);
  EXPECT_EQ(records->records().front().run.end, RunEnd::kRefused);
  EXPECT_EQ(records->records().front().run.rollbacks, 6u);
  EXPECT_EQ(records->records().front().run.wrong_losses, 7u);
  ASSERT_NE(records->calibration("strokes", "plan"), nullptr);
  EXPECT_EQ(records->calibration("strokes", "plan")->replication_seconds.at(3), 0.5);
  EXPECT_EQ(records->calibration("MNIST", "plan"), nullptr);
}

TEST_F(FaultRecordsOnDisk, AForeignLineIsRefusedByNumber) {
  std::ofstream(path_) << "{\"calibration\":true}\n";
  const auto records = FaultRecords::open(path_);
  ASSERT_FALSE(records.ok());
  EXPECT_EQ(records.failure().kind, FailureKind::kData);
  EXPECT_THAT(records.failure().message, ::testing::HasSubstr("line 1"));
}

TEST(LineChart, TicksAreRoundAndReachTheLargestValue) {
  const auto ticks = round_ticks(0.93, 5);
  EXPECT_EQ(ticks.front().at, 0.0);
  EXPECT_EQ(ticks[1].label, "0.2");
  EXPECT_GE(ticks.back().at, 0.93);
}

TEST(LineChart, EveryPointHasAMarkerAndEveryLineAName) {
  const ChartPanel panel{
      "title", "x", "y", round_ticks(3, 3), round_ticks(1, 2), {{"first", {0, 1, 2}, {1, 0.5, 0}}}};
  const std::string svg = draw_chart({panel}, 1);
  std::size_t circles = 0;
  for (std::size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1))
    ++circles;
  EXPECT_EQ(circles, 4u);  // and one in the legend
  EXPECT_THAT(svg, ::testing::HasSubstr(">first</text>"));
}

}  // namespace
}  // namespace polydot::bench
