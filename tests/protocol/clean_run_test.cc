// Long runs in which nothing is wrong: nobody may be blamed, and nothing refused.
#include <gtest/gtest.h>

#include "tests/protocol/own_sets.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

const dnn::Dataset& clean_train() {
  static const dnn::Dataset data = dnn::testing::synthetic_data(24, 1600, 6, 3);
  return data;
}
const dnn::Dataset& clean_test() {
  static const dnn::Dataset data = dnn::testing::synthetic_data(24, 50, 6, 4);
  return data;
}

// 24-20-16-6, ten peers, 2x2, momentum 0.9.
ClusterOptions clean_options(std::uint64_t steps, double learning_rate) {
  ClusterOptions options = small_training(steps);
  options.plan.network =
      *dnn::make_mlp(24, {20, 16}, 6, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  options.plan.optimizer.learning_rate = learning_rate;
  options.plan.optimizer.momentum = 0.9;
  options.plan.evaluate_each_epoch = false;
  return options;
}

std::string name_of(const protocol::FloorKind& kind) {
  return "layer " + std::to_string(kind.layer) +
         (kind.pass == codes::PassKind::kForward ? " forward" : " backward");
}

void print_floors(const protocol::Floors& floors) {
  for (const auto& [kind, floor] : floors.all())
    if (kind.training)
      std::cout << "    " << name_of(kind) << ": median " << floor.median() << ", threshold "
                << floor.threshold() << ", learned " << floor.learned()
                << (floor.over_cap() ? ", over the cap" : "") << "\n";
}

class CleanRun : public ::testing::TestWithParam<double> {};

TEST_P(CleanRun, NoAlarmInFiveThousandStepsWhenAllDecodeFromTheSameSet) {
  ClusterOptions options = clean_options(5000, GetParam());
  std::cout << "  learning rate " << GetParam() << ", seed " << options.plan.seed << "\n";
  SimRun run(options, {}, clean_train(), clean_test());
  run.run();
  run.expect_finished(run.everybody());
  for (int p = 0; p < 10; ++p) {
    const Watch& watch = run.watch(p);
    EXPECT_EQ(watch.training_rounds, 25'000u);
    EXPECT_EQ(watch.loud_rounds, 0u) << "alarms at peer " << p;
    EXPECT_TRUE(watch.located.empty()) << "peer " << p << " blames " << watch.located.front().peer
                                       << " in step " << watch.located.front().key.step;
    EXPECT_EQ(watch.states.size(), 1u) << "something was not checked";
    EXPECT_EQ(run.peer(p).status().recomputed_rounds + run.peer(p).status().unchecked_rounds, 0u);
    for (const auto& [kind, floor] : run.peer(p).floors().all())
      EXPECT_FALSE(floor.over_cap()) << name_of(kind);
  }
  std::cout << "  floors of peer 0 after 5,000 steps:\n";
  print_floors(run.peer(0).floors());
}

// Shards drift, whether all are there or not: a floor that had stood still would soon call every round loud.
TEST_P(CleanRun, NoAlarmAfterAPeerHasDied) {
  ClusterOptions options = clean_options(1500, GetParam());
  options.network.least_delay_ms = options.network.most_delay_ms = 1;
  SimRun run(options, {}, clean_train(), clean_test());
  run.cluster().on_time([&](std::int64_t) {
    if (run.cluster().program(0).steps_done() == 100) run.cluster().kill(4);
  });
  run.run();
  PeerSet others = run.everybody();
  others.erase(4);
  run.expect_finished(others);
  EXPECT_LT(run.cluster().program(4).steps_done(), 102u);
  for (int p : others.members()) {
    EXPECT_EQ(run.watch(p).loud_rounds, 0u) << "alarms at peer " << p;
    EXPECT_TRUE(run.watch(p).located.empty());
  }
  print_floors(run.peer(0).floors());
}

TEST_P(CleanRun, NobodyIsBlamedInAThousandStepsWhenEachDecodesFromItsOwnSet) {
  const ClusterOptions options = clean_options(1000, GetParam());
  constexpr std::uint64_t kSeed = 17;
  std::cout << "  learning rate " << GetParam() << ", sets by seed " << kSeed << "\n";
  OwnSets peers(options.code, options.plan, clean_train(), clean_test(), kSeed);
  peers.run();
  EXPECT_EQ(peers.rounds(), 1000u * 5u * 10u + 3u * 10u);  // the evaluation at the end is one batch
  for (const std::string& bad : peers.not_checked()) ADD_FAILURE() << bad;
  for (const std::string& blame : peers.blames()) ADD_FAILURE() << blame;
  std::cout << "    " << peers.noise_rounds() << " noise rounds of " << peers.rounds()
            << ", loudest statistic " << peers.loudest() << " thresholds\n";
  print_floors(peers.floors(0));
}

// What was decoded from a worse set is louder, and updates take it into the momentum: for a while more noise
// in it is nobody's fault. Beside a run in which nothing is lost, for the threshold follows the size of the
// momentum as well. At a low rate all of this is less than what would move the weights by as much as their
// own scrub sees.
TEST(CleanRunOfBadSets, MomentumIsJudgedByTheSetsThatItsUpdatesCameFrom) {
  constexpr std::uint64_t kFirst = 40, kEnd = 44;
  ClusterOptions options = small_training(200, code_of("mds", {3, 2, 1}, 7));
  options.plan.optimizer.momentum = 0.9;
  options.plan.optimizer.learning_rate = 0.3;
  options.network.least_delay_ms = options.network.most_delay_ms = 1;
  SimRun calm(options);
  calm.run();
  calm.expect_finished(calm.everybody());
  bool lost = false;
  options.network.loses = [&](int from, int to, std::span<const std::byte>) {
    return lost && to == 4 && (from == 0 || from == 1);
  };
  SimRun run(options);
  run.cluster().on_time([&](std::int64_t) {
    const std::uint64_t step = run.cluster().program(2).steps_done();
    lost = step >= kFirst && step < kEnd;
  });
  run.run();
  run.expect_finished(run.everybody());
  for (int p : run.everybody().members()) {
    const auto louder = [&](std::uint64_t step) {
      return run.watch(p).momentum_thresholds.at(step) / calm.watch(p).momentum_thresholds.at(step);
    };
    EXPECT_EQ(run.watch(p).scrub_findings, 0u) << "peer " << p;
    if (p == 4) continue;
    EXPECT_GT(louder(kEnd - 1), 1.15) << "peer " << p;  // 1.46 to 1.64 were seen
    std::cout << "  peer " << p << ": " << louder(kFirst) << ", " << louder(kEnd - 1) << ", "
              << louder(kEnd + 100) << "\n";
  }
}

INSTANTIATE_TEST_SUITE_P(LearningRates, CleanRun, ::testing::Values(0.01, 0.05),
                         [](const auto& tested) { return tested.param == 0.01 ? "Rate0_01" : "Rate0_05"; });

}  // namespace
}  // namespace polydot::simulator::testing
