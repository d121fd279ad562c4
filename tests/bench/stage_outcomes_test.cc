// Two cells of each stage at the default sizes, polydot, mds and copies: each fault ends as it should.
#include "tools/bench/stage_outcomes.h"

#include <gtest/gtest.h>

#include <set>

namespace polydot::bench {
namespace {

using codes::Stage;
using node::FaultModel;

// Mostly one of a single value and one of many, other ones for each stage. The numbers: over all peers,
// layers and passes, and where a fault strikes and is above the floor in every setting.
std::vector<NumberedCell> two_of_each_stage() {
  return {
      {{Stage::kBatch, FaultModel::kRandom}, 0},          {{Stage::kBatch, FaultModel::kWhole}, 1},
      {{Stage::kWeights, FaultModel::kScale}, 2},         {{Stage::kWeights, FaultModel::kRow}, 3},
      {{Stage::kOptimizer, FaultModel::kInf}, 4},         {{Stage::kOptimizer, FaultModel::kWhole}, 5},
      {{Stage::kEncode, FaultModel::kFloor}, 36},         {{Stage::kEncode, FaultModel::kStale}, 7},
      {{Stage::kProduct, FaultModel::kNan}, 8},           {{Stage::kProduct, FaultModel::kBadCore}, 9},
      {{Stage::kContribution, FaultModel::kBitFlip}, 10}, {{Stage::kContribution, FaultModel::kColumn}, 11},
      {{Stage::kDecode, FaultModel::kInf}, 12},           {{Stage::kDecode, FaultModel::kWhole}, 13},
      {{Stage::kActivation, FaultModel::kRandom}, 14},    {{Stage::kActivation, FaultModel::kColumn}, 15},
      {{Stage::kLoss, FaultModel::kWhole}, 16},           {{Stage::kLoss, FaultModel::kRow}, 17},
      {{Stage::kHadamard, FaultModel::kRandom}, 18},      {{Stage::kHadamard, FaultModel::kWhole}, 19},
      {{Stage::kUpdate, FaultModel::kZero}, 20},          {{Stage::kUpdate, FaultModel::kColumn}, 21}};
}

// Few of them, for the large network: each pass, a stored shard and its momentum.
std::vector<NumberedCell> some_cells() {
  return {{{Stage::kWeights, FaultModel::kRandom}, 0},   {{Stage::kOptimizer, FaultModel::kWhole}, 1},
          {{Stage::kEncode, FaultModel::kRandom}, 2},    {{Stage::kProduct, FaultModel::kBadCore}, 3},
          {{Stage::kContribution, FaultModel::kNan}, 4}, {{Stage::kDecode, FaultModel::kWhole}, 5},
          {{Stage::kHadamard, FaultModel::kWhole}, 6},   {{Stage::kUpdate, FaultModel::kRow}, 7}};
}

StageOutcomes expect_ends(const StageTwin& twin, const std::vector<NumberedCell>& cells) {
  std::cout << "seed " << twin.seed() << ", " << twin.setting().name << "\n";
  const StageOutcomes outcomes = run_outcomes(twin, cells);
  std::set<std::int64_t> peers, layers;
  for (const PlacedFault& fault : outcomes.faults) {
    std::cout << "  " << node::to_text(fault.spec) << ": " << name_of(fault.end) << ", "
              << fault.size_over_floor << " floors\n";
    EXPECT_TRUE(fault.as_expected()) << node::to_text(fault.spec) << ": " << name_of(fault.end) << ", not "
                                     << name_of(fault.expected) << ": " << fault.remark;
    EXPECT_TRUE(fault.counts()) << node::to_text(fault.spec) << ": " << node::name_of(fault.fault_class);
    peers.insert(fault.spec.peers.begin(), fault.spec.peers.end());
    if (fault.spec.layer) layers.insert(*fault.spec.layer);
  }
  EXPECT_LE(outcomes.weight_difference, 1e-4);
  EXPECT_EQ(static_cast<codes::Index>(layers.size()), twin.setting().places().layers);
  EXPECT_GE(peers.size(), std::min<std::size_t>(cells.size(), 8));
  return outcomes;
}

// Pixels have few patterns of low bits: this core meets none that it gets wrong.
TEST(StageOutcomes, AFaultThatStrikesNowhereIsNoSuccess) {
  const StageTwin twin({"784-16-10", "polydot", {2, 2, 1}, 10, {16}}, 1, 2);
  const StageOutcomes outcomes = run_outcomes(
      twin, {{{Stage::kBatch, FaultModel::kZero}, 0}, {{Stage::kBatch, FaultModel::kBadCore}, 1}});
  const PlacedFault& nothing = outcomes.faults[1];
  EXPECT_EQ(nothing.end, FaultEnd::kNotInjected) << name_of(nothing.end);
  EXPECT_FALSE(nothing.as_expected());
  EXPECT_FALSE(nothing.counts());
}

TEST(StageOutcomes, WhatMayStayIsExpectedToBeRepairedWhereScrubsNameIt) {
  const StagePlaces places = stage_settings()[0].places();
  const auto expected = [&](Stage stage, FaultModel model, bool scrub_names, std::size_t number = 1) {
    return expected_end(placed({stage, model}, number, 20, places), places, scrub_names);
  };
  for (const bool names : {false, true}) {
    EXPECT_EQ(expected(Stage::kWeights, FaultModel::kSticky, names), FaultEnd::kRepaired);
    EXPECT_EQ(expected(Stage::kProduct, FaultModel::kBadCore, names), FaultEnd::kCorrected);
    EXPECT_EQ(expected(Stage::kBatch, FaultModel::kRandom, names), FaultEnd::kCorrected);
    EXPECT_EQ(expected(Stage::kHadamard, FaultModel::kRandom, names), FaultEnd::kRepaired)
        << "only an update";
    EXPECT_EQ(expected(Stage::kBatch, FaultModel::kSticky, names),
              names ? FaultEnd::kRepaired : FaultEnd::kCorrected);
  }
  for (const FaultModel model :
       {FaultModel::kNan, FaultModel::kInf, FaultModel::kRow, FaultModel::kColumn, FaultModel::kWhole})
    for (const Stage stage :
         {Stage::kWeights, Stage::kOptimizer, Stage::kEncode, Stage::kProduct, Stage::kUpdate})
      EXPECT_TRUE(must_show(placed({stage, model}, 0, 20, places)));
  EXPECT_FALSE(must_show(placed({Stage::kProduct, FaultModel::kBitFlip}, 0, 20, places)));
}

class StageOutcomesOf : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StageOutcomesOf, TwoCellsOfEachStageEndAsTheyShould) {
  const StageSetting& setting = stage_settings()[GetParam()];
  const std::vector<NumberedCell> cells = two_of_each_stage();
  const StageTwin twin(setting, 1, cells.size());
  const StageOutcomes outcomes = expect_ends(twin, cells);
  std::set<FaultEnd> ends;
  for (const PlacedFault& fault : outcomes.faults) ends.insert(fault.end);
  for (const FaultEnd end : {FaultEnd::kCorrected, FaultEnd::kErased, FaultEnd::kRepaired})
    EXPECT_TRUE(ends.contains(end)) << name_of(end);
  // The first layer's products, at all peers and in each step, were those of the tile kernel.
  EXPECT_GE(outcomes.kernels.rows_in_tiles, twin.steps() * static_cast<std::uint64_t>(setting.peers));
}

// The kernels of large products: each peer, in each step, in the first layer's forward pass, the last one's
// backward pass, and the first one's update.
TEST(StageOutcomes, WithHidden1024AFewEndAsTheyShould) {
  const StageSetting& setting = stage_settings()[3];
  ASSERT_EQ(setting.hidden, std::vector<codes::Index>{1024});
  const std::vector<NumberedCell> cells = some_cells();
  const StageTwin twin(setting, 1, cells.size());
  const StageOutcomes outcomes = expect_ends(twin, cells);
  const std::uint64_t each = twin.steps() * static_cast<std::uint64_t>(setting.peers);
  EXPECT_GE(outcomes.kernels.rows_in_tiles, each);
  EXPECT_GE(outcomes.kernels.columns_in_tiles, each);
  EXPECT_EQ(outcomes.kernels.columns_by_eigen, 0u);
  EXPECT_GE(outcomes.kernels.gradients_in_tiles, each);
}

// polydot, mds and three copies of the default network.
INSTANTIATE_TEST_SUITE_P(Settings, StageOutcomesOf, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace polydot::bench
