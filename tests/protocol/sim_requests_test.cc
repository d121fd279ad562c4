// Whoever may answer a request for a piece of its shard does so at once, whatever it is doing itself.
#include <gtest/gtest.h>

#include "codes/decode/shard_part.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using protocol::MessageKind;

// What peer 0 says to peer 1 about its shard of layer 0 as of `boundary`, without being given a turn.
std::vector<MessageKind> answers(SimRun& run, std::uint64_t boundary, std::uint32_t epoch = 0) {
  static std::uint32_t serial = 0;
  protocol::Message request;
  request.kind = MessageKind::kRepairRequest;
  request.key = {epoch, boundary, 0, serial++ % 1024};
  request.code = protocol::kWeightsState;
  run.peer(0).take_outbox();
  run.cluster().hand(0, 1, request);
  std::vector<MessageKind> kinds;
  for (const protocol::Outgoing& out : run.peer(0).take_outbox())
    if (out.to == 1) kinds.push_back(out.message.kind);
  return kinds;
}

using Kinds = std::vector<MessageKind>;

// Frames take a millisecond, so that somebody can look in between.
ClusterOptions slow_training(std::uint64_t steps) {
  ClusterOptions options = small_training(steps);
  options.network.least_delay_ms = options.network.most_delay_ms = 1;
  return options;
}

TEST(RequestsForPieces, AreAnsweredByAPeerThatWaits) {
  ClusterOptions options = slow_training(60);
  bool cut = false;  // it hears nobody
  options.network.loses = [&cut](int, int to, std::span<const std::byte>) { return cut && to == 0; };
  SimRun run(options);
  int asked = 0;
  run.cluster().on_time([&](std::int64_t) {
    const std::uint64_t done = run.cluster().program(0).steps_done();
    if (done >= 20 && asked == 0) cut = true;
    if (!cut || asked > 0 || run.cluster().program(1).steps_done() < done + 2) return;
    ++asked;
    protocol::Peer& waiting = run.peer(0);
    ASSERT_EQ(waiting.status().phase, protocol::PeerPhase::kRunning);
    EXPECT_EQ(answers(run, done), Kinds{MessageKind::kPiece});
    EXPECT_EQ(answers(run, done - 1), Kinds{MessageKind::kNoPiece});
    EXPECT_EQ(answers(run, done + 3), Kinds{}) << "when it gets there";
    EXPECT_EQ(answers(run, done, 1), Kinds{}) << "of an epoch that it does not know";
    EXPECT_EQ(waiting.memory().unsent_answers, 0u);
    cut = false;
  });
  run.run();
  EXPECT_EQ(asked, 1);
  run.expect_finished(run.everybody());
}

TEST(RequestsForPieces, AreAnsweredByAPeerThatLingers) {
  constexpr std::uint64_t kSteps = 30;
  ClusterOptions options = slow_training(kSteps);
  options.compute.mean_ms = 0.5;
  options.compute.slowness = std::vector<double>(10, 1.0);
  options.compute.slowness[9] = 3.0;
  SimRun run(options);
  int asked = 0;
  run.cluster().on_time([&](std::int64_t) {
    protocol::Peer& peer = run.peer(0);
    if (asked > 0 || peer.status().phase != protocol::PeerPhase::kLingering) return;
    ++asked;
    EXPECT_EQ(answers(run, kSteps), Kinds{MessageKind::kPiece});
    EXPECT_EQ(answers(run, kSteps - 1), Kinds{MessageKind::kNoPiece});
    EXPECT_EQ(answers(run, kSteps + 1), Kinds{MessageKind::kNoPiece}) << "it will never be there";
  });
  run.run();
  EXPECT_EQ(asked, 1);
}

// Who waits for a boundary that the other never reaches is told so, and need not find out by its patience.
TEST(RequestsForPieces, ThatWaitAreRefusedWhenThePeerLeaves) {
  constexpr std::uint64_t kSteps = 30;
  SimRun run(slow_training(kSteps));
  bool asked = false, refused = false;
  run.cluster().on_time([&](std::int64_t) {
    protocol::Peer& peer = run.peer(0);
    if (!asked && run.cluster().program(0).steps_done() + 2 >= kSteps) {
      asked = true;
      EXPECT_EQ(answers(run, kSteps + 5), Kinds{});
      EXPECT_EQ(peer.memory().due_requests, 1u);
    }
    refused = refused || (asked && peer.status().phase >= protocol::PeerPhase::kLingering &&
                          peer.memory().due_requests == 0);
  });
  run.run();
  EXPECT_TRUE(asked);
  EXPECT_TRUE(refused);
  run.expect_finished(run.everybody());
}

// Who has lost its place and goes on further ahead has the rounds in between behind it: they would only take
// the room of those that it is waiting for.
TEST(RoundsLeftOut, AreNotKept) {
  ClusterOptions options = slow_training(200);
  SimRun run(options);
  run.cluster().at(400, [&] { run.cluster().freeze(4, run.cluster().now_ms() + 300); });
  int looks = 0;
  run.cluster().on_time([&](std::int64_t) {
    protocol::Peer& peer = run.peer(4);
    const protocol::Status& status = peer.status();
    if (status.follows == 0 || status.mode != protocol::PeerMode::kFollowing || looks > 0) return;
    const std::uint64_t here = run.cluster().program(4).steps_done();
    if (here == 0) return;
    ++looks;
    protocol::Message slice;
    slice.kind = MessageKind::kContribution;
    slice.rows = slice.cols = slice.total_cols = 1;
    slice.payload = protocol::Payload::of_floats(std::make_shared<std::vector<float>>(1, 0.5f), 0, 1);
    const auto kept = [&](std::uint64_t step) {
      const std::size_t before = peer.memory().stored_bytes;
      slice.key = {0, step, 0x2000000, 0};  // no round of this job: nothing else sends it
      run.cluster().hand(4, 3, slice);
      return peer.memory().stored_bytes > before;
    };
    EXPECT_FALSE(kept(here - 1)) << "behind it";
    EXPECT_TRUE(kept(here + 1)) << "still to come";
  });
  run.run();
  EXPECT_EQ(looks, 1);
  run.expect_finished(run.everybody());
}

}  // namespace
}  // namespace polydot::simulator::testing
