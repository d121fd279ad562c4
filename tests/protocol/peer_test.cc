// One peer among nine others, message by message: waiting, asking, answering, lateness, joining, leaving.
#include "protocol/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "protocol/wire/payload_checksum.h"
#include "tests/protocol/peer_lab.h"

namespace polydot::protocol::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kPeers = PeerLab::kPeers;

void expect_right_products(PeerLab& lab, const PeerSet& peers, std::size_t rounds) {
  for (int p : peers.members()) {
    ASSERT_EQ(lab.job(p).products.size(), rounds) << "peer " << p;
    for (std::size_t round = 0; round < rounds; ++round) {
      const Matrix truth = lab.job(p).truth(round);
      EXPECT_LT((lab.job(p).products[round] - truth).norm(), 1e-5F * truth.norm())
          << "peer " << p << ", round " << round;
    }
  }
}

TEST(Peer, AJobIsAnySequenceOfProducts) {
  PeerLab lab(4);
  lab.settle();
  EXPECT_TRUE(lab.all_ended());
  EXPECT_EQ(lab.now_ms(), 0);
  expect_right_products(lab, PeerSet::all(kPeers), 8);
}

// Contributions are smaller than a product; nothing else has a payload but the hello's text.
TEST(Peer, SendsNoDecodedValue) {
  PeerLab lab(3);
  lab.settle();
  for (const Letter& letter : lab.sent()) {
    switch (letter.message.kind) {
      case MessageKind::kHello:
        EXPECT_EQ(letter.message.payload.text(), "name = lab\n");
        break;
      case MessageKind::kContribution:
        EXPECT_LE(letter.message.payload.size_bytes(), 4u * 6u * 6u);
        break;
      default:
        EXPECT_EQ(letter.message.payload.size_bytes(), 0u);
    }
  }
}

TEST(Peer, ContributesToEachRoundOnceAndToAll) {
  PeerLab lab(3);
  lab.settle();
  for (int from = 0; from < kPeers; ++from)
    for (int to = 0; to < kPeers; ++to) {
      if (from == to) continue;
      EXPECT_EQ(lab.sent_count(MessageKind::kContribution, from, to), 6u);
      EXPECT_EQ(lab.sent_count(MessageKind::kRequest, from, to), 0u);
      EXPECT_EQ(lab.sent_count(MessageKind::kGoodbye, from, to), 1u);
    }
}

TEST(Peer, AsksForWhatIsMissingAndOnlyForThat) {
  PeerLab lab(3);
  bool lost = false;
  lab.filter([&](const Letter& letter) {
    const bool lose = !lost && letter.from == 3 && letter.to == 5 && is_contribution_to(letter, 1, 0);
    lost |= lose;
    return !lose;
  });
  lab.settle();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lab.peer(5).status().waiting_for, PeerSet::of({3}));
  lab.pass_ms(99);  // a tenth of the patience
  EXPECT_EQ(lab.sent_count(MessageKind::kRequest, 5, 3), 0u);
  lab.pass_ms(1);
  EXPECT_TRUE(lab.all_ended());
  EXPECT_EQ(lab.sent_count(MessageKind::kRequest, 5, 3), 1u);
  expect_right_products(lab, PeerSet::all(kPeers), 6);
  for (const Letter& letter : lab.sent())
    if (is(letter, MessageKind::kRequest) && letter.from == 5) {
      EXPECT_EQ(letter.to, 3);
    }
}

TEST(Peer, WaitsForALatePeerOnceAndNotAgainUntilItIsInTime) {
  PeerLab lab(4);
  lab.filter(
      [](const Letter& letter) { return !(letter.from == 9 && is(letter, MessageKind::kContribution)); });
  lab.settle();
  lab.pass_ms(999);
  for (int p = 0; p < 9; ++p) EXPECT_TRUE(lab.job(p).products.empty()) << "patience is not over";
  EXPECT_THAT(lab.peer(0).status().waiting_text, AllOf(HasSubstr("9 ("), HasSubstr("silent for")));
  lab.pass_ms(1);
  for (int p = 0; p < 9; ++p)
    EXPECT_EQ(lab.job(p).products.size(), 8u) << "all other rounds need no patience";
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(9), 8);
  EXPECT_FALSE(lab.peer(0).failure());
}

TEST(Peer, IsWaitedForAgainOnceItWasInTime) {
  PeerLab lab(4);
  std::set<std::pair<std::uint64_t, std::uint32_t>> mute = {{0, 0}, {2, 1}};
  lab.filter([&](const Letter& letter) {
    return !(letter.from == 9 && is(letter, MessageKind::kContribution) &&
             mute.contains({letter.message.key.step, letter.message.key.slot}));
  });
  lab.settle();
  lab.pass_ms(1000);
  for (int p = 0; p < 9; ++p)
    EXPECT_EQ(lab.job(p).products.size(), 5u);  // stands at step 2, slot 1, waiting for 9
  EXPECT_EQ(lab.peer(0).status().waiting_for, PeerSet::of({9}));
  lab.pass_ms(1000);
  for (int p = 0; p < 9; ++p) EXPECT_EQ(lab.job(p).products.size(), 8u);
}

TEST(Peer, RepeatedAndReversedMessagesChangeNothing) {
  PeerLab lab(1);
  std::vector<Letter> held;
  lab.filter([&](const Letter& letter) {
    if (!is(letter, MessageKind::kContribution) || letter.to != 4) return true;
    held.push_back(letter);
    return false;
  });
  lab.settle();
  ASSERT_GE(held.size(), 9u);
  std::reverse(held.begin(), held.end());
  const std::vector<Letter> letters = held;
  for (int k = 0; k < 2; ++k)
    for (const Letter& letter : letters) EXPECT_TRUE(lab.hand(letter.from, 4, letter.message).empty());
  lab.filter({});
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(kPeers), 2);
  EXPECT_EQ(lab.peer(4).status().dropped_messages, 0u);
}

std::size_t answers(PeerLab& lab, int peer, const codes::RoundKey& key) {
  Message request;
  request.kind = MessageKind::kRequest;
  request.key = key;
  std::size_t count = 0;
  for (const Outgoing& answer : lab.hand(3, peer, request)) {
    EXPECT_EQ(answer.to, 3);
    EXPECT_EQ(answer.message.kind, MessageKind::kContribution);
    EXPECT_EQ(answer.message.key, key);
    ++count;
  }
  return count;
}

TEST(Peer, AnswersForTheStepAtHandAndAFewBefore) {
  PeerLab lab(15);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 13, 1); });
  lab.settle();  // everybody stands at step 13, slot 1
  EXPECT_EQ(answers(lab, 0, {0, 13, 1, 0}), 1u);
  EXPECT_EQ(answers(lab, 0, {0, 13, 0, 0}), 1u);
  EXPECT_EQ(answers(lab, 0, {0, 12, 1, 0}), 1u);
  EXPECT_EQ(answers(lab, 0, {0, 12, 0, 2}), 1u);  // a finished round under the attempt that it is asked for
  EXPECT_EQ(answers(lab, 0, {0, 5, 1, 0}), 1u);
  EXPECT_EQ(answers(lab, 0, {0, 4, 1, 0}), 0u);
  EXPECT_EQ(answers(lab, 0, {0, 14, 0, 0}), 0u);  // comes when it is computed
}

// Else two that have both finished it would answer each other for ever.
TEST(Peer, HelpsOnceWithAFinishedRound) {
  PeerLab lab(15);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 13, 1); });
  lab.settle();
  Message again;
  for (const Letter& letter : lab.sent())
    if (letter.from == 3 && is_contribution_to(letter, 13, 0)) again = letter.message;
  again.key.attempt = 1;
  for (const int from : {3, 4}) {
    const std::vector<Outgoing> answers = lab.hand(from, 0, again);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers.front().to, from);
    EXPECT_EQ(answers.front().message.key, again.key);
    EXPECT_TRUE(lab.hand(from, 0, again).empty());
  }
}

TEST(Peer, ComputesAgainWhenAnotherDoes) {
  PeerLab lab(2);
  lab.filter([](const Letter& letter) {
    return !is_contribution_to(letter, 1, 0) || letter.message.key.attempt > 0;
  });
  lab.settle();
  Message again;
  for (const Letter& letter : lab.sent())
    if (letter.from == 3 && is_contribution_to(letter, 1, 0)) again = letter.message;
  again.key.attempt = 1;
  lab.hand(3, 0, again);
  lab.settle();  // peer 0 joins in, and so does everybody that hears of it
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(kPeers), 4);
  EXPECT_EQ(lab.now_ms(), 0);
  for (int p = 0; p < kPeers; ++p) EXPECT_EQ(lab.peer(p).status().recomputed_rounds, 1u);
}

TEST(Peer, StoresNothingFromFarAhead) {
  PeerLab lab(9);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 3, 0); });
  lab.settle();
  Message slice;
  for (const Letter& letter : lab.sent())
    if (letter.from == 3 && is_contribution_to(letter, 3, 0)) slice = letter.message;
  for (std::uint64_t step : {4, 5}) {
    slice.key = {0, step, 0, 0};
    lab.hand(3, 0, slice);
    EXPECT_EQ(lab.peer(0).status().dropped_messages, 0u);
  }
  std::uint64_t dropped = 0;
  for (const codes::RoundKey& key :
       {codes::RoundKey{0, 6, 0, 0}, {0, 1'000'000, 0, 0}, {0, 3, 0, PeerOptions::kMaxAttempts}}) {
    slice.key = key;
    lab.hand(3, 0, slice);
    EXPECT_EQ(lab.peer(0).status().dropped_messages, ++dropped);
  }
}

// The others go on without peer 9 and say so in their next contributions; peer 5 is a little behind, and
// holds all ten.
TEST(Peer, PrefersTheSetThatMostName) {
  PeerLab lab(3);
  Message of_nine;
  lab.filter([&](const Letter& letter) {
    if (letter.from != 9 || !is_contribution_to(letter, 1, 0)) return true;
    of_nine = letter.message;
    return false;
  });
  lab.settle();
  lab.freeze(PeerSet::of({5}));
  lab.pass_ms(PeerLab::kPatienceMs);
  ASSERT_EQ(lab.job(0).products.size(), 3u);  // it stands at step 1, slot 1
  ASSERT_EQ(lab.job(5).products.size(), 2u);
  lab.hand(9, 5, of_nine);
  lab.freeze({});
  lab.settle();
  const auto named_by = [&](int peer) {
    PeerSet named;
    for (const Letter& letter : lab.sent())
      if (letter.from == peer && is_contribution_to(letter, 1, 1)) named = letter.message.set;
    return named;
  };
  EXPECT_EQ(named_by(0), PeerSet::all(9));
  EXPECT_EQ(named_by(9), PeerSet::all(kPeers));
  EXPECT_EQ(named_by(5), PeerSet::all(9));
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(kPeers), 6);
}

// The contributions to the last round are lost on their way to peer 2; the others finish, and linger for it.
TEST(Peer, IsAnsweredByThoseThatHaveFinished) {
  PeerLab lab(2);
  bool lossy = true;
  lab.filter(
      [&](const Letter& letter) { return !(lossy && letter.to == 2 && is_contribution_to(letter, 1, 1)); });
  lab.settle();
  for (int p = 0; p < kPeers; ++p)
    EXPECT_EQ(lab.peer(p).status().phase, p == 2 ? PeerPhase::kRunning : PeerPhase::kLingering)
        << "peer " << p;
  lossy = false;
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  ASSERT_FALSE(lab.peer(2).failure()) << lab.peer(2).failure()->message;
  expect_right_products(lab, PeerSet::all(kPeers), 4);
  EXPECT_LT(lab.now_ms(), PeerLab::kPatienceMs);
}

TEST(Peer, GivesUpWhenTooFewAreLeft) {
  PeerLab lab(50);
  lab.filter([&](const Letter& letter) { return !is_contribution_to(letter, 7, 0); });
  lab.settle();
  Message goodbye;
  goodbye.kind = MessageKind::kGoodbye;
  goodbye.code = 4;
  for (int p : {1, 2, 3, 4, 6}) lab.hand(p, 0, goodbye);  // five are left, six are needed
  EXPECT_TRUE(lab.until([&] { return lab.peer(0).failure().has_value(); }, 2 * PeerLab::kPatienceMs));
  ASSERT_TRUE(lab.peer(0).failure());
  EXPECT_EQ(lab.peer(0).failure()->kind, FailureKind::kNetwork);
  EXPECT_THAT(lab.peer(0).failure()->message,
              AllOf(HasSubstr("step 7"), HasSubstr("1 (left with code 4)"), HasSubstr("6 (left")));
}

TEST(Peer, GivesUpAfterTwelvePatiencesOfSilence) {
  PeerLab lab(5);
  lab.filter([&](const Letter& letter) { return !is_contribution_to(letter, 2, 0); });
  lab.settle();
  for (int k = 0; k < 24; ++k) lab.pass_ms(PeerLab::kPatienceMs / 2 - (k == 23));
  for (int p = 0; p < kPeers; ++p) EXPECT_EQ(lab.peer(p).status().phase, PeerPhase::kRunning);
  lab.pass_ms(1);
  for (int p = 0; p < kPeers; ++p) {
    ASSERT_TRUE(lab.peer(p).failure());
    EXPECT_EQ(lab.peer(p).failure()->kind, FailureKind::kNetwork);
    EXPECT_THAT(lab.peer(p).failure()->message,
                AllOf(HasSubstr("step 2, layer 0 forward"), HasSubstr(p == 3 ? "7 (" : "3 (")));
  }
}

// A peer that is cut off hears others again, one after the other: it does not end before it knows where they
// are.
TEST(Peer, GivesNobodyUpWhoIsHeardAgain) {
  constexpr std::int64_t kHalf = PeerLab::kPatienceMs / 2;
  PeerLab lab(5);
  lab.filter([&](const Letter& letter) { return letter.to != 0 || letter.message.key.step < 2; });
  lab.settle();
  for (int k = 0; k < 23; ++k) lab.pass_ms(kHalf);
  Message word;
  word.kind = MessageKind::kRequest;
  word.key.step = 3;
  lab.hand(1, 0, word);
  for (int k = 0; k < 23; ++k) lab.pass_ms(kHalf);
  EXPECT_EQ(lab.peer(0).status().phase, PeerPhase::kRunning);
  lab.pass_ms(kHalf);
  EXPECT_TRUE(lab.peer(0).failure()) << "it is silent again";
}

TEST(Peer, KnowsWhenItIsLeftBehind) {
  PeerLab lab(8);
  lab.filter([&](const Letter& letter) {
    return letter.to != 6 || !is(letter, MessageKind::kContribution) || letter.message.key.step < 2;
  });
  lab.settle();
  EXPECT_TRUE(lab.until([&] { return lab.peer(0).status().phase == PeerPhase::kEnded; }));
  lab.filter({});
  Message ahead;
  for (const Letter& letter : lab.sent())
    if (letter.from == 0 && is_contribution_to(letter, 7, 1)) ahead = letter.message;
  ASSERT_EQ(ahead.key.step, 7u);
  EXPECT_TRUE(lab.until([&] { return lab.peer(6).failure().has_value(); }));
  EXPECT_EQ(lab.peer(6).failure()->kind, FailureKind::kNetwork);
  EXPECT_THAT(lab.peer(6).failure()->message, HasSubstr("step 2"));
  expect_right_products(lab, PeerSet::all(kPeers) - PeerSet::of({6}), 16);
}

// Its checksum is looked at when it is decoded; whoever sent it is not blamed, and asked again at once.
TEST(Peer, ADamagedContributionIsAsIfItHadNotArrived) {
  PeerLab lab(3);
  bool damaged = false;
  Letter first;
  lab.filter([&](const Letter& letter) {
    if (damaged || letter.from != 4 || letter.to != 0 || !is_contribution_to(letter, 1, 0)) return true;
    damaged = true;
    first = letter;
    return false;
  });
  lab.settle();
  ASSERT_TRUE(damaged);
  auto copy = std::make_shared<std::vector<std::byte>>(first.message.payload.bytes().begin(),
                                                       first.message.payload.bytes().end());
  first.message.unread = checksum_of(*copy);
  copy->back() ^= std::byte{0x40};
  first.message.payload = Payload(copy, *copy);
  lab.hand(4, 0, first.message);
  const std::int64_t before = lab.now_ms();
  lab.settle();
  EXPECT_TRUE(lab.all_ended());
  EXPECT_EQ(lab.now_ms(), before) << "asked again at once";
  EXPECT_EQ(lab.peer(0).status().wrong_checksums, 1u);
  EXPECT_EQ(lab.peer(0).status().rounds_with_findings, 0u);
  EXPECT_EQ(lab.sent_count(MessageKind::kRequest, 0, 4), 1u);
  expect_right_products(lab, PeerSet::all(kPeers), 6);
}

TEST(Peer, RefusedFramesStopNothingOnceItRuns) {
  PeerLab lab(2);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();
  lab.filter({});
  for (int error = 0; error < kWireErrorCount; ++error)
    lab.peer(0).on_refused_frame(4, static_cast<WireError>(error), 9);
  EXPECT_EQ(lab.peer(0).status().dropped_messages, static_cast<std::uint64_t>(kWireErrorCount));
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(kPeers), 4);
}

TEST(Peer, StartsWhenEverybodyHeardItAndItHeardEverybody) {
  PeerLab lab(2);
  lab.freeze(PeerSet::of({7}));
  lab.settle();
  lab.pass_ms(PeerLab::kPatienceMs / 2);
  for (int p = 0; p < kPeers; ++p) EXPECT_EQ(lab.peer(p).status().phase, PeerPhase::kJoining) << "peer " << p;
  EXPECT_THAT(lab.peer(2).status().waiting_text, HasSubstr("7 (never heard)"));
  lab.freeze({});
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }, PeerLab::kPatienceMs / 2));
  expect_right_products(lab, PeerSet::all(kPeers), 4);
}

TEST(Peer, StartsWhenOthersTrainAlthoughSomebodyIsNotHeard) {
  PeerLab lab(2);
  lab.filter([](const Letter& letter) { return !(letter.from == 2 && letter.to == 7); });
  lab.settle();
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_right_products(lab, PeerSet::all(kPeers), 4);
}

TEST(Peer, StartsWithoutThoseThatDoNotComeWithinAPatience) {
  PeerLab lab(2);
  lab.freeze(PeerSet::of({1, 7}));
  lab.settle();
  lab.pass_ms(PeerLab::kPatienceMs - 1);
  EXPECT_EQ(lab.peer(0).status().phase, PeerPhase::kJoining);
  EXPECT_TRUE(lab.until([&] { return lab.peer(0).status().phase == PeerPhase::kEnded; }));
  expect_right_products(lab, PeerSet::all(kPeers) - PeerSet::of({1, 7}), 4);
}

}  // namespace
}  // namespace polydot::protocol::testing
