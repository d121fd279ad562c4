// Two cells of each stage at the default sizes, polydot, mds and copies: each fault ends as it should.
#include "tools/bench/stage_outcomes.h"

#include <gtest/gtest.h>

#include <set>

namespace polydot::bench {
namespace {

using codes::Stage;
using node::FaultModel;

// One of a single value and one of many, other ones for each stage.
std::vector<StageCell> two_of_each_stage() {
  return {{Stage::kBatch, FaultModel::kRandom},         {Stage::kBatch, FaultModel::kSticky},
          {Stage::kWeights, FaultModel::kScale},        {Stage::kWeights, FaultModel::kRow},
          {Stage::kOptimizer, FaultModel::kRandom},     {Stage::kOptimizer, FaultModel::kWhole},
          {Stage::kEncode, FaultModel::kFloor},         {Stage::kEncode, FaultModel::kStale},
          {Stage::kProduct, FaultModel::kNan},          {Stage::kProduct, FaultModel::kBadCore},
          {Stage::kContribution, FaultModel::kBitFlip}, {Stage::kContribution, FaultModel::kColumn},
          {Stage::kDecode, FaultModel::kInf},           {Stage::kDecode, FaultModel::kWhole},
          {Stage::kActivation, FaultModel::kRandom},    {Stage::kActivation, FaultModel::kColumn},
          {Stage::kLoss, FaultModel::kRandom},          {Stage::kLoss, FaultModel::kRow},
          {Stage::kHadamard, FaultModel::kRandom},      {Stage::kHadamard, FaultModel::kWhole},
          {Stage::kUpdate, FaultModel::kZero},          {Stage::kUpdate, FaultModel::kColumn}};
}

class StageOutcomesOf : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StageOutcomesOf, TwoCellsOfEachStageEndAsTheyShould) {
  const StageSetting& setting = stage_settings()[GetParam()];
  constexpr std::uint64_t kSeed = 1;
  std::cout << "seed " << kSeed << ", " << setting.name << "\n";
  const std::vector<StageCell> cells = two_of_each_stage();
  const StageTwin twin(setting, kSeed, cells.size());
  const StageOutcomes outcomes = run_outcomes(twin, cells, 0);
  std::set<FaultEnd> ends;
  int above = 0;
  for (const PlacedFault& fault : outcomes.faults) {
    std::cout << "  " << node::to_text(fault.spec) << ": " << name_of(fault.end) << "\n";
    EXPECT_TRUE(fault.as_expected()) << node::to_text(fault.spec) << ": " << name_of(fault.end) << ", not "
                                     << name_of(fault.expected) << ": " << fault.remark;
    ends.insert(fault.end);
    above += fault.fault_class == node::FaultClass::kAboveFloor;
  }
  EXPECT_LE(outcomes.weight_difference, 1e-4);
  // Most of them were faults that count, and they ended in every way that is allowed here.
  EXPECT_GE(above, 16);
  for (const FaultEnd end : {FaultEnd::kCorrected, FaultEnd::kErased, FaultEnd::kRepaired})
    EXPECT_TRUE(ends.contains(end)) << name_of(end);
  // The first layer's products, at all peers and in each step, were those of the tile kernel.
  EXPECT_GE(outcomes.kernels.rows_in_tiles, twin.steps() * static_cast<std::uint64_t>(setting.peers));
}

// polydot, mds and three copies of the default network.
INSTANTIATE_TEST_SUITE_P(Settings, StageOutcomesOf, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace polydot::bench
