// Repairs without rounds around them: peers that stand at boundaries of their own, and messages carried by
// hand.
#include "protocol/recovery/repairs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "codes/decode/shard_check.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"

namespace polydot::protocol {
namespace {

using codes::Index;
using codes::Matrix;
using codes::PeerSet;

constexpr int kPeers = 10;
constexpr std::int64_t kPatienceMs = 1000;

// One shard that no step changes: the same at every boundary.
class StandingState final : public CodedState {
 public:
  explicit StandingState(Matrix shard) : shard_(std::move(shard)) {}
  std::vector<codes::ShardPart> parts() const override { return {whole()}; }
  Matrix capture(const codes::ShardPart& part) const override {
    if (part.lines.empty()) return shard_.transpose();
    Matrix lines(shard_.cols(), static_cast<Index>(part.lines.size()));
    for (Index k = 0; k < lines.cols(); ++k)
      lines.col(k) = shard_.row(part.lines[static_cast<std::size_t>(k)]).transpose();
    return lines;
  }
  double initial_line_norm(Index, Index) const override { return 1.0; }
  codes::Shape piece_shape(const codes::ShardPart& part) const override {
    const auto lines = static_cast<Index>(part.lines.size());
    return {shard_.cols(), lines == 0 ? shard_.rows() : lines};
  }
  void begin_repair(const codes::ShardPart& part, codes::Meanwhile meanwhile) override {
    begun.emplace_back(part, meanwhile);
  }
  bool complete_repair(const codes::ShardPart&, const Matrix& right) override {
    rebuilt = right.transpose();
    return true;
  }
  std::vector<CheckpointId> checkpoints() const override { return {}; }
  bool restart(const CheckpointId&, std::uint32_t) override { return true; }
  void follow(std::uint64_t, std::uint32_t) override {}
  void set_whole(bool) override {}

  static codes::ShardPart whole() { return {}; }
  const Matrix& shard() const { return shard_; }
  Matrix rebuilt;
  std::vector<std::pair<codes::ShardPart, codes::Meanwhile>> begun;

 private:
  Matrix shard_;
};

// Ten peers, each at a boundary of its own. What one sends arrives when it is carried.
class RepairsWorld : public ::testing::Test {
 protected:
  explicit RepairsWorld(const char* code = "polydot", codes::Grid grid = {2, 2, 1})
      : code_(*codes::make_code(code, grid, kPeers)), boundaries_(kPeers, 100) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    const Matrix weights = Matrix::NullaryExpr(16, 12, [&] { return normal(random); });
    for (int p = 0; p < kPeers; ++p) {
      states_.push_back(std::make_unique<StandingState>(codes::encode_shard(code_.shards[0], p, weights)));
      repairs_.push_back(std::make_unique<Repairs>(code_, p, states_.back().get(), kPatienceMs));
    }
  }

  // All messages of `from`, to those that they are for, counted by kind.
  void carry(int from) {
    for (auto& [to, message] : repairs_[static_cast<std::size_t>(from)]->take_messages()) {
      Repairs& receiver = *repairs_[static_cast<std::size_t>(to)];
      switch (message.kind) {
        case MessageKind::kRepairRequest:
          ++requests;
          receiver.on_request(from, message,
                              {.now_ms = now_ms_,
                               .boundary = boundaries_[static_cast<std::size_t>(to)],
                               .may_give = may_give});
          break;
        case MessageKind::kPiece:
          ++pieces;
          receiver.on_piece(from, message);
          break;
        case MessageKind::kNoPiece:
          ++refusals;
          receiver.on_no_piece(from, message);
          break;
        default:
          FAIL() << "not of a repair";
      }
    }
  }
  void work(int p) {
    PeerSet others = PeerSet::all(kPeers) - late - gone;
    others.erase(p);
    repairs_[static_cast<std::size_t>(p)]->work(now_ms_, 0, boundaries_[static_cast<std::size_t>(p)], others,
                                                late);
  }
  // Everybody but the asking peer takes what came, works, and answers.
  void answer() {
    carry(kAsking);
    for (int p = 0; p < kPeers; ++p)
      if (p != kAsking && !gone.contains(p)) work(p), carry(p);
    work(kAsking);
  }
  void expect_rebuilt() {
    const StandingState& state = *states_[kAsking];
    ASSERT_EQ(state.rebuilt.rows(), state.shard().rows());
    EXPECT_LT((state.rebuilt - state.shard()).norm(), 1e-5f * state.shard().norm());
    EXPECT_FALSE(repairs_[kAsking]->anything_lost());
  }

  static constexpr int kAsking = 3;
  codes::ProductCode code_;
  std::vector<std::uint64_t> boundaries_;
  std::vector<std::unique_ptr<StandingState>> states_;
  std::vector<std::unique_ptr<Repairs>> repairs_;
  std::int64_t now_ms_ = 0;
  PeerSet late, gone;
  bool may_give = true;
  int requests = 0, pieces = 0, refusals = 0;
};

TEST_F(RepairsWorld, AShardIsRebuiltFromThoseAtTheSameBoundary) {
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  answer();
  expect_rebuilt();
  EXPECT_EQ(refusals, 0);
}

class RepairsOfCopies : public RepairsWorld {
 protected:
  RepairsOfCopies() : RepairsWorld("replication", {2, 1, 1}) {
    const auto& rows = code_.shards[0].encoder;
    for (int p = 0; p < kPeers; ++p)
      if (p != kAsking && rows.row(p) == rows.row(kAsking)) copies_.push_back(p);
  }
  std::vector<int> copies_;  // of what the asking peer lacks
};

// Lines that are found wrong while the shard waits to be cleaned are repaired, and are not the whole shard.
TEST_F(RepairsWorld, ACleaningGivesWayToARepair) {
  codes::ShardPart lines = StandingState::whole();
  lines.lines = {1, 4};
  repairs_[kAsking]->clean(StandingState::whole());
  repairs_[kAsking]->damaged(lines, false);
  work(kAsking);
  answer();
  const auto& begun = states_[kAsking]->begun;
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_EQ(begun.front().first, lines);
  EXPECT_EQ(begun.front().second, codes::Meanwhile::kNoise);
}

TEST_F(RepairsOfCopies, TheOnlyOneThereIsNotBelieved) {
  ASSERT_EQ(copies_.size(), 4u);
  for (std::size_t k = 1; k < copies_.size(); ++k) gone.insert(copies_[k]);
  repairs_[kAsking]->lose(StandingState::whole());
  for (int k = 0; k < 5; ++k, now_ms_ += kPatienceMs) work(kAsking), answer();
  EXPECT_EQ(states_[kAsking]->rebuilt.size(), 0);
  EXPECT_TRUE(repairs_[kAsking]->anything_lost());
  gone.erase(copies_.back());
  for (int k = 0; k < 3; ++k, now_ms_ += kPatienceMs) work(kAsking), answer();
  expect_rebuilt();
}

TEST_F(RepairsWorld, WhoHasPassedTheBoundarySaysSoAndALaterOneIsAskedForAtOnce) {
  for (int p = 0; p < kPeers; ++p)
    if (p != kAsking) boundaries_[static_cast<std::size_t>(p)] = 101;
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  answer();  // refused; no time has passed, and the next try is at 102
  EXPECT_EQ(refusals, requests);
  EXPECT_EQ(pieces, 0);
  carry(kAsking);
  boundaries_.assign(kPeers, 102);
  work(kAsking);
  answer();
  expect_rebuilt();
}

TEST_F(RepairsWorld, ARefusalOfSomeIsNotWaitedForIfTheRestIsEnough) {
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  boundaries_[0] = 101;
  answer();
  EXPECT_EQ(refusals, 1);
  expect_rebuilt();
}

TEST_F(RepairsWorld, WhoJumpsOverABoundaryRefusesWhatWasDueThere) {
  for (int p = 0; p < kPeers; ++p)
    if (p != kAsking) boundaries_[static_cast<std::size_t>(p)] = 99;
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  answer();
  EXPECT_EQ(pieces + refusals, 0);
  EXPECT_GT(repairs_[0]->due_requests() + repairs_[9]->due_requests(), 0u);
  for (int p = 0; p < kPeers; ++p)
    if (p != kAsking) boundaries_[static_cast<std::size_t>(p)] = 105;
  answer();
  EXPECT_EQ(refusals, requests);
  EXPECT_EQ(repairs_[0]->due_requests() + repairs_[9]->due_requests(), 0u);
}

TEST_F(RepairsWorld, TwoThatLostTheSameShardRefuseEachOther) {
  repairs_[kAsking]->lose(StandingState::whole());
  repairs_[0]->lose(StandingState::whole());
  work(kAsking);
  answer();
  expect_rebuilt();
  EXPECT_EQ(refusals, 1);
}

TEST_F(RepairsWorld, TheLateAreAskedWhenTheOthersAreNotEnough) {
  late = PeerSet::of({4, 5});
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  answer();
  expect_rebuilt();
  const int without = requests;
  late = PeerSet::of({0, 1, 4, 5, 6, 7, 8, 9});
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  answer();
  expect_rebuilt();
  EXPECT_GT(requests, without);
}

Message request_at(std::uint64_t boundary, std::uint32_t serial, std::uint32_t epoch = 0) {
  Message request{.kind = MessageKind::kRepairRequest,
                  .key = {.epoch = epoch, .step = boundary, .attempt = serial},
                  .code = kWeightsState};
  return request;
}

// Whatever the giving peer does: nobody works here but by the request itself.
TEST_F(RepairsWorld, WhatIsDueNowOrPastIsAnsweredAtOnce) {
  const auto ask = [&](std::uint64_t boundary, std::uint32_t epoch, bool last = false) {
    repairs_[0]->on_request(kAsking, request_at(boundary, static_cast<std::uint32_t>(boundary), epoch),
                            {.epoch = 5, .boundary = 100, .last = last});
    const auto messages = repairs_[0]->take_messages();
    return messages.empty() ? MessageKind::kHello : messages.front().second.kind;  // hello: none
  };
  EXPECT_EQ(ask(100, 5), MessageKind::kPiece);
  EXPECT_EQ(ask(99, 5), MessageKind::kNoPiece);
  EXPECT_EQ(ask(101, 5), MessageKind::kHello) << "comes when its boundary does";
  EXPECT_EQ(repairs_[0]->due_requests(), 1u);
  EXPECT_EQ(ask(102, 5, true), MessageKind::kNoPiece) << "there will be no such boundary";
  EXPECT_EQ(ask(100, 4), MessageKind::kNoPiece) << "another past";
  EXPECT_EQ(ask(100, 6), MessageKind::kHello) << "perhaps it comes there too";
  EXPECT_EQ(repairs_[0]->due_requests(), 1u);
  repairs_[0]->refuse_what_is_due();
  ASSERT_EQ(repairs_[0]->unsent_messages(), 1u);
  EXPECT_EQ(repairs_[0]->take_messages().front().second.kind, MessageKind::kNoPiece);
}

TEST_F(RepairsWorld, WhoMayNotGiveSaysNothing) {
  for (const std::uint64_t boundary : {98u, 100u, 103u})
    repairs_[0]->on_request(kAsking, request_at(boundary, 1), {.boundary = 100, .may_give = false});
  EXPECT_EQ(repairs_[0]->unsent_messages(), 0u);
  EXPECT_EQ(repairs_[0]->due_requests(), 2u);
}

// In a patience a peer takes all there is four times, and no more; nothing that it may not have now is lost.
TEST_F(RepairsWorld, PiecesAreGivenAtARate) {
  const auto given = [&] {
    std::size_t count = 0;
    for (const auto& [to, message] : repairs_[0]->take_messages())
      count += message.kind == MessageKind::kPiece;
    return count;
  };
  for (std::uint32_t serial = 0; serial < 1000; ++serial)
    repairs_[0]->on_request(kAsking, request_at(100, serial), {.boundary = 100});
  EXPECT_EQ(given(), 4u);
  EXPECT_LE(repairs_[0]->due_requests(), 64u);
  EXPECT_GT(repairs_[0]->due_requests(), 0u);
  for (int k = 1; k <= 8; ++k) {
    now_ms_ = k * kPatienceMs / 4;
    work(0);
    EXPECT_EQ(given(), 1u);
  }
  // Somebody else has an allowance of its own.
  repairs_[0]->on_request(7, request_at(100, 5000 % 1024), {.now_ms = now_ms_, .boundary = 100});
  EXPECT_EQ(given(), 1u);
}

TEST_F(RepairsWorld, TheSamePieceIsSentAgainAtARate) {
  const auto ask = [&](std::int64_t now_ms) {
    repairs_[0]->on_request(kAsking, request_at(100, 1), {.now_ms = now_ms, .boundary = 101});
    return repairs_[0]->take_messages().size();
  };
  repairs_[0]->on_request(kAsking, request_at(100, 1), {.boundary = 100});
  ASSERT_EQ(repairs_[0]->take_messages().size(), 1u);
  std::size_t answers = 0;
  for (int k = 0; k < 1000; ++k) answers += ask(k / 20);  // 50 ms
  EXPECT_LE(answers, 4u);
  for (int k = 1; k < 8; ++k) EXPECT_EQ(ask(50 + k * kPatienceMs / 10), 1u) << "as honest peers ask";
}

// The asker's own bound on what is kept for resending is shared fairly.
TEST_F(RepairsWorld, WhoTakesMuchLosesWhatIsKeptForItFirst) {
  repairs_[0]->on_request(7, request_at(100, 1), {.boundary = 100});
  for (int k = 0; k < 80; ++k) {
    now_ms_ += kPatienceMs;
    repairs_[0]->on_request(kAsking, request_at(100, static_cast<std::uint32_t>(k)),
                            {.now_ms = now_ms_, .boundary = 100});
  }
  repairs_[0]->take_messages();
  EXPECT_EQ(repairs_[0]->given_pieces(), 64u);
  repairs_[0]->on_request(7, request_at(100, 1), {.now_ms = now_ms_, .boundary = 101});
  const auto messages = repairs_[0]->take_messages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages.front().second.kind, MessageKind::kPiece) << "still there for a peer that took one";
}

// A process that is started again counts its requests from the beginning: what the one before it was given
// under the same number is not what it asks for.
TEST_F(RepairsWorld, AnotherProcessIsGivenWhatItAsksForItself) {
  const auto lines_given = [&](std::vector<std::uint32_t> lines) {
    Message request = request_at(100, 1);
    auto wanted = std::make_shared<std::vector<std::uint32_t>>(std::move(lines));
    request.payload = Payload(wanted, std::as_bytes(std::span(*wanted)));
    repairs_[0]->on_request(kAsking, request, {.now_ms = now_ms_ += kPatienceMs, .boundary = 100});
    std::uint32_t columns = 0;
    for (const auto& [to, message] : repairs_[0]->take_messages()) columns += message.cols;
    return columns;
  };
  ASSERT_EQ(lines_given({0, 1, 2}), 3u);
  EXPECT_EQ(lines_given({4}), 3u) << "the same process, the same number: the same answer again";
  repairs_[0]->forget_peer(kAsking);
  EXPECT_EQ(lines_given({4}), 1u);
}

// Two that cannot be rebuilt for each other's sake ask now and then, not as fast as refusals come.
TEST_F(RepairsWorld, WhoIsRefusedInVainAsksAtARate) {
  gone = PeerSet::of({6, 7, 8, 9});  // five are needed
  repairs_[kAsking]->lose(StandingState::whole());
  repairs_[0]->lose(StandingState::whole());
  work(kAsking);
  for (int k = 0; k < 200; ++k) answer();
  EXPECT_LE(requests, 2 * kPeers) << "no time has passed";
  const int before = requests;
  for (int k = 0; k < 10; ++k) {
    now_ms_ += kPatienceMs / 10;
    answer();
  }
  EXPECT_GT(requests, before) << "it does not give up";
}

// Who has taken much is given the rest when it asks again, even by a peer that does nothing else any more.
TEST_F(RepairsWorld, WhatWasPutOffIsGivenToWhoAsksAgain) {
  const auto ask = [&](std::uint32_t serial) {
    repairs_[0]->on_request(kAsking, request_at(100, serial),
                            {.now_ms = now_ms_, .boundary = 100, .last = true});
    return repairs_[0]->take_messages().size();
  };
  for (std::uint32_t serial = 0; serial < 4; ++serial) ASSERT_EQ(ask(serial), 1u);
  ASSERT_EQ(ask(4), 0u) << "put off";
  now_ms_ += kPatienceMs;
  EXPECT_EQ(ask(4), 1u);
}

TEST_F(RepairsWorld, ANoPieceOfAnotherRequestChangesNothing) {
  repairs_[kAsking]->lose(StandingState::whole());
  work(kAsking);
  Message stray{.kind = MessageKind::kNoPiece, .key = {.step = 99}, .code = kWeightsState};
  for (int p = 0; p < kPeers; ++p) repairs_[kAsking]->on_no_piece(p, stray);
  answer();
  expect_rebuilt();
}

}  // namespace
}  // namespace polydot::protocol
