#include "dnn/coded/training_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

#include "tests/dnn/coded_cluster.h"
#include "tests/dnn/synthetic_data.h"
#include "tests/dnn/test_codes.h"

namespace polydot::dnn::testing {
namespace {

using codes::PassKind;
using codes::RoundRequest;

// 10 training samples by 4: batches of 4, 4, 2. 7 test samples by 3: 3, 3, 1.
class TrainingProgramRuns : public ::testing::Test {
 protected:
  TrainingProgramRuns() { plan.network = network({6, 5}); }

  static NetworkSpec network(const std::vector<Index>& hidden) {
    return *make_mlp(8, hidden, 3, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  }

  TrainingPlan plan{.network = {}, .optimizer = {}, .batch = 4, .seed = 5, .total_steps = 6, .eval_batch = 3};
  const Dataset train = synthetic_data(8, 10, 3, 1);
  const Dataset test = synthetic_data(8, 7, 3, 2);
  const codes::ProductCode code = make({"polydot", {2, 2, 1}, 10});
  const codes::ProductCode mds = make({"mds", {2, 2, 1}, 5});
};

struct Round {
  std::uint64_t step;
  std::uint32_t slot;
  Index layer;
  PassKind pass;
  bool training;
  Index columns;
  auto operator<=>(const Round&) const = default;
};

std::vector<Round> rounds_of(CodedCluster& cluster) {
  std::vector<Round> rounds;
  while (cluster.run_round([&](const RoundRequest& r) {
    rounds.push_back({r.key.step, r.key.slot, r.layer, r.pass, r.training, r.batch()});
    EXPECT_EQ(r.key.epoch, 0u);
    EXPECT_EQ(r.key.attempt, 0u);
    EXPECT_EQ(r.operand->rows(), r.pass == PassKind::kForward ? r.weights.cols : r.weights.rows);
    EXPECT_TRUE(r.pass == PassKind::kBackward || (r.operand->bottomRows(1).array() == 1).all());
  })) {
  }
  return rounds;
}

std::vector<Round> training_step(std::uint64_t step, Index columns) {
  const std::uint32_t base = kTrainingSlotBase;
  return {{step, base, 0, PassKind::kForward, true, columns},
          {step, base + 1, 1, PassKind::kForward, true, columns},
          {step, base + 2, 2, PassKind::kForward, true, columns},
          {step, base + 3, 2, PassKind::kBackward, true, columns},
          {step, base + 4, 1, PassKind::kBackward, true, columns}};
}

std::vector<Round> evaluation(std::uint64_t step) {
  std::vector<Round> rounds;
  for (std::uint32_t slot = 0; slot < 9; ++slot)
    rounds.push_back({step, slot, slot % 3, PassKind::kForward, false, slot < 6 ? 3 : 1});
  return rounds;
}

// The whole schedule of a run. The cluster checks that every peer asks for the same and that keys increase.
TEST_F(TrainingProgramRuns, RoundsComeInTheDocumentedOrder) {
  std::vector<Round> expected;
  for (std::uint64_t step = 0; step < 6; ++step) {
    if (step == 3) std::ranges::copy(evaluation(3), std::back_inserter(expected));
    std::ranges::copy(training_step(step, step % 3 == 2 ? 2 : 4), std::back_inserter(expected));
  }
  std::ranges::copy(evaluation(6), std::back_inserter(expected));
  CodedCluster cluster(code, plan, train, test, DecodeFrom::kAll);
  EXPECT_TRUE(rounds_of(cluster) == expected);
  EXPECT_EQ(cluster.peer(0).steps_done(), 6u);
  EXPECT_FALSE(cluster.peer(0).next_round().has_value());
}

TEST_F(TrainingProgramRuns, TheEndIsEvaluatedOnceAlsoWithinAnEpoch) {
  plan.total_steps = 4;
  plan.evaluate_each_epoch = false;
  CodedCluster cluster(mds, plan, train, test, DecodeFrom::kAll);
  cluster.run();
  const Recorder& recorder = cluster.recorder(3);
  ASSERT_EQ(recorder.evaluations.size(), 1u);
  EXPECT_EQ(recorder.evaluations[0].steps_done, 4u);
  EXPECT_EQ(recorder.evaluations[0].epochs_done, 1u);
  EXPECT_EQ(recorder.evaluations[0].samples, 7);
  EXPECT_DOUBLE_EQ(recorder.evaluations[0].accuracy,
                   static_cast<double>(recorder.evaluations[0].correct) / 7);
}

TEST_F(TrainingProgramRuns, NoStepsMeansOneEvaluation) {
  plan.total_steps = 0;
  CodedCluster cluster(code, plan, train, test, DecodeFrom::kAll);
  EXPECT_TRUE(rounds_of(cluster) == evaluation(0));
  EXPECT_EQ(cluster.recorder(0).evaluations.size(), 1u);
  EXPECT_TRUE(cluster.recorder(0).steps.empty());
}

TEST_F(TrainingProgramRuns, StepsAreRecordedWithTheirEpochAndTrueCount) {
  CodedCluster cluster(code, plan, train, test, DecodeFrom::kAll);
  cluster.run();
  const std::vector<StepRecord>& steps = cluster.recorder(9).steps;
  ASSERT_EQ(steps.size(), 6u);
  for (std::uint64_t step = 0; step < 6; ++step) {
    EXPECT_EQ(steps[step].step, step);
    EXPECT_EQ(steps[step].epoch, step / 3);
    EXPECT_EQ(steps[step].samples, step % 3 == 2 ? 2 : 4);
    EXPECT_EQ(steps[step].learning_rate, 0.01);
    EXPECT_TRUE(std::isfinite(steps[step].loss));
  }
}

// All or nothing: no shard moves before the last round of the step is delivered, then all do.
TEST_F(TrainingProgramRuns, EveryShardIsUpdatedInTheLastDeliverOfAStep) {
  plan.evaluate_each_epoch = false;
  for (const std::vector<Index>& hidden : {std::vector<Index>{6, 5}, {6}, {}}) {
    plan.network = network(hidden);
    const Index layers = static_cast<Index>(hidden.size()) + 1;
    CodedCluster cluster(mds, plan, train, test, DecodeFrom::kAll);
    for (std::uint64_t step = 0; step < 2; ++step) {
      std::vector<Matrix> before;
      const auto count_changed = [&] {
        std::size_t changed = 0, i = 0;
        for (Index l = 0; l < layers; ++l)
          for (Index s = 0; s < 2; ++s, ++i)
            changed += cluster.peer(1).layer(l).shard(s).weights != before[i] ? 1 : 0;
        return changed;
      };
      for (Index l = 0; l < layers; ++l)
        for (Index s = 0; s < 2; ++s) before.push_back(cluster.peer(1).layer(l).shard(s).weights);
      for (Index round = 0; round < 2 * layers - 1; ++round) {
        EXPECT_EQ(count_changed(), 0u) << "before round " << round << " of step " << step;
        EXPECT_EQ(cluster.peer(1).steps_done(), step);
        cluster.run_round();
      }
      EXPECT_EQ(count_changed(), before.size());
      EXPECT_EQ(cluster.peer(1).steps_done(), step + 1);
    }
  }
}

class CountingTap : public codes::FaultTap {
 public:
  bool aims_at(std::uint64_t, codes::Stage stage) const override { return stage == codes::Stage::kWeights; }
  void visit(const codes::TapPoint& point, Eigen::Ref<Matrix> live) override {
    EXPECT_EQ(point.stage, codes::Stage::kWeights);
    EXPECT_TRUE(point.training);
    EXPECT_EQ(point.slot, kTrainingSlotBase + static_cast<std::uint32_t>(point.layer));
    EXPECT_EQ(point.pass, PassKind::kForward);
    ++visits[{point.step, point.layer, point.shard}];
    last_data = live.data();
    if (corrupt) live(0, 0) = 1e6f;
  }
  std::map<std::tuple<std::uint64_t, Index, Index>, int> visits;
  const float* last_data = nullptr;
  bool corrupt = false;
};

TEST_F(TrainingProgramRuns, WeightsAreTappedOnceAStepAndShard) {
  CountingTap tap;
  CodedCluster cluster(mds, plan, train, test, DecodeFrom::kAll, &tap);
  cluster.run();
  EXPECT_EQ(tap.visits.size(), 6u * 3u * 2u);
  for (const auto& [where, count] : tap.visits) EXPECT_EQ(count, 1);
}

// The tap gets the live buffer, before the product that reads it.
TEST_F(TrainingProgramRuns, WhatTheTapChangesIsMultiplied) {
  CountingTap tap;
  tap.corrupt = true;
  TrainingProgram program(code, 2, plan, train, test, &tap, nullptr);
  const std::optional<RoundRequest> request = program.next_round();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(tap.visits.size(), 1u);
  EXPECT_EQ(request->shard->data(), tap.last_data);
  EXPECT_EQ((*request->shard)(0, 0), 1e6f);
}

// Divergence is reported, not hidden and not decided upon here.
TEST_F(TrainingProgramRuns, ANonFiniteLossIsSeenAndTheRunGoesOn) {
  Recorder recorder;
  TrainingProgram program(code, 0, plan, train, test, nullptr, &recorder);
  while (std::optional<RoundRequest> request = program.next_round())
    program.deliver(Matrix::Constant(request->result_rows(), request->batch(), std::nanf("")));
  ASSERT_EQ(recorder.steps.size(), 6u);
  for (const StepRecord& step : recorder.steps) {
    EXPECT_FALSE(std::isfinite(step.loss));
    EXPECT_EQ(step.correct, 0);
  }
  EXPECT_EQ(recorder.evaluations.back().correct, 0);
}

TEST_F(TrainingProgramRuns, ScalesAreTheLargestRowNormsAtTheStart) {
  const TrainingProgram program(code, 0, plan, train, test, nullptr, nullptr);
  const std::vector<Matrix> weights = initial_weights(plan.network, plan.seed);
  for (Index l = 0; l < 3; ++l) {
    double row = 0, column = 0;
    const Matrix& w = weights[static_cast<std::size_t>(l)];
    for (Index i = 0; i < w.rows(); ++i) row = std::max(row, static_cast<double>(w.row(i).norm()));
    for (Index i = 0; i < w.cols(); ++i) column = std::max(column, static_cast<double>(w.col(i).norm()));
    EXPECT_NEAR(program.initial_scale(l, PassKind::kForward), row, 1e-6);
    EXPECT_NEAR(program.initial_scale(l, PassKind::kBackward), column, 1e-6);
  }
}

// The bound is that of the largest contribution with its scrubs, or of a whole shard with its momentum.
TEST_F(TrainingProgramRuns, ContributionBoundIsReachedAndNotPassed) {
  for (Index eval_batch : {1, 3, 500})
    for (const codes::ProductCode* tested : {&code, &mds}) {
      plan.eval_batch = eval_batch;
      CodedCluster cluster(*tested, plan, train, test, DecodeFrom::kAll);
      cluster.run();
      const TrainingProgram& program = cluster.peer(0);
      Index largest_shard = 0;
      for (Index l = 0; l < program.layer_count(); ++l)
        for (const ShardState& shard : program.layer(l).shards())
          largest_shard = std::max(largest_shard, 2 * shard.weights.size());
      EXPECT_EQ(program.max_contribution_entries(),
                static_cast<std::size_t>(std::max(largest_shard, cluster.largest_contribution())));
    }
}

TEST_F(TrainingProgramRuns, PlansThatDoNotFitTheDataAreRefused) {
  EXPECT_TRUE(validate(plan, train, test).ok());
  const auto refused = [&](auto change) {
    TrainingPlan changed = plan;
    change(changed);
    return !validate(changed, train, test).ok();
  };
  EXPECT_TRUE(refused([](TrainingPlan& p) { p.batch = 0; }));
  EXPECT_TRUE(refused([](TrainingPlan& p) { p.eval_batch = 0; }));
  EXPECT_TRUE(refused([](TrainingPlan& p) { p.optimizer.momentum = 2; }));
  EXPECT_TRUE(refused([](TrainingPlan& p) {
    p.network = *make_mlp(9, {}, 3, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  }));
  EXPECT_TRUE(refused([](TrainingPlan& p) {
    p.network = *make_mlp(8, {}, 2, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  }));
}

}  // namespace
}  // namespace polydot::dnn::testing
