// What one who poses as a peer says to a ballot, a few frames each: nobody loses its voice by it.
#include <gtest/gtest.h>

#include "tests/protocol/ballot_world.h"

namespace polydot::protocol::testing {
namespace {

constexpr int kPeers = 5;

// Peer 1 of five, by hand.
class Attacked : public ::testing::Test {
 protected:
  // What it answers to others.
  std::vector<Message> hand(int from, const Message& message, bool stuck = true) {
    ballot_.on_message(from, message, stuck, {{0, 0}, {0, 10}});
    if (const auto record = ballot_.take_record()) disk_ = *record;
    std::vector<Message> answers;
    for (auto& [to, answer] : ballot_.take_messages())
      if (to != 1) answers.push_back(std::move(answer));
    return answers;
  }
  static std::uint32_t number_of(int owner, std::uint32_t about) {
    return about / kPeers * kPeers + static_cast<std::uint32_t>(owner);
  }
  void expect_promises(int owner, std::uint32_t number) {
    ASSERT_EQ(number % kPeers, static_cast<std::uint32_t>(owner));
    const auto answers = hand(owner, ballot_message(kPrepare, number, 0));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].code, kPromise);
    EXPECT_EQ(disk_.promised, number);
  }

  Ballot ballot_{1, kPeers, {}, [](const PeerSet&) { return true; }};
  BallotRecord disk_;
};

TEST_F(Attacked, OnlyTheOwnerOfABallotProposes) {
  for (const std::uint32_t step : {kPrepare, kAccept})
    for (const int other : {0, 3, 4})
      EXPECT_TRUE(hand(other, ballot_message(step, 7, 0, {{0, 10}})).empty()) << step << " from " << other;
  EXPECT_EQ(disk_, BallotRecord{});
  expect_promises(2, 7);
  EXPECT_TRUE(hand(3, ballot_message(kAccept, 7, 0, {{0, 10}})).empty());
  EXPECT_EQ(hand(2, ballot_message(kAccept, 7, 0, {{0, 10}})).size(), 1u);
  EXPECT_EQ(disk_.accepted, 7u);
}

// Its own go through itself, and are its own.
TEST_F(Attacked, OwnsWhatItProposes) {
  ballot_.propose();
  std::uint32_t number = 0;
  for (const auto& [to, message] : ballot_.take_messages())
    if (to == 1) {
      number = message.key.epoch;
      ballot_.on_message(1, message, true, {{0, 0}});
    }
  EXPECT_EQ(number % kPeers, 1u);
  EXPECT_EQ(ballot_.promised_by(), PeerSet{});
  for (const auto& [to, message] : ballot_.take_messages())
    if (to == 1) ballot_.on_message(1, message, true, {{0, 0}});
  EXPECT_EQ(ballot_.promised_by(), PeerSet::of({1}));
}

TEST_F(Attacked, AReleaseOfAWildNumberTakesNoVoice) {
  for (const std::uint32_t wild : {0xffffffffu, 0xfffffffeu, 0x80000000u, ballot_window(kPeers) + 1}) {
    EXPECT_TRUE(hand(3, ballot_message(kRelease, wild, 0), false).empty()) << wild;
    EXPECT_EQ(disk_, BallotRecord{});
  }
  expect_promises(2, 7);
}

TEST_F(Attacked, AWildNumberIsNotPromisedAndNotAccepted) {
  const std::uint32_t wild = number_of(3, 0xfffffff0);
  EXPECT_TRUE(hand(3, ballot_message(kPrepare, wild, 0)).empty());
  EXPECT_TRUE(hand(3, ballot_message(kAccept, wild, 0, {{0, 10}})).empty());
  EXPECT_EQ(disk_, BallotRecord{});
  expect_promises(2, 7);
}

// Somebody lost everything that four peers proposed in twelve patiences: their latest is believed.
TEST_F(Attacked, WhoLostEveryPrepareStillAnswers) {
  std::uint32_t latest = 0;
  for (int patience = 0; patience < 13; ++patience)
    for (int p : {2, 3, 4, 0}) {
      Ballot other(p, kPeers, {.promised = latest}, [](const PeerSet&) { return true; });
      other.propose();
      latest = other.take_record()->promised;
    }
  EXPECT_LE(latest, ballot_window(kPeers));
  const auto answers = hand(3, ballot_message(kRelease, latest, 0), false);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].code, kReleased);
  EXPECT_EQ(disk_.withdrawn, latest);
  expect_promises(2, number_of(2, latest) + kPeers);
}

// However often: only the others' numbers raise what is believed of it.
TEST_F(Attacked, OneNameDoesNotRaiseItsOwnLimit) {
  const std::uint32_t window = ballot_window(kPeers);
  for (std::uint32_t k = 1; k < 2000; ++k) {
    hand(3, ballot_message(kRelease, k * window, 0), false);
    hand(3, ballot_message(kPrepare, number_of(3, k * window), 0));
    hand(3, ballot_message(kAccepted, k * window, 0, {{0, 10}}));
  }
  EXPECT_LE(disk_.promised, window);
  expect_promises(2, number_of(2, window) + kPeers);
}

// Peer 4 comes with a number that nobody else believes, and only three are there: they meet.
TEST(Attack, TwoThatAreFarApartMeet) {
  BallotWorld world(kPeers);
  world.voter(4).disk.promised = world.voter(4).disk.withdrawn = 5 * ballot_window(kPeers);
  world.start(4);
  const auto there = [](const Vote& vote) { return vote.from % 2 == 0 && vote.to % 2 == 0; };
  for (int p : {0, 2, 4}) world.get_stuck(p);
  int proposals = 0;
  for (; proposals < 12 * 3 && world.decisions == 0; ++proposals) {
    world.propose(2 * (proposals % 3));
    world.settle(there);
  }
  EXPECT_EQ(world.decisions, 3) << world.trace();
  std::cout << "  after " << proposals << " proposals\n";
}

TEST_F(Attacked, PosedAcceptancesTakeNobodysRoom) {
  for (std::uint32_t k = 0; k < 1100; ++k) hand(3, ballot_message(kAccepted, 5 * k, k % 7, {{0, k}}));
  EXPECT_LE(ballot_.acceptances(), 16u);
  for (int p : {0, 2, 4}) hand(p, ballot_message(kAccepted, 12, 0, {{0, 10}}));
  const auto decision = ballot_.take_decision();
  ASSERT_TRUE(decision) << "who has missed every prepare learns what was decided";
  EXPECT_EQ(decision->target, (CheckpointId{0, 10}));
}

// Even under every name: what they say themselves comes later, and again.
TEST_F(Attacked, PosedAcceptancesUnderEveryNameAreReplaced) {
  for (std::uint32_t k = 0; k < 1100; ++k)
    for (int p : {0, 2, 3, 4})
      hand(p, ballot_message(kAccepted, 5 * k + static_cast<std::uint32_t>(p), k, {{0, k}}));
  EXPECT_LE(ballot_.acceptances(), 8u * kPeers);
  (void)ballot_.take_decision();
  for (int p : {0, 2, 4}) hand(p, ballot_message(kAccepted, 0, 2000, {{0, 10}}));
  const auto decision = ballot_.take_decision();
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->epoch, 2001u);
}

TEST_F(Attacked, PromisesToNoProposalCountNothing) {
  for (int p : {0, 2, 3, 4}) {
    EXPECT_TRUE(hand(p, ballot_message(kPromise, 0, 0, {{0, 0}, {0, 10}})).empty());
    EXPECT_TRUE(hand(p, ballot_message(kHolds, 0, 0, {{0, 10}})).empty());
  }
  EXPECT_EQ(ballot_.promised_by(), PeerSet{});
  ballot_.propose();
  const std::uint32_t own = ballot_.take_record()->promised;
  (void)ballot_.take_messages();
  // Nor one that says it accepted what comes later than this.
  hand(3, ballot_message(kPromise, own, 0, {{0, 10}}, own + kPeers));
  EXPECT_EQ(ballot_.promised_by(), PeerSet{});
  hand(3, ballot_message(kPromise, own, 0, {{0, 10}}, own - 1));
  EXPECT_EQ(ballot_.promised_by(), PeerSet::of({3}));
}

TEST_F(Attacked, ATargetThatCannotBeIsNobodys) {
  ballot_.limit_boundaries(100);
  for (const CheckpointId& target : {CheckpointId{1, 10}, CheckpointId{0, 101}, CheckpointId{0xffffff, 0}}) {
    EXPECT_TRUE(hand(2, ballot_message(kAccept, 7, 0, {target})).empty());
    for (int p : {0, 2, 3, 4}) hand(p, ballot_message(kAccepted, 0, 0, {target}));
    EXPECT_FALSE(ballot_.take_decision());
  }
  EXPECT_EQ(disk_, BallotRecord{});
  ballot_.propose();
  const std::uint32_t own = ballot_.take_record()->promised;
  // Held by a majority, but of no use.
  for (int p : {0, 2, 3}) hand(p, ballot_message(kPromise, own, 0, {{0, 0}, {0, 10}, {1, 20}, {0, 101}}));
  std::optional<CheckpointId> asked;
  ballot_.repeat();
  for (const auto& [to, message] : ballot_.take_messages())
    if (message.code == kAccept) asked = first_name(message);
  EXPECT_EQ(asked, (CheckpointId{0, 10}));
}

TEST_F(Attacked, NoEpochAfterTheLast) {
  for (const std::uint32_t last : {kMostEpoch, 0xffffffffu})
    for (int p : {0, 2, 3, 4}) hand(p, ballot_message(kAccepted, 0, last, {{0, 0}}));
  EXPECT_FALSE(ballot_.take_decision());
  EXPECT_EQ(ballot_.epoch(), 0u);
}

TEST(Attack, NoNumberAfterTheLast) {
  Ballot ballot(1, kPeers, {.promised = kMostBallotNumber - 1}, [](const PeerSet&) { return true; });
  ballot.propose();
  EXPECT_FALSE(ballot.take_record()) << "a promise would go back";
  const auto messages = ballot.take_messages();
  ASSERT_EQ(messages.size(), 1u) << "it asks how the epoch was left";
  EXPECT_EQ(messages[0].second.key.epoch, 0u);
}

// A lost disk may have held promises in whichever epoch is learned of; nor does a record say otherwise.
TEST_F(Attacked, WhoAbstainsDoesSoInEveryEpochItLearns) {
  ballot_.abstain();
  for (std::uint32_t left = 0; left < 3; ++left) {
    for (int p : {0, 2, 3}) ballot_.on_message(p, ballot_message(kAccepted, 0, left, {{0, 10}}), true, {});
    ASSERT_EQ(ballot_.epoch(), left + 1);
    EXPECT_FALSE(ballot_.votes());
    EXPECT_FALSE(ballot_.take_record());
    const auto answers = hand(2, ballot_message(kPrepare, 7, left + 1));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].code, kHolds);
    EXPECT_TRUE(hand(2, ballot_message(kAccept, 7, left + 1, {{0, 10}})).empty());
    EXPECT_TRUE(hand(2, ballot_message(kRelease, 7, left + 1), false).empty());
  }
  ballot_.vote_again();
  ballot_.touch();
  EXPECT_EQ(ballot_.take_record()->epoch, 3u);
}

}  // namespace
}  // namespace polydot::protocol::testing
