// The checker of stored weights fails when it should: shards are spoilt by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "codes/kernels/encode.h"
#include "tools/simulator/scenario.h"
#include "tools/simulator/weights_checker.h"

namespace polydot::simulator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kBoundary = 20;

// A run of 20 steps, ten peers.
class Weights : public ::testing::Test {
 protected:
  Weights() {
    ScenarioOptions options;
    options.seed = 4;
    options.peers = 10;
    options.steps = kBoundary;
    scenario_ = draw_scenario(options);
    reference_ = std::make_unique<ReferenceRun>(scenario_.cluster.plan, *scenario_.train);
    checker_ = std::make_unique<WeightsChecker>(scenario_.cluster.code, *reference_, violations_);
  }
  // What this peer holds once so many steps are done, each weight times `factor`.
  WeightsChecker::Shards held(int peer, std::uint64_t boundary, float factor = 1.0f) const {
    WeightsChecker::Shards layers;
    for (const dnn::Matrix& weights : reference_->weights(boundary)) {
      auto& shards = layers.emplace_back();
      for (const codes::ShardCode& code : scenario_.cluster.code.shards)
        shards.push_back({factor * codes::encode_shard(code, peer, weights), {}});
    }
    return layers;
  }
  void note(int peer, const WeightsChecker::Shards& shards) {
    checker_->note(1, "checkpoint", 0, kBoundary, peer, shards);
  }

  Scenario scenario_;
  Violations violations_;
  std::unique_ptr<ReferenceRun> reference_;
  std::unique_ptr<WeightsChecker> checker_;
};

TEST_F(Weights, ThoseOfTheReferencePass) {
  for (int p = 0; p < 10; ++p) note(p, held(p, kBoundary));
  checker_->check_decoded(2);
  EXPECT_THAT(violations_.lines(), IsEmpty());
  EXPECT_GT(checker_->shards_checked(), 0u);
  EXPECT_GT(checker_->sets_decoded(), 0u);
}

TEST_F(Weights, AShardOfAnotherBoundaryShows) {
  note(3, held(3, kBoundary - 1));
  EXPECT_THAT(violations_.lines(),
              Contains(HasSubstr("stored: peer 3's shard 0 of layer 0 in the checkpoint")));
}

TEST_F(Weights, OneWrongWeightShows) {
  auto shards = held(3, kBoundary);
  shards[0][0].weights(0, 0) += 0.1f * shards[0][0].weights.norm();
  note(3, shards);
  EXPECT_EQ(violations_.count(), 1u);
  shards[0][0].weights(0, 0) = std::numeric_limits<float>::quiet_NaN();
  note(3, shards);
  EXPECT_EQ(violations_.count(), 2u);
}

TEST_F(Weights, WhatIsDecodedTogetherIsLookedAtToo) {
  for (int p = 0; p < 10; ++p) note(p, held(p, kBoundary, 3.0f));
  const std::size_t before = violations_.count();
  checker_->check_decoded(2);
  EXPECT_GT(violations_.count(), before);
}

TEST_F(Weights, TooFewAreNotDecoded) {
  note(0, held(0, kBoundary));
  checker_->check_decoded(2);
  EXPECT_EQ(checker_->sets_decoded(), 0u);
}

TEST(MayBeUnrepaired, ForAsLongAsARepairMayTake) {
  const auto injector = [](const std::string& spec, codes::Stage stage) {
    auto one = node::Injector::make(node::parse_inject_specs({spec}).value(), 1, 3, "").value();
    codes::Matrix buffer = codes::Matrix::Ones(3, 3);
    codes::TapPoint point;
    point.stage = stage;
    point.step = 5;
    one->visit(point, buffer);
    EXPECT_EQ(one->injections().size(), 1u);
    return one;
  };
  const auto weights = injector("weights:bitflip:step=5", codes::Stage::kWeights);
  EXPECT_FALSE(may_be_unrepaired(weights.get(), 4));
  EXPECT_TRUE(may_be_unrepaired(weights.get(), 5)) << "a step begins before its checkpoint is written";
  EXPECT_TRUE(may_be_unrepaired(weights.get(), 5 + kRepairSteps));
  EXPECT_FALSE(may_be_unrepaired(weights.get(), 6 + kRepairSteps));
  EXPECT_TRUE(may_be_unrepaired(weights.get(), 6 + kRepairSteps, {4, 5})) << "one of these was after it";
  EXPECT_FALSE(may_be_unrepaired(weights.get(), 7 + kRepairSteps, {4, 5}));
  EXPECT_FALSE(
      may_be_unrepaired(injector("contribution:bitflip:step=5", codes::Stage::kContribution).get(), 6));
  EXPECT_FALSE(may_be_unrepaired(nullptr, 6));
}

}  // namespace
}  // namespace polydot::simulator
