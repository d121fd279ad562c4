// What Paxos promises, whatever the network and crashes do.
#include "protocol/recovery/ballot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "tests/protocol/ballot_world.h"

namespace polydot::protocol::testing {
namespace {

// One world: peers get stuck, propose, repeat, crash and work; every message may be lost, repeated and late.
class Scheduler {
 public:
  Scheduler(int peers, std::uint64_t seed) : world(peers), random_(seed) {
    for (int p = 0; p < peers; ++p) {
      // Older checkpoints, not the same at everybody.
      if (below(2) == 0) world.voter(p).held.push_back({0, 10});
      if (below(2) == 0) world.voter(p).held.push_back({0, 20});
    }
    loss_ = below(4) * 0.15;
    crashes_ = below(3) * 0.02;
    failing_ = below(3) * 0.05;
    withdrawals_ = below(3) * 0.4;
    world.crashes_now = [this] { return chance(crashes_); };
    world.disk_works = [this] { return !chance(failing_); };
  }

  void run(int moves) {
    for (int k = 0; k < moves && !::testing::Test::HasFailure(); ++k) move();
  }
  // From now on nothing is lost, nobody crashes, and disks work.
  void be_fair() { loss_ = crashes_ = failing_ = 0.0; }
  std::size_t below(std::size_t count) { return random_() % count; }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0.0, 1.0)(random_) < probability;
  }

  BallotWorld world;
  int releases = 0;  // from what was accepted in vain

 private:
  void move() {
    const int p = static_cast<int>(below(static_cast<std::size_t>(world.size())));
    switch (below(16)) {
      case 0:
        return world.get_stuck(p);
      case 1:
        if (world.voter(p).stuck) world.propose(p);
        return;
      case 2:
      case 3:
        return world.repeat(p);
      case 4:
      case 5:
        return world.work(p);
      case 6:
        if (chance(crashes_)) world.crash(p);
        return;
      case 7:
      case 8:
        if (chance(withdrawals_)) releases += world.ballot(p).bound() && accepted(p) && world.withdraw(p);
        if (chance(withdrawals_) && !accepted(p)) world.withdraw(p);
        return;
      default:
        return deliver();
    }
  }
  bool accepted(int p) { return world.voter(p).disk.accepted > 0; }
  void deliver() {
    if (world.queue.empty()) return;
    const std::size_t at = below(world.queue.size());
    const Vote vote = world.queue[at];
    if (!chance(0.2)) world.queue.erase(world.queue.begin() + static_cast<std::ptrdiff_t>(at));
    if (!chance(loss_)) world.hand(vote);
  }

  std::mt19937_64 random_;
  double loss_ = 0.0, crashes_ = 0.0, failing_ = 0.0, withdrawals_ = 0.0;
};

TEST(Ballot, OneTargetForEachEpochThatIsLeftWhateverHappens) {
  int decisions = 0, epochs = 0, longest = 0, releases = 0;
  for (std::uint64_t seed = 1; seed <= 600 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Scheduler scheduler(seed % 3 == 0 ? 3 : 5, seed);
    scheduler.run(1500);
    for (const auto& [left, targets] : scheduler.world.targets)
      EXPECT_LE(targets.size(), 1u) << "two targets for epoch " << left << "\n" << scheduler.world.trace();
    decisions += scheduler.world.decisions;
    releases += scheduler.releases;
    epochs += static_cast<int>(scheduler.world.target_of.size());
    longest = std::max(longest, static_cast<int>(scheduler.world.target_of.size()));
  }
  std::cout << "  " << decisions << " decisions, " << epochs << " epochs, at most " << longest
            << " one after the other, " << releases << " acceptances in vain given up\n";
  EXPECT_GT(releases, 100);
  EXPECT_GT(decisions, 1000);
  EXPECT_GT(longest, 3);
}

TEST(Ballot, AStuckMajorityDecidesOverAFairNetwork) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Scheduler scheduler(5, seed);
    BallotWorld& world = scheduler.world;
    scheduler.run(static_cast<int>(seed * 3));  // whatever was before
    scheduler.be_fair();
    std::uint32_t newest = 0;
    for (int p = 0; p < 5; ++p) newest = std::max(newest, world.ballot(p).epoch());
    for (int p = 0; p < 3; ++p) world.get_stuck(p);
    bool decided = false;
    // Who is stuck proposes when the one before has had its time, as a peer does.
    for (int round = 0; round < 30 && !decided; ++round) {
      for (int p = 0; p < 5; ++p)
        if (!world.voter(p).stuck && world.ballot(p).bound()) world.get_stuck(p);
      if (const int p = round % 3; world.voter(p).stuck) world.propose(p);
      world.settle();
      for (int p = 0; p < 3; ++p) decided |= world.ballot(p).epoch() > newest;
      // Who lagged behind knows now, and is stuck again.
      for (int p = 0; p < 3; ++p) world.get_stuck(p);
    }
    ASSERT_TRUE(decided) << world.trace();
  }
}

TEST(Ballot, WhoIsNotStuckPromisesAndAcceptsNothing) {
  BallotWorld world(5);
  world.get_stuck(0);
  world.get_stuck(1);  // two of five
  for (int k = 0; k < 20; ++k) {
    world.propose(k % 2);
    world.settle();
    world.repeat(k % 2);
    world.settle();
  }
  EXPECT_EQ(world.decisions, 0) << world.trace();
  EXPECT_LE(world.ballot(0).promised_by().size(), 2);
  for (int p = 2; p < 5; ++p) {
    EXPECT_FALSE(world.ballot(p).bound());
    EXPECT_EQ(world.voter(p).disk, BallotRecord{});
  }
  // Nor does an accept alone make them accept.
  Message accept;
  accept.kind = MessageKind::kBallot;
  accept.key.epoch = 77;
  accept.code = kAccept;
  const auto name = std::make_shared<const std::uint64_t>(0);
  accept.payload = Payload(name, std::as_bytes(std::span(name.get(), 1)));
  world.hand({1, 3, accept});
  EXPECT_EQ(world.voter(3).disk, BallotRecord{});
  EXPECT_TRUE(world.queue.empty());
}

// Where a majority has accepted, a later proposal can only repeat it, whatever newer checkpoints there are.
TEST(Ballot, WhatAMajorityAcceptedStays) {
  BallotWorld world(5);
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  for (int p : {0, 1, 2}) world.voter(p).held.push_back({0, 10});
  for (int p : {3, 4}) world.voter(p).held.push_back({0, 20});
  world.propose(0);
  const auto among = [](const PeerSet& peers) {
    return [peers](const Vote& vote) {
      return peers.contains(vote.from) && peers.contains(vote.to) && vote.message.code != kAccepted;
    };
  };
  world.settle(among(PeerSet::of({0, 1, 2})));
  world.queue.clear();  // nobody hears that it was accepted
  EXPECT_EQ(world.decisions, 0);
  world.propose(4);
  world.propose(4);  // above the other's
  world.settle([](const Vote& vote) { return vote.from >= 2 && vote.to >= 2; });
  ASSERT_GE(world.decisions, 1) << world.trace();
  EXPECT_EQ(world.ballot(4).epoch(), world.ballot(3).epoch());
  for (const auto& [epoch, target] : world.target_of) EXPECT_EQ(target, (CheckpointId{0, 10}));
}

TEST(Ballot, TheNewestCheckpointThatEnoughHoldIsTheTarget) {
  BallotWorld world(5);
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  for (int p : {0, 1, 2, 3}) world.voter(p).held.push_back({0, 10});
  for (int p : {0, 1}) world.voter(p).held.push_back({0, 20});
  world.voter(2).held.push_back({0, 30});  // nobody else has it
  world.propose(1);
  world.settle([](const Vote& vote) { return vote.from <= 2 && vote.to <= 2; });
  ASSERT_GE(world.decisions, 1);
  EXPECT_EQ(world.target_of.begin()->second, (CheckpointId{0, 20}));
}

// Three vote, and a checkpoint is of use where four hold it: that of those that may not vote counts, their
// voice does not.
TEST(Ballot, WhoMayNotVoteSaysWhatItHolds) {
  BallotWorld world(5, 4);
  for (int p = 0; p < 5; ++p) {
    world.get_stuck(p);
    world.voter(p).held = {{0, 0}, {0, 10}};
  }
  world.voter(0).held.push_back({0, 20});
  for (int p : {3, 4}) world.ballot(p).abstain();
  world.propose(0);
  world.settle([](const Vote& vote) { return vote.from < 3 && vote.to < 3; });
  EXPECT_EQ(world.decisions, 0);
  EXPECT_EQ(world.ballot(0).promised_by(), PeerSet::of({0, 1, 2}));
  world.settle([](const Vote& vote) { return vote.message.code == kPrepare || vote.message.code == kHolds; });
  EXPECT_EQ(world.ballot(0).promised_by(), PeerSet::of({0, 1, 2})) << "no majority by those";
  world.settle();
  ASSERT_GE(world.decisions, 1);
  EXPECT_EQ(world.target_of.begin()->second, (CheckpointId{0, 10}));
  EXPECT_EQ(world.ballot(4).epoch(), 1u) << "it goes back with the others";
}

// Peer 1 has accepted; with peer 0 that would be two of three, but 0 could not keep its acceptance.
TEST(Ballot, NoAcceptanceCountsAtHomeBeforeItIsOnDisk) {
  BallotWorld world(3);
  for (int p = 0; p < 3; ++p) world.get_stuck(p);
  int writes = 1000;  // that work
  world.disk_works = [&] { return writes-- > 0; };
  const auto to = [](int peer, BallotStep step) {
    return [=](const Vote& vote) { return vote.from <= 1 && vote.to == peer && vote.message.code == step; };
  };
  world.propose(0);
  world.settle(to(1, kPrepare));
  writes = 1;  // with the proposal, and not with its own acceptance
  world.settle(to(0, kPromise));
  writes = 1000;
  EXPECT_EQ(world.voter(0).disk.accepted, 0u) << world.trace();
  world.settle(to(1, kAccept));
  EXPECT_GT(world.voter(1).disk.accepted, 0u) << world.trace();
  world.settle(to(0, kAccepted));
  EXPECT_EQ(world.decisions, 0) << world.trace();
  world.repeat(0);
  EXPECT_EQ(world.decisions, 1) << world.trace();
}

// The own promise to the first proposal is not on disk when the peer crashes.
TEST(Ballot, NoNumberIsProposedTwice) {
  BallotWorld world(3);
  int writes = 1;  // that work: with the proposal itself
  world.disk_works = [&] { return writes-- > 0; };
  world.get_stuck(0);
  world.propose(0);
  world.crash(0);
  writes = 1000;
  world.get_stuck(0);
  world.propose(0);
  std::set<std::uint32_t> numbers;
  for (const Vote& vote : world.queue)
    if (vote.to == 1 && vote.message.code == kPrepare) numbers.insert(vote.message.key.epoch);
  EXPECT_EQ(numbers.size(), 2u) << world.trace();
}

// Peers 0 and 1 have accepted what is never decided: the others have withdrawn. They go on with them.
TEST(Ballot, WhatWasAcceptedInVainIsGivenUp) {
  BallotWorld world(5);
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  world.propose(0);
  world.settle(
      [](const Vote& vote) { return vote.message.code != kAccept && vote.message.code != kAccepted; });
  world.settle([](const Vote& vote) { return vote.to == 1 && vote.message.code == kAccept; });
  const std::vector<Vote> late = world.queue;
  world.queue.clear();
  for (int p : {2, 3, 4}) EXPECT_TRUE(world.withdraw(p)) << p;
  for (int p : {0, 1}) {
    EXPECT_FALSE(world.withdraw(p)) << p << " has accepted, and nobody has said that it was in vain";
    world.settle();
    EXPECT_TRUE(world.withdraw(p)) << world.trace();
    EXPECT_FALSE(world.ballot(p).bound());
  }
  // The old ballot comes too late, even to those that are stuck again.
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  for (const Vote& vote : late) world.hand(vote);
  world.settle();
  EXPECT_EQ(world.decisions, 0) << world.trace();
  for (int p = 0; p < 5; ++p) world.voter(p).held.push_back({0, 20});
  world.propose(3);
  world.settle();
  EXPECT_EQ(world.decisions, 5) << world.trace();
}

// Three of five have accepted, and nobody knows that it is decided. One of the other two goes on.
TEST(Ballot, WhatMayBeDecidedIsNotGivenUp) {
  BallotWorld world(5);
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  world.propose(0);
  world.settle([](const Vote& vote) {
    return vote.message.code != kAccepted && (vote.message.code != kAccept || vote.to <= 2);
  });
  world.queue.clear();
  for (int p : {3, 4}) EXPECT_TRUE(world.withdraw(p)) << p;
  for (int k = 0; k < 3; ++k)
    for (int p : {0, 1, 2}) {
      EXPECT_FALSE(world.withdraw(p)) << world.trace();
      world.settle();
    }
  EXPECT_EQ(world.decisions, 0);
}

// A record that could not be kept is given again with the next promise of the same ballot (the messages of
// the first are not sent, node/process/pump.cc).
TEST(Ballot, NoPromiseAndNoAcceptanceWithoutARecordToKeep) {
  Ballot ballot(1, 5, {}, [](const PeerSet&) { return true; });
  Message message;
  message.kind = MessageKind::kBallot;
  message.key.epoch = 5;
  const auto name = std::make_shared<const std::uint64_t>(0);
  for (const std::uint32_t step : {kPrepare, kPrepare, kAccept, kAccept}) {
    message.code = step;
    if (step == kAccept) message.payload = Payload(name, std::as_bytes(std::span(name.get(), 1)));
    ballot.on_message(0, message, true, {{0, 0}});
    const auto record = ballot.take_record();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->promised, 5u);
    EXPECT_EQ(record->accepted, step == kAccept ? 5u : 0u);
    EXPECT_EQ(ballot.take_messages().size(), step == kAccept ? 2u : 1u) << "to itself, too";
  }
}

// Two ballots of one epoch may both find their majority, for the same target. Whoever went on after the first
// must not be thrown back by the second, nor may anybody be left where the others never come.
TEST(Ballot, ASecondBallotForTheSameTargetMakesNoSecondEpoch) {
  BallotWorld world(5);
  for (int p = 0; p < 5; ++p) world.get_stuck(p);
  world.propose(0);
  // 0, 1, 2 accept the first ballot; that they did reaches nobody yet.
  world.settle(
      [](const Vote& vote) { return vote.from <= 2 && vote.to <= 2 && vote.message.code != kAccepted; });
  // 2, 3, 4 accept a second one, for the same target; that reaches nobody yet either.
  world.propose(4);
  world.propose(4);  // above the other's
  world.settle(
      [](const Vote& vote) { return vote.from >= 2 && vote.to >= 2 && vote.message.code != kAccepted; });
  // The first is known to 0, 1 and 2, and they go on.
  std::uint32_t first = 0;
  for (const Vote& vote : world.queue)
    if (vote.from == 0 && vote.message.code == kAccepted) first = vote.message.key.epoch;
  world.settle([&](const Vote& vote) {
    return vote.to <= 2 && vote.message.code == kAccepted && vote.message.key.epoch == first;
  });
  for (int k = 0; k < 5; ++k)
    for (int p : {0, 1, 2}) world.work(p);
  EXPECT_EQ(world.progress.size(), 1u) << world.trace();
  const std::uint64_t done = world.voter(0).done;
  EXPECT_GE(done, 3u);
  // The second is known to 3 and 4, and then to everybody.
  world.settle([&](const Vote& vote) {
    return vote.to >= 3 && vote.message.code == kAccepted && vote.message.key.epoch != first;
  });
  world.settle();
  for (int k = 0; k < 5; ++k)
    for (int p = 0; p < 5; ++p) world.work(p);
  EXPECT_EQ(world.progress.size(), 1u) << "two epochs made progress\n" << world.trace();
  EXPECT_GE(world.voter(0).done, done) << "what was done is undone\n" << world.trace();
  for (int p = 1; p < 5; ++p) EXPECT_EQ(world.ballot(p).epoch(), world.ballot(0).epoch()) << world.trace();
}

}  // namespace
}  // namespace polydot::protocol::testing
