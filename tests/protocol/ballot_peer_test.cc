// Ballots as peers take part in them: what one posed name does to a cluster, and who has a voice.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/protocol/ballot_words.h"
#include "tests/protocol/peer_lab.h"
#include "tests/protocol/sim_run.h"

namespace polydot::protocol::testing {
namespace {

using simulator::ClusterOptions;
using simulator::testing::FunctionTap;
using simulator::testing::SimRun;

constexpr int kPeers = 10, kPosed = 4;

// At each peer every stored weight of layer 1 goes wrong once, in this step: only a rollback helps.
std::vector<std::unique_ptr<FunctionTap>> every_shard_wrong(std::uint64_t step) {
  std::vector<std::unique_ptr<FunctionTap>> taps;
  for (int p = 0; p < kPeers; ++p)
    taps.push_back(std::make_unique<FunctionTap>(
        [step, done = false,
         random = dnn::Random(77, dnn::RandomStream::kFaults, static_cast<std::uint64_t>(p))](
            const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) mutable {
          const bool here = point.stage == codes::Stage::kWeights && point.layer == 1 && point.step == step &&
                            point.training;
          if (!here || std::exchange(done, true)) return false;
          for (Index k = 0; k < live.size(); ++k)
            live(k % live.rows(), k / live.rows()) += static_cast<float>(random.gaussian());
          return true;
        }));
  return taps;
}
std::vector<codes::FaultTap*> pointers(const std::vector<std::unique_ptr<FunctionTap>>& taps) {
  std::vector<codes::FaultTap*> all;
  for (const auto& tap : taps) all.push_back(tap.get());
  return all;
}
ClusterOptions timed(std::uint64_t steps) {
  ClusterOptions options = simulator::testing::small_training(steps);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  options.checkpoint_every = 10;
  return options;
}

// A few frames of each kind, under one name, to everybody. Nothing of it is kept on a disk; the ballot that
// is needed afterwards is decided at once.
TEST(BallotAmongPeers, OnePosedNameTakesNobodysVoice) {
  const auto taps = every_shard_wrong(30);
  SimRun run(timed(60), pointers(taps));
  bool posed = false;
  std::int64_t back_ms = 0;
  run.cluster().on_time([&](std::int64_t now) {
    if (back_ms == 0 && run.peer(0).status().rollbacks > 0) back_ms = now;
    if (run.peer(0).status().key.step < 5 || std::exchange(posed, true)) return;
    for (int p = 0; p < kPeers; ++p) {
      if (p == kPosed) continue;
      run.cluster().hand(p, kPosed, ballot_message(kRelease, 0xffffffff, 0));
      run.cluster().hand(p, kPosed, ballot_message(kPrepare, 0xfffffffe, 0));
      run.cluster().hand(p, kPosed, ballot_message(kAccept, 0xfffffffe, 0, {{0, 5}}));
      for (std::uint32_t k = 0; k < 1100; ++k)
        run.cluster().hand(p, kPosed, ballot_message(kAccepted, 10 * k + kPosed, k % 5, {{0, k}}));
    }
  });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_TRUE(posed);
  for (int p = 0; p < kPeers; ++p) {
    EXPECT_EQ(taps[static_cast<std::size_t>(p)]->fired, 1);
    EXPECT_EQ(run.peer(p).status().rollbacks, 1u) << p;
    EXPECT_EQ(run.cluster().durable_record(p)->promised, 0u) << p;
  }
  std::cout << "  back at " << back_ms << " ms\n";
}

// The epoch that it learns of may be one in which its former life had promised something.
TEST(BallotAmongPeers, WhoLostItsDiskHasNoVoiceInAnEpochItLearns) {
  const auto taps = every_shard_wrong(60);
  ClusterOptions options = timed(800);
  options.patience_ms = 200;
  SimRun run(options, pointers(taps));
  std::int64_t back_ms = -1, active_ms = -1;
  int looks = 0;
  bool votes_again = false, followed = false;
  run.cluster().on_time([&](std::int64_t now) {
    const std::uint64_t step = run.peer(0).status().key.step;
    if (step >= 20 && back_ms < 0) {
      EXPECT_TRUE(run.peer(4).status().votes) << "a first life has lost nothing";
      run.cluster().crash(4);
      run.cluster().lose_disk(4);
      run.cluster().restart(4);
      run.cluster().hand(4, 3, ballot_message(kRelease, 13, 0));
      for (const Outgoing& answer : run.peer(4).take_outbox())
        EXPECT_NE(answer.message.kind, MessageKind::kBallot) << "it may have accepted that one";
      back_ms = now;
    }
    if (back_ms < 0) return;
    const Status& status = run.peer(4).status();
    // It begins as whoever has lost nothing yet; then it finds the others further on, and follows.
    followed |= status.mode == PeerMode::kFollowing;
    if (active_ms < 0 && followed && status.mode == PeerMode::kActive) active_ms = now;
    if (active_ms < 0 || now < active_ms + 12 * options.patience_ms) {
      EXPECT_FALSE(status.votes) << now;
      EXPECT_FALSE(run.cluster().durable_record(4)) << now << ": a record says that it forgot nothing";
      looks += status.rollbacks > 0;
    } else {
      votes_again |= status.votes && run.cluster().durable_record(4);
    }
  });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_EQ(run.peer(4).status().rollbacks, 1u);
  EXPECT_GT(looks, 10);
  EXPECT_TRUE(votes_again);
}

// A peer without a record that finds one that trains begins with it; that this is a first start, only more
// than half together can tell.
TEST(BallotAmongPeers, TheWordOfOneMakesNoFirstStart) {
  for (const bool hears_all : {false, true}) {
    PeerLab lab(20);
    lab.filter([&](const Letter& letter) { return hears_all || letter.to != 5 || letter.from == 3; });
    lab.settle();
    lab.until([&] { return lab.peer(5).status().phase == PeerPhase::kRunning; }, 20 * PeerLab::kPatienceMs);
    lab.pass_ms(1);
    if (hears_all) continue;
    ASSERT_EQ(lab.peer(5).status().phase, PeerPhase::kRunning);
    EXPECT_FALSE(lab.peer(5).status().votes);
    EXPECT_FALSE(lab.peer(5).take_record());
  }
}

// What one name abstains from, in whatever rounds it invents, takes no room of another's.
TEST(Abstentions, OnePosedNameTakesNobodysRoom) {
  PeerLab lab(2);
  lab.filter(
      [](const Letter& letter) { return letter.from != 9 || !is(letter, MessageKind::kContribution); });
  lab.settle();
  Message abstention;
  abstention.kind = MessageKind::kAbstain;
  for (std::uint32_t k = 0; k < 5000; ++k) {
    abstention.key = {1, 0, k, 0};
    lab.hand(3, 0, abstention);
  }
  EXPECT_EQ(lab.job(0).products.size(), 0u) << "it waits for peer 9";
  abstention.key = {0, 0, 0, 0};
  lab.hand(9, 0, abstention);
  lab.settle();
  EXPECT_EQ(lab.job(0).products.size(), 1u);
}

}  // namespace
}  // namespace polydot::protocol::testing
