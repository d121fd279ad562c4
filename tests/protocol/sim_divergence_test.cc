// Training that diverges says so, with the step, under every code, and wherever it is noticed first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  // 640: an evaluation after each step, whose floors know nothing of the update before it.
  for (const codes::Index batch : {32, 1, 640}) {
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

}  // namespace
}  // namespace polydot::simulator::testing
