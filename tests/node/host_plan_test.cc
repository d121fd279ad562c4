#include "node/config/host_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polydot::node {
namespace {

using codes::Index;

TEST(HostPlan, BitReversedOrderIsTheTextbookOne) {
  EXPECT_EQ(bit_reversed_order(1), std::vector<Index>({0}));
  EXPECT_EQ(bit_reversed_order(8), std::vector<Index>({0, 4, 2, 6, 1, 5, 3, 7}));
  EXPECT_EQ(bit_reversed_order(10), std::vector<Index>({0, 8, 4, 2, 6, 1, 9, 5, 3, 7}));
}

TEST(HostPlan, EveryIndexIsDealtOnceAndInProportion) {
  const std::vector<std::vector<std::int64_t>> cases = {{1},          {1, 1},    {1, 1, 2},
                                                        {3, 1, 1, 5}, {1000, 1}, {7, 7, 7}};
  for (const auto& shares : cases) {
    const auto total = static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}));
    for (Index peers = 1; peers <= 80; ++peers) {
      const auto hands = deal_indices(shares, peers);
      ASSERT_EQ(hands.size(), shares.size());
      std::vector<Index> all;
      for (std::size_t h = 0; h < hands.size(); ++h) {
        all.insert(all.end(), hands[h].begin(), hands[h].end());
        const double quota = static_cast<double>(peers * shares[h]) / total;
        EXPECT_LT(std::abs(static_cast<double>(hands[h].size()) - quota), 1);
      }
      std::sort(all.begin(), all.end());
      std::vector<Index> expected(static_cast<std::size_t>(peers));
      std::iota(expected.begin(), expected.end(), 0);
      EXPECT_EQ(all, expected);
    }
  }
}

TEST(HostPlan, IndicesOfOneHostLieFarApart) {
  // Powers of two come out perfectly even.
  for (const auto& hand : deal_indices({1, 1, 1, 1}, 32))
    for (std::size_t i = 1; i < hand.size(); ++i) EXPECT_EQ(hand[i] - hand[i - 1], 4);
  // Elsewhere a host may get a pair of neighbours, never a run.
  for (Index peers = 6; peers <= 80; ++peers) {
    for (const auto& hand : deal_indices({1, 1, 1, 1}, peers)) {
      for (std::size_t i = 2; i < hand.size(); ++i) EXPECT_GT(hand[i] - hand[i - 2], 2) << peers << " peers";
    }
  }
}

TEST(HostPlan, ReadsHostsWithShares) {
  const auto hosts = parse_hosts("a, b.example,[::1],10.0.0.3:2,[fe80::1]:3");
  ASSERT_TRUE(hosts) << hosts.failure().message;
  const std::vector<HostShare> expected = {
      {"a", 1}, {"b.example", 1}, {"[::1]", 1}, {"10.0.0.3", 2}, {"[fe80::1]", 3}};
  EXPECT_EQ(*hosts, expected);
  for (const char* text :
       {"", "a,,b", "a,a", "a:2,a", "a:0", "a:x", "a:", ":2", "::1", "a b", "[]", "a:1001"})
    EXPECT_FALSE(parse_hosts(text)) << text;
}

TEST(HostPlan, PortsFollowTheIndex) {
  const auto plan = plan_hosts({{"a", 1}, {"b", 1}}, 4);
  ASSERT_TRUE(plan) << plan.failure().message;
  EXPECT_EQ(plan->indices, (std::vector<std::vector<Index>>{{0, 2}, {1, 3}}));
  EXPECT_EQ(plan->endpoints, std::vector<std::string>({"a:29400", "b:29401", "a:29402", "b:29403"}));
}

TEST(HostPlan, AHostWithoutAPeerIsRefused) {
  EXPECT_FALSE(plan_hosts({{"a", 1}, {"b", 1}, {"c", 1}}, 2));
  EXPECT_FALSE(plan_hosts({{"a", 1000}, {"b", 1}}, 10));
}

}  // namespace
}  // namespace polydot::node
