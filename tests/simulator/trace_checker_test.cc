// The checker of traces fails when it should: each violation is fed to it by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "protocol/wire/wire.h"
#include "tools/simulator/trace_checker.h"

namespace polydot::simulator {
namespace {

using protocol::BallotRecord;
using protocol::CheckpointId;
using protocol::Message;
using protocol::MessageKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kPeers = 5;
constexpr std::uint32_t kSlot = 7;

// Five peers, rounds of one slot that need three contributions; the checker reads records from here.
class Trace : public ::testing::Test {
 protected:
  Trace() {
    context_.cluster = {1, 2};
    context_.peers = kPeers;
    TraceCheckerOptions options;
    options.peers = kPeers;
    options.needed = {{kSlot, 3}};
    options.durable_record = [this](int peer) { return records_[static_cast<std::size_t>(peer)]; };
    checker_ = std::make_unique<TraceChecker>(options, violations_);
  }

  static Message contribution(codes::RoundKey key) {
    Message message;
    message.kind = MessageKind::kContribution;
    message.key = key;
    message.rows = message.cols = message.total_cols = 1;
    message.payload = protocol::Payload::of_floats(std::make_shared<std::vector<float>>(1, 1.0f), 0, 1);
    return message;
  }
  static Message ballot(std::uint32_t code, std::uint32_t number, std::uint32_t leaves, CheckpointId target,
                        std::uint32_t accepted = 0) {
    Message message;
    message.kind = MessageKind::kBallot;
    message.code = code;
    message.key = {number, 0, leaves, accepted};
    auto word =
        std::make_shared<std::uint64_t>(static_cast<std::uint64_t>(target.epoch) << 40 | target.boundary);
    const auto bytes = std::as_bytes(std::span(word.get(), 1));
    message.payload = protocol::Payload(std::move(word), bytes);
    return message;
  }
  static BallotRecord record(std::uint32_t epoch) {
    BallotRecord one;
    one.epoch = epoch;
    return one;
  }
  void send(int from, int to, const Message& message) {
    const protocol::WireFrames frames = protocol::encode(context_, message);
    checker_->on_send({1, from, to, frames.header, frames.payload.size_bytes(), true},
                      frames.payload.bytes());
  }
  void deliver(int from, int to, const Message& message, bool intact = true) {
    const protocol::WireFrames frames = protocol::encode(context_, message);
    checker_->on_deliver({1, from, to, frames.header, frames.payload.size_bytes(), intact});
  }
  // Peer 0 sends its own to step `step` of this epoch, and hears those of the others.
  void round(std::uint32_t epoch, std::uint64_t step, const std::vector<int>& others) {
    send(0, 1, contribution({epoch, step, kSlot, 0}));
    for (int p : others) deliver(p, 0, contribution({epoch, step, kSlot, 0}));
  }

  protocol::WireContext context_;
  Violations violations_;
  std::vector<std::optional<BallotRecord>> records_{kPeers};
  std::unique_ptr<TraceChecker> checker_;
};

TEST_F(Trace, AReleaseIsOnDisk) {
  records_[1] = record(0);
  records_[1]->withdrawn = 9;
  send(1, 0, ballot(6, 9, 0, {}));
  EXPECT_THAT(violations_.lines(), IsEmpty());
  send(1, 0, ballot(6, 10, 0, {}));
  records_[1]->accepted = 9;
  send(1, 0, ballot(6, 9, 0, {}));
  EXPECT_EQ(violations_.count(), 2u);
}

TEST_F(Trace, AQuorumIsEnough) {
  round(0, 0, {1, 2});
  checker_->on_commit(1, 0, 0);
  round(0, 1, {3, 4});
  checker_->on_commit(1, 0, 1);
  EXPECT_THAT(violations_.lines(), IsEmpty());
}

TEST_F(Trace, OneFewerIsNot) {
  round(0, 0, {1});
  checker_->on_commit(1, 0, 0);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("quorum: peer 0 committed step 0")));
}

TEST_F(Trace, TheSameTwiceCountsOnce) {
  round(0, 0, {1, 1, 1});
  checker_->on_commit(1, 0, 0);
  EXPECT_EQ(violations_.count(), 1u);
}

TEST_F(Trace, ADamagedFrameCountsNothing) {
  round(0, 0, {1});
  deliver(2, 0, contribution({0, 0, kSlot, 0}), false);
  checker_->on_commit(1, 0, 0);
  EXPECT_EQ(violations_.count(), 1u);
}

TEST_F(Trace, AnotherEpochAttemptOrStepCountsNothing) {
  round(1, 5, {1});
  deliver(2, 0, contribution({0, 5, kSlot, 0}));
  deliver(2, 0, contribution({1, 5, kSlot, 1}));
  deliver(2, 0, contribution({1, 4, kSlot, 0}));
  checker_->on_commit(1, 0, 5);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("step 5 of epoch 1 with 2 contributions")));
}

TEST_F(Trace, ARoundIsJudgedByWhatCameForIt) {
  round(1, 5, {1, 2});
  deliver(3, 0, contribution({0, 5, kSlot, 0}));
  deliver(4, 0, contribution({1, 5, kSlot, 1}));
  checker_->on_round(1, 0, {1, 5, kSlot, 0}, codes::PeerSet::of({0, 1, 2}));
  EXPECT_EQ(violations_.count(), 0u) << "its own never travels";
  checker_->on_round(1, 0, {1, 5, kSlot, 0}, codes::PeerSet::of({0, 1, 2, 3}));
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("stale: peer 0 judges step 5")));
  checker_->on_round(1, 0, {1, 5, kSlot, 0}, codes::PeerSet::of({0, 1, 2, 4}));
  EXPECT_EQ(violations_.count(), 2u) << "nor is another attempt the same";
}

TEST_F(Trace, WhatAnEarlierLifeHeardCountsNothing) {
  round(0, 0, {1, 2, 3});
  checker_->on_restart(0);
  checker_->on_commit(1, 0, 0);
  EXPECT_EQ(violations_.count(), 1u);
}

TEST_F(Trace, CommitsGoForwardWithinALife) {
  for (std::uint64_t step : {0u, 1u}) round(0, step, {1, 2});
  checker_->on_commit(1, 0, 1);
  checker_->on_commit(2, 0, 0);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("history: peer 0 committed step 0")));
}

TEST_F(Trace, APromiseMustBeOnTheDisk) {
  send(2, 0, ballot(2, 6, 0, {}));
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("promise: peer 2 promised ballot 6")));
  records_[3] = record(0);
  records_[3]->promised = 5;
  send(3, 0, ballot(2, 6, 0, {}));
  EXPECT_EQ(violations_.count(), 2u) << "a lower one is not enough";
  records_[3]->promised = 6;
  send(3, 0, ballot(2, 6, 0, {}));
  EXPECT_EQ(violations_.count(), 2u);
  send(3, 0, ballot(4, 6, 0, {0, 20}));
  EXPECT_EQ(violations_.count(), 3u) << "promised is not accepted";
  records_[3] = record(1);
  send(3, 0, ballot(4, 6, 0, {0, 20}));
  EXPECT_EQ(violations_.count(), 3u) << "what was decided is more";
}

TEST_F(Trace, AnEpochIsLeftForOneTargetOnly) {
  for (int p = 0; p < kPeers; ++p) records_[static_cast<std::size_t>(p)] = record(1);
  for (int p : {0, 1, 2}) send(p, 4, ballot(4, 6, 0, {0, 20}));
  EXPECT_EQ(checker_->decision(0), (CheckpointId{0, 20}));
  records_[4].reset();
  send(4, 0, ballot(4, 9, 0, {0, 20}));
  EXPECT_EQ(violations_.count(), 0u) << "what is decided needs no memory";
  for (int p : {1, 2}) send(p, 4, ballot(4, 7, 0, {0, 40}));
  EXPECT_EQ(violations_.count(), 0u) << "two of five decide nothing";
  send(3, 4, ballot(4, 7, 0, {0, 40}));
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("history: epoch 0 is left for 0/20")));
  send(3, 4, ballot(4, 0, 0, {0, 40}));
  EXPECT_EQ(violations_.count(), 2u) << "nor may anybody say that it was";
}

}  // namespace
}  // namespace polydot::simulator
