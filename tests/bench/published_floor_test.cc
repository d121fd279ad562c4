// What an injector is told of the floor of a round: it follows weights that grow, as detectors do, and what
// the detector has learned of rounding does not move it.
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "codes/decode/noise_floor.h"
#include "tools/bench/round_watch.h"
#include "tools/bench/small_training.h"

namespace polydot::bench {
namespace {

using codes::NoiseFloor;

struct FloorWatch : codes::FaultTap {
  std::map<std::pair<codes::Index, codes::PassKind>, double> first, last;
  void visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix>) override {
    if (point.stage != codes::Stage::kProduct || !point.training) return;
    first.try_emplace({point.layer, point.pass}, point.floor->analytic);
    last[{point.layer, point.pass}] = point.floor->analytic;
  }
};

TEST(PublishedFloor, FollowsWeightsThatGrowAndNothingElse) {
  constexpr std::uint64_t kSteps = 400;
  simulator::ClusterOptions options = small_training(kSteps, 1);
  options.plan.optimizer.learning_rate = 0.05;
  FloorWatch watch;
  std::vector<codes::FaultTap*> taps(kSmallPeers, nullptr);
  taps[3] = &watch;
  simulator::SimCluster cluster(options, small_train_data(), small_test_data(), taps);
  ASSERT_TRUE(cluster.run(1'000'000'000));
  int grown = 0;
  for (const auto& [kind, floor] : cluster.peer(3).floors().all()) {
    const bool is_round = watch.last.contains({kind.layer, kind.pass});  // the first layer has none back
    if (kind.part != protocol::RoundPart::kProduct || !kind.training || !is_round) continue;
    const double initial = cluster.program(3).initial_scale(kind.layer, kind.pass);
    const double at_start = watch.first.at({kind.layer, kind.pass}),
                 at_end = watch.last.at({kind.layer, kind.pass});
    // The round back comes after a first look at the weights.
    EXPECT_GE(at_start, NoiseFloor::analytic_threshold(initial));
    EXPECT_LE(at_start, 1.02 * NoiseFloor::analytic_threshold(initial));
    // The detector's cap is that many analytic floors of the weights at hand: no class promises less.
    const double of_detector = NoiseFloor::analytic_threshold(floor.scale());
    EXPECT_GE(at_end, 0.97 * of_detector) << "layer " << kind.layer;
    EXPECT_LE(at_end, 1.03 * std::max(at_start, of_detector)) << "layer " << kind.layer;
    grown += of_detector > 1.3 * at_start;
  }
  EXPECT_GT(grown, 0) << "the weights did not grow: this shows nothing";
}

TEST(RoundWatchOf, ARoundThatNobodyCanExplainNamesNobody) {
  for (const auto& [state, named] :
       {std::pair{codes::RoundState::kUnexplained, 0}, {codes::RoundState::kWeak, 1}}) {
    RoundWatch watch(0, nullptr, nullptr);
    codes::RoundVerdict verdict;
    verdict.state = state;
    verdict.findings.push_back({.peer = 2, .entries = 1, .size_over_floor = 9.0});
    protocol::RoundReport report;
    report.verdict = &verdict;
    watch.on_round(report);
    EXPECT_EQ(std::ssize(watch.named), named);
  }
}

}  // namespace
}  // namespace polydot::bench
