// Training that diverges says so, with the step, under every code; a wrong operand of one peer alone is made
// anew before anything is believed that was judged by its scales.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using ::testing::HasSubstr;

struct Diverging {
  const char* code;
  codes::Grid grid;
  Index peers;
  double learning_rate;
  double momentum;
};
void PrintTo(const Diverging& one, std::ostream* out) {
  *out << one.code << " of " << one.peers << ", rate " << one.learning_rate << ", momentum " << one.momentum;
}

class Divergence : public ::testing::TestWithParam<Diverging> {};

TEST_P(Divergence, EndsWithItsStepAndNotAsADisagreement) {
  const Diverging& one = GetParam();
  for (const codes::Index batch : {32, 1}) {
    ClusterOptions options = small_training(400, code_of(one.code, one.grid, one.peers));
    options.plan.network =
        *dnn::make_mlp(20, {16, 12}, 5, dnn::ActivationKind::kSmelu, dnn::LossKind::kMeanSquaredError);
    options.plan.optimizer.learning_rate = one.learning_rate;
    options.plan.optimizer.momentum = one.momentum;
    options.plan.batch = batch;
    SimRun run(options);
    run.run();
    for (int p = 0; p < run.cluster().size(); ++p) {
      const auto& failure = run.peer(p).failure();
      ASSERT_TRUE(failure) << "peer " << p << " has done " << run.cluster().program(p).steps_done()
                           << " steps";
      if (failure->kind == FailureKind::kNetwork) continue;  // those that said so have left
      EXPECT_EQ(failure->kind, FailureKind::kNotReached) << failure->message;
      EXPECT_THAT(failure->message, HasSubstr("training has diverged at step"));
    }
    EXPECT_EQ(run.peer(0).failure()->kind, FailureKind::kNotReached) << run.peer(0).failure()->message;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryCode, Divergence,
                         ::testing::Values(Diverging{"polydot", {2, 2, 1}, 10, 10.0, 0.9},
                                           Diverging{"polydot", {2, 2, 1}, 10, 10.0, 0.0},
                                           Diverging{"polydot", {2, 2, 1}, 10, 1e6, 0.9},
                                           Diverging{"polydot", {2, 2, 2}, 16, 10.0, 0.9},
                                           Diverging{"mds", {2, 2, 1}, 10, 10.0, 0.9},
                                           Diverging{"replication", {2, 1, 1}, 10, 10.0, 0.9},
                                           Diverging{"uncoded", {2, 2, 1}, 4, 10.0, 0.9}));

// Only this peer's scales are infinite; everybody else is right, and what it delivers must be too.
TEST(OwnOperand, ThatIsNotFiniteIsMadeAnew) {
  for (const float wild : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    constexpr int kWrong = 4;
    constexpr std::uint64_t kStep = 30;
    ClusterOptions options = small_training(80);
    FunctionTap tap([&](const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) {
      if (point.stage != codes::Stage::kActivation || point.step != kStep || point.attempt > 0 ||
          point.layer != 0)
        return false;
      live(3, 2) = wild;
      return true;
    });
    std::vector<codes::FaultTap*> taps(10, nullptr);
    taps[kWrong] = &tap;
    SimRun run(options, taps);
    run.run();
    EXPECT_GE(tap.fired, 1);
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    EXPECT_GE(run.peer(kWrong).status().operands_recomputed, 1u);
    EXPECT_EQ(run.peer(kWrong).status().rollbacks, 0u);
  }
}

struct WildOperand {
  const char* code;
  codes::Grid grid;
  Index peers;
};
void PrintTo(const WildOperand& one, std::ostream* out) { *out << one.code << " of " << one.peers; }

class WildOperands : public ::testing::TestWithParam<WildOperand> {};

// Finite, but so large that everything else is nothing beside it, while another peer's contribution is wrong
// (seeds 300117 and 300166). The row may belong to a block that this peer's own contribution does not hold.
TEST_P(WildOperands, HideNobodyElsesError) {
  constexpr int kWild = 4, kWrong = 1;
  constexpr std::uint64_t kStep = 30;
  const WildOperand& one = GetParam();
  for (const float wild : {1e35f, 1e6f, 1e4f, 1e3f})
    for (const Index row : {0, 15}) {
      SCOPED_TRACE(::testing::Message() << wild << " in row " << row);
      ClusterOptions options = small_training(60, code_of(one.code, one.grid, one.peers));
      const auto at = [&](const codes::TapPoint& point, codes::Stage stage, Index layer) {
        return point.stage == stage && point.step == kStep && point.attempt == 0 && point.layer == layer &&
               point.pass == codes::PassKind::kForward && point.training;
      };
      FunctionTap own([&](const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) {
        if (!at(point, codes::Stage::kActivation, 0)) return false;
        live(row, 2) = wild;
        return true;
      });
      FunctionTap other([&](const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) {
        if (!at(point, codes::Stage::kProduct, 1)) return false;
        live.row(2).array() += 1.0f;
        return true;
      });
      std::vector<codes::FaultTap*> taps(static_cast<std::size_t>(one.peers), nullptr);
      taps[kWild] = &own;
      taps[kWrong] = &other;
      SimRun run(options, taps);
      for (const int p : {0, kWild}) run.watch(p).keep_step = kStep;
      run.run();
      EXPECT_GE(own.fired, 1);
      EXPECT_GE(other.fired, 1);
      run.expect_finished(run.everybody());
      run.expect_reference(run.everybody());
      if (wild > 1e30f) {
        EXPECT_GE(run.peer(kWild).status().operands_recomputed, 1u);
      }
      ASSERT_EQ(run.watch(kWild).products.size(), 5u);
      for (const auto& [slot, product] : run.watch(0).products) {
        const codes::Matrix& taken = run.watch(kWild).products.at(slot);
        EXPECT_LT((taken - product).norm(), 1e-4 * product.norm()) << "slot " << slot;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(EveryCode, WildOperands,
                         ::testing::Values(WildOperand{"polydot", {2, 2, 1}, 10},
                                           WildOperand{"polydot", {2, 2, 2}, 14},
                                           WildOperand{"mds", {2, 2, 1}, 10},
                                           WildOperand{"replication", {1, 2, 1}, 8},
                                           WildOperand{"replication", {2, 1, 1}, 8}));

}  // namespace
}  // namespace polydot::simulator::testing
