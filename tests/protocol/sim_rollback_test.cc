// Beyond the budget: computed again, then back to a checkpoint by ballot; and what cannot be cured ends with
// a reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::Stage;
using codes::TapPoint;
using ::testing::HasSubstr;
using LiveMatrix = Eigen::Ref<codes::Matrix>;

constexpr std::uint64_t kStep = 30;

std::vector<std::unique_ptr<FunctionTap>> at_everybody(const std::function<FunctionTap::Act(int)>& make) {
  std::vector<std::unique_ptr<FunctionTap>> taps;
  for (int p = 0; p < 10; ++p) taps.push_back(std::make_unique<FunctionTap>(make(p)));
  return taps;
}
std::vector<codes::FaultTap*> pointers(const std::vector<std::unique_ptr<FunctionTap>>& taps) {
  std::vector<codes::FaultTap*> all;
  for (const auto& tap : taps) all.push_back(tap.get());
  return all;
}

// Every entry of the buffer wrong by about `size`, differently at each peer, in step kStep of the first
// `times` visits.
FunctionTap::Act burst(Stage stage, int peer, int times, float size = 1.0f) {
  auto left = std::make_shared<int>(times);
  auto random =
      std::make_shared<dnn::Random>(77, dnn::RandomStream::kFaults, static_cast<std::uint64_t>(peer));
  return [=](const TapPoint& point, LiveMatrix live) {
    if (*left == 0 || point.stage != stage || point.layer != 1 || point.step != kStep || !point.training)
      return false;
    --*left;
    for (Index c = 0; c < live.cols(); ++c)
      for (Index r = 0; r < live.rows(); ++r) live(r, c) += size * static_cast<float>(random->gaussian());
    return true;
  };
}

ClusterOptions with_checkpoints(std::uint64_t steps) {
  ClusterOptions options = small_training(steps);
  options.checkpoint_every = 10;
  return options;
}

// Independent errors at every peer in one round: one recomputation is enough.
TEST(Rollback, ABurstAtEveryPeerIsComputedAgain) {
  const auto taps = at_everybody([](int p) { return burst(Stage::kProduct, p, 1); });
  SimRun run(with_checkpoints(60), pointers(taps));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(taps[static_cast<std::size_t>(p)]->fired, 1);
    EXPECT_GE(run.peer(p).status().recomputed_rounds, 1u);
    EXPECT_EQ(run.peer(p).status().rollbacks, 0u);
  }
}

// Every stored shard wrong at once is beyond any repair: back to the checkpoint, and on.
TEST(Rollback, EveryShardWrongAtOnceIsSurvived) {
  const auto taps = at_everybody([](int p) { return burst(Stage::kWeights, p, 1); });
  SimRun run(with_checkpoints(60), pointers(taps));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(run.peer(p).status().rollbacks, 1u);
    EXPECT_THAT(run.watch(p).notices, ::testing::Contains(HasSubstr("to the checkpoint of step 30")));
  }
}

// Twice at the same step, and one shard is wild: that is one peer's fault, and no divergence (seed 300169).
TEST(Rollback, AWildShardOfOneIsNoDivergence) {
  for (const float size : {1e3f, 1e37f}) {
    const auto taps = at_everybody([&](int p) { return burst(Stage::kWeights, p, 2, p == 4 ? size : 1.0f); });
    SimRun run(with_checkpoints(60), pointers(taps));
    run.run();
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    for (int p = 0; p < 10; ++p) {
      EXPECT_EQ(taps[static_cast<std::size_t>(p)]->fired, 2);
      EXPECT_EQ(run.peer(p).status().rollbacks, 2u);
    }
  }
}

// Two of four copies, or three of five: a minority of all, though most of those that hold the same.
TEST(Rollback, WildShardsOfAMinorityAreNoDivergence) {
  struct Case {
    Index peers;
    std::vector<int> wild;
  };
  for (const Case& one : {Case{8, {0, 2}}, Case{10, {0, 2, 4}}}) {
    SCOPED_TRACE(one.peers);
    ClusterOptions options = small_training(60, code_of("replication", {2, 1, 1}, one.peers));
    options.checkpoint_every = 10;
    std::vector<std::unique_ptr<FunctionTap>> taps;
    std::vector<codes::FaultTap*> all(static_cast<std::size_t>(one.peers), nullptr);
    for (int p : one.wild) {
      taps.push_back(std::make_unique<FunctionTap>(burst(Stage::kWeights, p, 2, 1e6f)));
      all[static_cast<std::size_t>(p)] = taps.back().get();
    }
    SimRun run(options, all);
    run.run();
    for (const auto& tap : taps) EXPECT_GE(tap->fired, 1);
    for (int p : run.everybody().members())
      if (const auto& failure = run.peer(p).failure()) {
        EXPECT_NE(failure->kind, FailureKind::kNotReached) << "peer " << p << ": " << failure->message;
      }
  }
}

// Without checkpoints the start is one.
TEST(Rollback, TheStartIsACheckpointToo) {
  const auto taps = at_everybody([](int p) { return burst(Stage::kWeights, p, 1); });
  SimRun run(small_training(40), pointers(taps));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
}

TEST(Rollback, OverALossyNetwork) {
  for (std::uint64_t seed : {1, 2, 3}) {
    const auto taps = at_everybody([](int p) { return burst(Stage::kWeights, p, 1); });
    ClusterOptions options = with_checkpoints(45);
    options.network = bad_network(seed);
    SimRun run(options, pointers(taps));
    run.run();
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
  }
}

TEST(Rollback, WhatIsWrongEveryTimeIsRefused) {
  const auto taps = at_everybody([](int p) { return burst(Stage::kProduct, p, 1000); });
  SimRun run(with_checkpoints(60), pointers(taps));
  run.run();
  for (int p = 0; p < 10; ++p) {
    ASSERT_TRUE(run.peer(p).failure());
    EXPECT_THAT((std::vector{FailureKind::kRefused, FailureKind::kNetwork}),
                ::testing::Contains(run.peer(p).failure()->kind));
  }
  EXPECT_EQ(run.peer(0).failure()->kind, FailureKind::kRefused);
  EXPECT_EQ(run.peer(0).status().rollbacks, static_cast<std::uint64_t>(protocol::PeerOptions::kMaxRollbacks));
}

TEST(Rollback, TrueDivergenceNamesTheStep) {
  ClusterOptions options = with_checkpoints(200);
  options.plan.optimizer.learning_rate = 1e12;
  SimRun run(options);
  run.run();
  int diverged = 0;
  for (int p = 0; p < 10; ++p) {
    ASSERT_TRUE(run.peer(p).failure()) << p;
    if (run.peer(p).failure()->kind != FailureKind::kNotReached) continue;
    ++diverged;
    EXPECT_THAT(run.peer(p).failure()->message, HasSubstr("diverged at step"));
  }
  EXPECT_GE(diverged, 1);
  std::cout << "  " << run.peer(0).failure()->message << "\n";
}

// A peer that hears nothing of the ballot finds the others in a later epoch, asks, and follows.
TEST(Rollback, WhoMissesTheVoteIsTold) {
  const auto taps = at_everybody([](int p) { return burst(Stage::kWeights, p, 1); });
  ClusterOptions options = with_checkpoints(200);
  options.network.most_delay_ms = 2;
  bool deaf = true;  // peer 8, to ballots, until the others have gone back
  options.network.loses = [&](int, int to, std::span<const std::byte> header) {
    return deaf && to == 8 && header[1] == static_cast<std::byte>(protocol::MessageKind::kBallot);
  };
  SimRun run(options, pointers(taps));
  run.cluster().on_time([&](std::int64_t) { deaf = run.peer(0).status().rollbacks == 0; });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_GE(run.peer(8).status().rollbacks, 1u);
}

// One peer that cannot go on does not take the others back.
TEST(Rollback, NobodyAloneForcesOne) {
  // Peer 4 sees garbage in everybody's contributions: its own memory is bad, theirs is not.
  std::vector<codes::FaultTap*> taps(10, nullptr);
  ClusterOptions options = with_checkpoints(40);
  SimRun run(options, taps);
  protocol::Message prepare;
  prepare.kind = protocol::MessageKind::kBallot;
  prepare.key.epoch = 14;
  prepare.code = 1;
  run.cluster().on_time([&](std::int64_t) {
    for (int p = 0; p < 10; ++p)
      if (p != 4) run.cluster().hand(p, 4, prepare);
  });
  run.run();
  run.expect_finished(run.everybody());
  for (int p = 0; p < 10; ++p) EXPECT_EQ(run.peer(p).status().rollbacks, 0u);
}

}  // namespace
}  // namespace polydot::simulator::testing
