// The arithmetic of the measures of speed, by hand.
#include "tools/bench/speed_arithmetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "codes/base/linear_code.h"
#include "tools/bench/ratio_table.h"

namespace polydot::bench {
namespace {

using codes::Grid;

dnn::NetworkSpec network(Index inputs, Index hidden, Index outputs) {
  return *dnn::make_mlp(inputs, {hidden}, outputs, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
}

TEST(SpeedRatio, IsThatOfTheMediansWithTheSpreadOfThePairs) {
  const Ratio ratio = ratio_of({3.0, 1.0, 2.0}, {1.0, 1.0, 4.0});
  EXPECT_EQ(ratio.measured, 2.0);
  EXPECT_EQ(ratio.beside, 1.0);
  EXPECT_EQ(ratio.value, 2.0);
  EXPECT_EQ(ratio.lowest, 0.5);
  EXPECT_EQ(ratio.highest, 3.0);
  EXPECT_EQ(ratio.pairs, 3u);
  EXPECT_EQ(median({4.0, 1.0, 2.0, 3.0}), 2.5);
}

TEST(SpeedShare, OfTheArithmeticIsPeersOverBlocks) {
  EXPECT_EQ(arithmetic_share(*codes::make_polydot({2, 2, 1}, 8)), 2.0);
  EXPECT_EQ(arithmetic_share(*codes::make_polydot({2, 2, 1}, 10)), 2.5);
  EXPECT_EQ(arithmetic_share(*codes::make_uncoded({2, 3, 1}, 6)), 1.0);
}

TEST(SpeedShare, OfCodingIsEncodeCheckAndDecodeOfAllPeers) {
  node::RunProfile profile;
  profile.peers = 8;
  for (std::size_t k = 0; k < codes::kWorkKinds; ++k) profile.work_ms[k] = 100.0;
  profile.work_ms[static_cast<std::size_t>(codes::Work::kEncode)] = 1.0;
  profile.work_ms[static_cast<std::size_t>(codes::Work::kCheck)] = 2.0;
  profile.work_ms[static_cast<std::size_t>(codes::Work::kDecode)] = 4.0;
  EXPECT_EQ(coding_ms(profile), 56.0);
  EXPECT_EQ(arithmetic_ms(profile), 8 * 200.0);
}

TEST(EqualTolerance, TakesTwentyPeersOfReplicationWhereTenAreCoded) {
  EXPECT_EQ(fewest_peers_correcting("polydot", {2, 2, 1}, 3), 10);
  EXPECT_EQ(fewest_peers_correcting("replication", {2, 2, 1}, 3), 20);
}

TEST(EqualTolerance, IsTheFirstNumberOfPeersThatCorrects) {
  for (const char* name : {"polydot", "replication", "mds"}) {
    const Grid grid{2, 2, 1};
    const Index peers = fewest_peers_correcting(name, grid, 2);
    const auto least = [&](Index count) {
      const auto code = codes::make_code(name, grid, count);
      Index errors = count;
      for (const codes::Pass& pass : code->passes)
        errors = std::min(errors, codes::error_bounds(pass.code, count).independent);
      return errors;
    };
    EXPECT_GE(least(peers), 2) << name;
    EXPECT_LT(least(peers - 1), 2) << name;
  }
}

TEST(EqualTolerance, MayBeOutOfReach) { EXPECT_EQ(fewest_peers_correcting("uncoded", {2, 2, 1}, 1), -1); }

TEST(LeastBytes, AreOneFloatForEachDecodedValue) {
  // Forward 6 and 4 outputs, backward the 6 inputs of the second layer; the bias is no value of the result.
  EXPECT_EQ(least_bytes(network(10, 6, 4), 5), 4.0 * (6 + 4 + 6) * 5);
}

TEST(ReceivedBytes, AreTheContributionsOfAllOthers) {
  // 2x2: forward half of the rows, backward half of the 7 columns, padded to 8.
  const auto code = codes::make_polydot({2, 2, 1}, 8);
  EXPECT_EQ(received_bytes(*code, network(10, 6, 4), 5), 4.0 * 7 * (3 + 2 + 4) * 5);
}

TEST(ReceivedBytes, OfAHostComeFromPeersOnOtherHosts) {
  // 7 bytes: one to each. Two peers here receive from six elsewhere; all here, from nobody.
  EXPECT_EQ(host_received_bytes(7.0, 8, 2), 12.0);
  EXPECT_EQ(host_received_bytes(7.0, 8, 1), 7.0);
  EXPECT_EQ(host_received_bytes(7.0, 8, 8), 0.0);
}

TEST(ReceivedBytes, AreFewestForTwoSidedMdsOfSixAmongTen) {
  const dnn::NetworkSpec wide = network(784, 1024, 10);
  const auto best = least_receiving_code(10, 3, wide, 128);
  ASSERT_TRUE(best) << best.failure().message;
  EXPECT_EQ(best->name, "mds");
  EXPECT_EQ(best->grid, (Grid{6, 6, 1}));
  const auto code = codes::make_code(best->name, best->grid, 10);
  EXPECT_NEAR(received_bytes(*code, wide, 128) / least_bytes(wide, 128), 9.0 / 6.0, 0.01);
  EXPECT_FALSE(least_receiving_code(3, 3, wide, 128));
}

TEST(StateBytes, AreShardsMomentumAndActivations) {
  const auto code = codes::make_polydot({2, 2, 1}, 8);
  // Shards of 6 x 11 and 4 x 7: 3 x 6 and 2 x 4. Values: 10 inputs, 6 before and after the activation, 4.
  EXPECT_EQ(state_bytes(*code, network(10, 6, 4), 5, false), 4.0 * (18 + 8 + (10 + 6 + 6 + 4) * 5));
  EXPECT_EQ(state_bytes(*code, network(10, 6, 4), 5, true), 4.0 * (2 * (18 + 8) + (10 + 6 + 6 + 4) * 5));
}

RatioRow row_of(double value) { return {7, "a measure", "ms", ratio_of({value}, {1.0}), 1.5, 1.2}; }

TEST(RatioTable, SaysWhatWasReached) {
  EXPECT_EQ(verdict_of(row_of(1.2)), "goal");
  EXPECT_EQ(verdict_of(row_of(1.5)), "must");
  EXPECT_EQ(verdict_of(row_of(1.51)), "no");
  RatioRow more = row_of(2.0);
  more.more_is_better = true, more.must = 2.0, more.goal = 3.0;
  EXPECT_EQ(verdict_of(more), "must");
  EXPECT_THAT(ratio_table({more}), ::testing::HasSubstr("| **2** | >= 2 | >= 3 | one run | must |"));
}

TEST(RatioTable, OfARowWithoutLimitsSaysNothing) {
  RatioRow row = row_of(2.0);
  row.must = row.goal = {};
  EXPECT_EQ(verdict_of(row), "");
}

}  // namespace
}  // namespace polydot::bench
