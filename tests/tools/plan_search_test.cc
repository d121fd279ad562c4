// The planner's ranking: only plans that tolerate what was wished, judged again here by the codes themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "codes/decode/locate.h"
#include "codes/decode/set_decoder.h"
#include "node/config/host_plan.h"
#include "tools/plan_search.h"
#include "tools/plan_table.h"

namespace polydot::tools {
namespace {

using codes::Index;
using codes::PeerSet;
using testing::HasSubstr;

const Workload kWork{784, {512}, 10, 128, true};

Hardware cluster(Index hosts, Index cores, double link_gbit) {
  Hardware hardware;
  hardware.hosts = hosts, hardware.cores = cores, hardware.link_bytes_s = link_gbit * 1.25e8;
  return hardware;
}

std::vector<Wishes> many_wishes() {
  return {{.wrong = 1},
          {.missing = 1},
          {.wrong = 1, .missing = 1, .slow = 1},
          {.wrong = 2},
          {.slow = 3},
          {.wrong = 1, .lose_host = true},
          {.missing = 2, .lose_host = true}};
}

TEST(PlanSearch, NamesOnlyPlansThatTolerateWhatWasWished) {
  const Hardware hardware = cluster(6, 2, 1);
  for (Wishes wishes : many_wishes()) {
    wishes.max_peers = 18, wishes.top = 3;
    const Ranking ranking = rank_plans(wishes, kWork, hardware);
    EXPECT_FALSE(ranking.plans.empty());
    for (const RankedPlan& plan : ranking.plans) {
      SCOPED_TRACE(plan.shape.name + " on " + std::to_string(plan.shape.peers));
      const auto code = codes::make_code(plan.shape.name, plan.shape.grid, plan.shape.peers).value();
      EXPECT_LE(plan.shape.peers, 18);
      for (const codes::Pass& pass : code.passes) {
        const codes::ErrorBounds bounds = codes::error_bounds(pass.code, code.peers() - wishes.erased());
        EXPECT_GE(bounds.any, wishes.wrong);
        EXPECT_GT(code.peers() - wishes.erased(), pass.code.recovery_threshold);
      }
      EXPECT_GT(2 * (code.peers() - wishes.erased()), code.peers());
      EXPECT_LE(plan.gain, codes::kUsableGain);
      EXPECT_LE(plan.kappa, codes::kLargestHidden);
      if (!wishes.lose_host) continue;
      for (const auto& lost : node::deal_indices({1, 1, 1, 1, 1, 1}, code.peers())) {
        PeerSet left = PeerSet::all(static_cast<int>(code.peers()));
        for (const Index p : lost) left.erase(static_cast<int>(p));
        for (const codes::Pass& pass : code.passes)
          EXPECT_LE(codes::gain_of(pass.code, pass.sigma, left), codes::kUsableGain);
      }
    }
  }
}

TEST(PlanSearch, RanksByPredictedTimeEachCodeAndGridOnce) {
  const Ranking ranking = rank_plans({.wrong = 1, .top = 8}, kWork, cluster(8, 2, 1));
  ASSERT_GE(ranking.plans.size(), 8U);
  EXPECT_TRUE(std::is_sorted(
      ranking.plans.begin(), ranking.plans.end(),
      [](const RankedPlan& a, const RankedPlan& b) { return a.cost.step_ms < b.cost.step_ms; }));
  for (std::size_t k = 0; k < ranking.plans.size(); ++k)
    for (std::size_t j = 0; j < k; ++j)
      EXPECT_FALSE(ranking.plans[k].shape.name == ranking.plans[j].shape.name &&
                   ranking.plans[k].shape.grid == ranking.plans[j].shape.grid);
}

TEST(PlanSearch, ReplicationNeedsTwoCopiesAWrongPeerAndOneMore) {
  for (Index wrong = 1; wrong <= 3; ++wrong)
    for (Index missing = 0; missing <= 2; ++missing) {
      const Wishes wishes{.wrong = wrong, .missing = missing};
      for (const codes::Grid grid : {codes::Grid{1, 1, 1}, codes::Grid{2, 1, 1}, codes::Grid{2, 2, 1}}) {
        const Index blocks = grid.m * grid.n;
        Index fewest = 1;
        while (!meets_bounds(*shape_of("replication", grid, fewest * blocks), wishes)) ++fewest;
        EXPECT_EQ(fewest, 2 * wrong + missing + 1) << grid.m << grid.n;
      }
    }
}

TEST(PlanSearch, PolydotNeedsItsThresholdAndTwoAWrongPeer) {
  const auto fits = [](Index peers, Wishes wishes) {
    return meets_bounds(*shape_of("polydot", {2, 2, 1}, peers), wishes);
  };
  EXPECT_FALSE(fits(7, {.wrong = 1}));
  EXPECT_TRUE(fits(8, {.wrong = 1}));
  EXPECT_FALSE(fits(9, {.wrong = 1, .missing = 1, .slow = 1}));
  EXPECT_TRUE(fits(10, {.wrong = 1, .missing = 1, .slow = 1}));
  // Somebody missing, nobody wrong: one row to check with.
  EXPECT_FALSE(fits(8, {.missing = 2}));
  EXPECT_TRUE(fits(9, {.missing = 2}));
}

TEST(PlanSearch, NeverDropsBelowAMajority) {
  EXPECT_TRUE(meets_bounds(*shape_of("mds", {2, 2, 1}, 9), {.missing = 4}));
  EXPECT_FALSE(meets_bounds(*shape_of("mds", {2, 2, 1}, 8), {.missing = 4}));
}

TEST(PlanSearch, NoCodingToleratesNothingAndIsRankedOnlyWhereNothingIsWished) {
  const auto uncoded = [](const Ranking& ranking) {
    return std::any_of(ranking.plans.begin(), ranking.plans.end(),
                       [](const RankedPlan& plan) { return plan.shape.name == "uncoded"; });
  };
  const Hardware hardware = cluster(4, 2, 10);
  EXPECT_FALSE(uncoded(rank_plans({.wrong = 1}, kWork, hardware)));
  EXPECT_TRUE(uncoded(rank_plans({}, kWork, hardware)));
}

TEST(PlanSearch, LeavesOutWhatDoesNotFitInMemory) {
  Hardware hardware = cluster(8, 2, 10);
  const Workload large{784, {2048}, 10, 64, true};
  hardware.memory_bytes = 0.7 * predict_alone(large, hardware).memory_bytes;
  const Ranking ranking = rank_plans({.wrong = 1}, large, hardware);
  EXPECT_FALSE(ranking.alone_fits);
  EXPECT_GT(ranking.too_large, 0);
  for (const RankedPlan& plan : ranking.plans) EXPECT_LE(plan.cost.host_memory_bytes, hardware.memory_bytes);
}

TEST(PlanText, SaysWhatIsFirstWhyAndWhetherOneMachineIsFaster) {
  PlanRequest request;
  request.rank = true, request.hosts = 1, request.hardware.cores = 2;
  request.shared.hidden = {256}, request.wishes = {.wrong = 1};
  const Hardware hardware = hardware_of(request, {});
  const Ranking ranking = rank_plans(request.wishes, workload_of(request), hardware);
  const std::string text = text_of(ranking, request, hardware, "built in");
  EXPECT_THAT(text, HasSubstr("is first: "));
  EXPECT_THAT(text, HasSubstr("one machine alone would be faster: "));
  EXPECT_THAT(text, HasSubstr("uncoded"));
  EXPECT_THAT(text, HasSubstr("3 copies"));
  EXPECT_THAT(text, HasSubstr("polydot"));
}

TEST(PlanText, SaysSoWhenManyMachinesAreFaster) {
  PlanRequest request;
  request.rank = true, request.hosts = 16, request.hardware.cores = 1, request.hardware.link_gbit = 100;
  request.shared.hidden = {8192, 8192}, request.shared.batch = 128, request.wishes = {.wrong = 1};
  const Hardware hardware = hardware_of(request, {});
  const Ranking ranking = rank_plans(request.wishes, workload_of(request), hardware);
  ASSERT_LT(ranking.plans.front().cost.step_ms, ranking.alone.step_ms);
  EXPECT_THAT(text_of(ranking, request, hardware, "built in"),
              HasSubstr("one machine alone would be slower: "));
}

}  // namespace
}  // namespace polydot::tools
