// What Paxos promises, in every state that three peers come to; beside the random worlds of ballot_test.cc.
// The bounds here are for every day, 4 s of one core. Further, 20 s of one core (the first of these takes
// about four times as long for each move more):
//
//   protocol_test --gtest_also_run_disabled_tests --gtest_filter='*BallotExplored*'
#include <gtest/gtest.h>

#include <iostream>

#include "tests/protocol/ballot_mutants.h"

namespace polydot::protocol::testing {
namespace {

void say(const Explored& all) {
  std::cout << "  " << all.states << " states, " << all.moves << " moves, "
            << (all.everything ? "all there are, the furthest " : "all up to ") << all.depth
            << " moves away; " << all.peer_states << " states of a peer, " << all.messages
            << " messages; decided in " << all.decided << ", released in " << all.released
            << ", a disk lost in " << all.forgotten << "\n";
}
Explored expect_agreement(const WhatMayHappen& may) {
  const Explored all = BallotExplorer<Ballot>(may).run();
  say(all);
  EXPECT_EQ(all.violation, "");
  EXPECT_GT(all.decided, 0u);
  return all;
}

// All begin in epoch 0; two proposers, twice each; a crash, a lost disk, a record that cannot be written.
WhatMayHappen anything(int depth) { return {.depth = depth}; }
// One missed how the epoch before was left; in the one at hand each proposer proposes once.
WhatMayHappen with_one_behind(int depth) {
  return {.epochs = {1, 1, 0},
          .proposals = 1,
          .last_epoch = 1,
          .withdrawals = false,
          .asks = false,
          .depth = depth};
}
WhatMayHappen a_lost_disk(WhatMayHappen may) {
  may.crashes = may.writes_failed = 0;
  return may;
}

TEST(BallotExplored, WhateverHappens) {
  const Explored all = expect_agreement(anything(7));
  EXPECT_EQ(all.depth, 7);
  EXPECT_GT(all.released, 0u);
  EXPECT_GT(all.forgotten, 0u);
}

TEST(BallotExplored, WithOneBehind) { EXPECT_EQ(expect_agreement(with_one_behind(8)).depth, 8); }

// As far as it takes to decide, forget it with a disk, and ask for another decision: 11 moves.
TEST(BallotExplored, ALostDiskWithOneBehind) {
  const Explored all = expect_agreement(a_lost_disk(with_one_behind(12)));
  EXPECT_EQ(all.depth, 12);
  EXPECT_GT(all.forgotten, 0u);
}

// Without faults but those of the network: to the end.
TEST(BallotExplored, EverythingThatTwoProposalsLeadTo) {
  const WhatMayHappen may{
      .proposals = 1, .crashes = 0, .disks_lost = 0, .writes_failed = 0, .withdrawals = false, .asks = false};
  EXPECT_TRUE(expect_agreement(may).everything);
}

TEST(BallotExplored, DISABLED_WhateverHappensFurther) { expect_agreement(anything(9)); }
TEST(BallotExplored, DISABLED_WithOneBehindFurther) { expect_agreement(with_one_behind(11)); }
TEST(BallotExplored, DISABLED_ALostDiskWithOneBehindFurther) {
  expect_agreement(a_lost_disk(with_one_behind(16)));
}

// ---- that it can fail

void expect_found(const Explored& all, const char* what) {
  say(all);
  EXPECT_NE(all.violation.find(what), std::string::npos) << all.violation;
  std::cout << all.violation;
}

TEST(BallotExplored, FindsHalfAsMajority) {
  expect_found(explore_without_quorum(anything(8)), "a peer believes what nobody decided");
}

TEST(BallotExplored, FindsAnAcceptanceAgainstAPromise) {
  expect_found(explore_without_promise_check(a_lost_disk(anything(12))), "a promise goes back");
}

TEST(BallotExplored, FindsAChoiceAgainstAnAcceptance) {
  WhatMayHappen may = a_lost_disk(anything(10));
  may.disks_lost = 0;
  may.asks = false;
  expect_found(explore_with_free_choice(may), "two targets are decided for epoch 0");
}

TEST(BallotExplored, FindsAVoteWithoutADisk) {
  WhatMayHappen may = a_lost_disk(anything(10));
  may.amnesia = Amnesia::kVotesAtOnce;
  expect_found(BallotExplorer<Ballot>(may).run(), "one number, two proposals");
}

// The bound of a peer's abstention was that of the epochs it knew of when it began.
TEST(BallotExplored, FindsABoundThatIsFixedAtTheBegin) {
  WhatMayHappen may = a_lost_disk(with_one_behind(12));
  may.amnesia = Amnesia::kVotesBeyondTheStalest;
  expect_found(BallotExplorer<Ballot>(may).run(), "two targets are decided for epoch 1");
}

// A peer that abstains learned a decision, kept it, and crashed again: by its record it had forgotten
// nothing.
TEST(BallotExplored, FindsARecordOfOneThatAbstains) {
  WhatMayHappen may = with_one_behind(13);
  may.writes_failed = 0;
  may.amnesia = Amnesia::kKeepsARecord;
  expect_found(BallotExplorer<Ballot>(may).run(), "two targets are decided for epoch 1");
}

// Before it began, a peer without a disk answered releases.
TEST(BallotExplored, FindsAReleaseWithoutADisk) {
  WhatMayHappen may = a_lost_disk(anything(14));
  may.proposals = 1;
  may.asks = false;
  may.amnesia = Amnesia::kAnswersReleases;
  expect_found(BallotExplorer<Ballot>(may).run(), "two targets are decided for epoch 0");
}

}  // namespace
}  // namespace polydot::protocol::testing
