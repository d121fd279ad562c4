// The checker of values fails when it should: each violation is fed to it by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "dnn/coded/training_program.h"
#include "tools/simulator/scenario.h"
#include "tools/simulator/value_checker.h"

namespace polydot::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A run of 20 steps, ten peers, nobody hit but peer 3 in step 5.
class Values : public ::testing::Test {
 protected:
  Values() {
    ScenarioOptions options;
    options.seed = 4;
    options.peers = 10;
    options.steps = 20;
    scenario_ = draw_scenario(options);
    reference_ = std::make_unique<ReferenceRun>(scenario_.cluster.plan, *scenario_.train);
    const auto specs = node::parse_inject_specs({"weights:bitflip:step=5"}).value();
    injector_ = node::Injector::make(specs, 1, 3, "").value();
    ValueCheckerOptions checker;
    checker.reference = reference_.get();
    checker.truth.assign(10, nullptr);
    checker.truth[3] = injector_.get();
    checker.code = &scenario_.cluster.code;
    checker.now_ms = [] { return 1; };
    checker.on_commit = [](int, const dnn::StepRecord&, std::span<const std::uint32_t>) {};
    checker.on_round = [](int, const protocol::RoundReport&) {};
    checker.on_follow = [](int, std::uint64_t) {};
    checker.on_line = [](int, const std::string&) {};
    checker_ = std::make_unique<ValueChecker>(10, checker, violations_);
  }

  void hit_peer_3() {
    codes::Matrix shard = codes::Matrix::Ones(3, 3);
    codes::TapPoint point;
    point.stage = codes::Stage::kWeights;
    point.step = 5;
    injector_->visit(point, shard);
    ASSERT_EQ(injector_->injections().size(), 1u);
  }
  void locate(int finder, int peer, std::uint64_t step, double size = 1e5) {
    codes::RoundVerdict verdict;
    verdict.findings.push_back({peer, 1, {0}, size});
    protocol::RoundReport report;
    report.key.step = step;
    report.verdict = &verdict;
    checker_->peer_observer(finder)->on_round(report);
  }
  void tell(int peer, const char* name, std::uint64_t step) {
    protocol::PeerEvent event;
    event.name = name;
    event.step = step;
    checker_->peer_observer(peer)->on_event(event);
  }

  Scenario scenario_;
  Violations violations_;
  std::unique_ptr<ReferenceRun> reference_;
  std::unique_ptr<node::Injector> injector_;
  std::unique_ptr<ValueChecker> checker_;
};

TEST_F(Values, ALossIsThatOfTheReference) {
  dnn::StepRecord record;
  record.step = 7;
  record.loss = reference_->loss(7);
  checker_->training_observer(2)->on_step(record);
  EXPECT_THAT(violations_.lines(), IsEmpty());
  record.loss *= 1.01;
  checker_->training_observer(2)->on_step(record);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("loss: peer 2 has")));
}

TEST_F(Values, TheInnocentAreNotLocated) {
  locate(0, 1, 6);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("blame: peer 0 locates peer 1")));
}

TEST_F(Values, WhoWasHitMayBeLocatedFromThenOn) {
  hit_peer_3();
  locate(0, 3, 4);
  EXPECT_EQ(violations_.count(), 1u) << "before";
  locate(0, 3, 5);
  locate(0, 3, 19);
  EXPECT_EQ(violations_.count(), 1u);
  locate(3, 1, 5);
  EXPECT_EQ(violations_.count(), 1u) << "who was hit itself sees wrong numbers";
  locate(3, 1, 8);
  EXPECT_EQ(violations_.count(), 2u);
}

TEST_F(Values, TheInnocentRepairNothing) {
  tell(1, "cleaned", 3);
  EXPECT_EQ(violations_.count(), 0u);
  tell(1, "repaired", 3);
  tell(2, "rebuilt", 3);
  EXPECT_THAT(violations_.lines(),
              ElementsAre(HasSubstr("no scrub named it"), HasSubstr("blame: peer 1 repaired"),
                          HasSubstr("peer 2 rebuilt")));
}

TEST_F(Values, WhoWasRebuiltIsRight) {
  checker_->note_crash(6);
  locate(0, 6, 4);
  tell(6, "rebuilt", 10);
  locate(0, 6, 11);
  locate(0, 6, 12, 0.9 * kRebuiltFromFloors);  // rebuilt from few
  EXPECT_EQ(violations_.count(), 0u);
  locate(0, 6, 12);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("again: peer 0 locates peer 6")));
}

TEST_F(Values, WhoWasHitWhileItWasRebuiltMayBeLocated) {
  hit_peer_3();
  checker_->note_crash(3);
  tell(3, "rebuilt", 5 + kRebuildLasts);
  locate(0, 3, 5 + kRebuildLasts + 2);
  EXPECT_EQ(violations_.count(), 0u);
  tell(3, "rebuilt", 5 + kRebuildLasts + 1);
  locate(0, 3, 5 + kRebuildLasts + 3);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("again: peer 0 locates peer 3")));
}

// Of two copies that agree since one was rebuilt from the other, and a third.
TEST_F(Values, WhoDiffersFromTheRebuiltMayRepair) {
  locate(0, 1, 3, 0.9 * kRebuiltFromFloors);
  tell(1, "repaired", 4);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("blame: peer 0 locates"), HasSubstr("no scrub"),
                                               HasSubstr("blame: peer 1 repaired")));
  checker_->note_crash(6);
  tell(6, "rebuilt", 10);
  locate(0, 2, 12, 0.9 * kRebuiltFromFloors);
  tell(2, "repaired", 13);
  EXPECT_EQ(violations_.count(), 4u) << "that no scrub named it, and nothing else";
  tell(2, "repaired", 12 + kRebuildLasts + 1);
  EXPECT_EQ(violations_.count(), 6u) << "not for ever";
}

// A product that a peer took for checked, whoever had the contributions that it came from.
TEST_F(Values, WhatIsCommittedIsThatOfTheReference) {
  const auto deliver = [&](int peer, std::uint64_t step, std::uint32_t slot, const codes::Matrix& product,
                           bool training = true) {
    codes::RoundVerdict verdict;
    verdict.state = codes::RoundState::kChecked;
    verdict.product = product;
    const std::vector<protocol::ScrubReport> scrubs;
    protocol::RoundReport report;
    report.key.step = step;
    report.key.slot = slot;
    report.training = training;
    report.verdict = &verdict;
    report.scrubs = &scrubs;
    checker_->peer_observer(peer)->on_round(report);
  };
  const auto layers = static_cast<codes::Index>(scenario_.cluster.plan.network.layers().size());
  for (const std::uint64_t step : {0, 7, 19})
    for (codes::Index l = 0; l < layers; ++l)
      for (const codes::PassKind pass : {codes::PassKind::kForward, codes::PassKind::kBackward})
        if (l > 0 || pass == codes::PassKind::kForward) {
          const std::uint32_t slot = dnn::training_slot(layers, l, pass);
          deliver(2, step, slot, reference_->product(step, slot));
          deliver(2, step, slot, 1.0005F * reference_->product(step, slot));
        }
  EXPECT_EQ(violations_.count(), 0u);
  EXPECT_EQ(checker_->counts().committed, 6u * static_cast<std::uint64_t>(2 * layers - 1));
  EXPECT_EQ(checker_->counts().committed_wrong, 0u);

  const std::uint32_t slot = dnn::training_slot(layers, 1, codes::PassKind::kBackward);
  const codes::Matrix right = reference_->product(7, slot);
  deliver(2, 7, slot, 1.002F * right);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("committed: peer 2 took a product of step 7")));
  codes::Matrix wrong = right;
  wrong(0, 0) = std::numeric_limits<float>::quiet_NaN();
  deliver(3, 7, slot, wrong);
  deliver(4, 7, slot, right.topRows(1));
  deliver(5, 8, slot, right);  // of another step
  EXPECT_EQ(checker_->counts().committed_wrong, 4u);
  EXPECT_EQ(violations_.count(), 4u);
  deliver(5, 7, 0, wrong, false);  // an evaluation
  EXPECT_EQ(checker_->counts().committed_wrong, 4u);
}

// Rounding does not excuse everything.
TEST(ValueTolerance, HasACeiling) {
  EXPECT_EQ(tolerance_of(1e-4, 0.0), 1e-4);
  EXPECT_DOUBLE_EQ(tolerance_of(1e-4, 1e-4), 1e-3);
  EXPECT_EQ(tolerance_of(1e-4, 0.67), 1e-2);
}

TEST_F(Values, FinalShardsAreThoseOfTheReference) {
  const codes::ProductCode& code = scenario_.cluster.code;
  codes::Matrix shard = codes::encode_shard(code.shards[0], 2, reference_->weights(20)[0]);
  checker_->check_shard(code, 2, 0, 0, shard, 20);
  EXPECT_THAT(violations_.lines(), IsEmpty());
  checker_->check_shard(code, 2, 0, 0, shard, 18);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("weights: peer 2's shard 0 of layer 0")));
  shard(0, 0) = std::numeric_limits<float>::quiet_NaN();
  checker_->check_shard(code, 2, 0, 0, shard, 20);
  EXPECT_EQ(violations_.count(), 2u);
}

TEST_F(Values, NothingIsCommittedUnchecked) {
  protocol::Status status;
  checker_->check_status(1, status);
  EXPECT_EQ(violations_.count(), 0u);
  status.unchecked_rounds = 1;
  checker_->check_status(1, status);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("unchecked: peer 1")));
}

}  // namespace
}  // namespace polydot::simulator
