// Who ends the start of all: a peer that does not belong there, or fails for a reason of its own; not one
// that is stopped, that is bound elsewhere, or that others who train already do without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/peer_lab.h"

namespace polydot::protocol::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kPeers = PeerLab::kPeers;
constexpr int kOther = 3, kLate = 8;

Message hello_of(std::uint64_t incarnation, const std::string& lines) {
  Message hello;
  hello.kind = MessageKind::kHello;
  hello.incarnation = incarnation;
  hello.code = static_cast<std::uint32_t>(PeerMode::kNew);
  hello.payload = Payload::of_text(lines);
  return hello;
}
Message goodbye_of(std::uint64_t incarnation, std::uint32_t code) {
  Message goodbye;
  goodbye.kind = MessageKind::kGoodbye;
  goodbye.incarnation = incarnation;
  goodbye.code = code;
  return goodbye;
}
void hand_to_all(PeerLab& lab, const Message& message) {
  for (int p = 0; p < kPeers; ++p)
    if (p != kOther && p != kLate) lab.hand(kOther, p, message);
}
void expect_finished(PeerLab& lab, const PeerSet& peers, std::size_t rounds) {
  for (int p : peers.members()) {
    EXPECT_FALSE(lab.peer(p).failure()) << p << ": " << lab.peer(p).failure()->message;
    EXPECT_EQ(lab.job(p).products.size(), rounds) << p;
  }
}

TEST(Joining, AForeignWireVersionWhileJoiningIsADisagreement) {
  PeerLab lab(2);
  lab.freeze(PeerSet::all(kPeers) - PeerSet::of({0}));
  lab.settle();
  lab.peer(0).on_refused_frame(4, WireError::kChecksum, kWireVersion);
  EXPECT_FALSE(lab.peer(0).failure());
  lab.peer(0).on_refused_frame(4, WireError::kVersion, 7);
  EXPECT_FALSE(lab.peer(0).failure()) << "perhaps a bit flipped on the way";
  lab.peer(0).on_refused_frame(4, WireError::kVersion, 7);
  lab.pass_ms(0);
  EXPECT_FALSE(lab.peer(0).failure()) << "others may be heard that train";
  lab.pass_ms(PeerLab::kPatienceMs / 4);
  ASSERT_TRUE(lab.peer(0).failure());
  EXPECT_EQ(lab.peer(0).failure()->kind, FailureKind::kDisagreement);
  EXPECT_THAT(lab.peer(0).failure()->message, AllOf(HasSubstr("peer 4"), HasSubstr("version 7"),
                                                    HasSubstr("this one " + std::to_string(kWireVersion))));
  EXPECT_EQ(lab.peer(0).status().dropped_messages, 3u);
}

TEST(Joining, AFailureBeforeTheStartReachesAll) {
  PeerLab lab(2);
  lab.freeze(PeerSet::of({8}));
  lab.settle();
  Message goodbye;
  goodbye.kind = MessageKind::kGoodbye;
  goodbye.code = 3;
  for (int p = 0; p < kPeers; ++p)
    if (p != 3 && p != 8) lab.hand(3, p, goodbye);
  EXPECT_TRUE(lab.until([&] { return lab.peer(0).failure().has_value(); }, PeerLab::kPatienceMs / 2));
  ASSERT_TRUE(lab.peer(0).failure());
  EXPECT_THAT(lab.peer(0).failure()->message, AllOf(HasSubstr("peer 3 left"), HasSubstr("code 3")));
}

// It may be started again, like one that was killed: the others wait, and begin without it if they are
// enough.
TEST(Joining, WhoIsStoppedBeforeTheStartEndsNobody) {
  PeerLab lab(2);
  lab.freeze(PeerSet::of({8}));
  lab.settle();
  lab.peer(3).stop_after_step(143);
  EXPECT_TRUE(lab.until([&] { return lab.peer(3).status().phase == PeerPhase::kEnded; }));
  EXPECT_TRUE(lab.peer(3).stopped());
  lab.freeze({});
  EXPECT_TRUE(lab.until([&] { return lab.peer(0).status().phase == PeerPhase::kEnded; }));
  expect_finished(lab, PeerSet::all(kPeers) - PeerSet::of({3, 8}), 4);
}

// The wrong one was stopped, and is there again with the right settings, before the last peer has come.
TEST(Joining, AMistakeThatWasPutRightEndsNobody) {
  for (const bool stopped : {true, false}) {
    PeerLab lab(2, [](PeerOptions& options) {
      options.incarnation = 100 + static_cast<std::uint64_t>(options.self);
    });
    lab.freeze(PeerSet::of({kOther, kLate}));
    lab.settle();
    if (stopped) hand_to_all(lab, hello_of(777, "name = other\n"));
    hand_to_all(lab, goodbye_of(777, stopped ? 143 : 3));
    lab.pass_ms(PeerLab::kPatienceMs / 20);
    lab.freeze(PeerSet::of({kLate}));
    lab.until([] { return false; }, PeerLab::kPatienceMs / 2);
    lab.freeze({});
    EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
    expect_finished(lab, PeerSet::all(kPeers), 4);
  }
}

// A process that a supervisor starts again and again with the wrong settings: each time it may be put right,
// but in the end the line says what was wrong.
TEST(Joining, WhatDiffersAgainAndAgainIsNamedInTheEnd) {
  PeerLab lab(2);
  lab.freeze(PeerSet::of({kOther, kLate}));
  lab.settle();
  constexpr std::int64_t kBetweenStarts = PeerLab::kPatienceMs / 6;
  for (std::uint64_t start = 0; !lab.peer(0).failure() && start < 1000; ++start) {
    hand_to_all(lab, hello_of(700 + start, "name = other\n"));
    hand_to_all(lab, goodbye_of(700 + start, 143));
    lab.pass_ms(kBetweenStarts);
  }
  ASSERT_TRUE(lab.peer(0).failure());
  EXPECT_EQ(lab.peer(0).failure()->kind, FailureKind::kNetwork) << "each was gone before it ended the start";
  EXPECT_THAT(lab.peer(0).failure()->message,
              AllOf(HasSubstr("gave up waiting"),
                    HasSubstr("3 (left with code 143, has name = other, here it is lab)")));
}

// However late it comes: never do some begin and others end.
TEST(Joining, OneThatDiffersEndsTheStartWheneverItComes) {
  for (const int percent : {5, 50, 70, 80, 95}) {
    SCOPED_TRACE(percent);
    PeerLab lab(2);
    lab.freeze(PeerSet::of({kOther, kLate}));
    lab.pass_ms(PeerLab::kPatienceMs * percent / 100);
    hand_to_all(lab, hello_of(777, "name = other\n"));
    EXPECT_TRUE(lab.until([&] { return lab.peer(0).failure().has_value(); }, 2 * PeerLab::kPatienceMs));
    for (int p = 0; p < kPeers; ++p) {
      if (p == kOther || p == kLate) continue;
      ASSERT_TRUE(lab.peer(p).failure()) << p;
      EXPECT_EQ(lab.peer(p).failure()->kind, FailureKind::kDisagreement);
      EXPECT_THAT(lab.peer(p).failure()->message, HasSubstr("name"));
    }
  }
}

// A peer that comes back hears the liar first, then those who train.
TEST(Joining, WhoTrainsIsBelievedMoreThanOneThatDiffers) {
  PeerLab lab(6);
  lab.freeze(PeerSet::all(kPeers) - PeerSet::of({0}));
  lab.settle();
  lab.hand(kOther, 0, hello_of(777, "name = other\n"));
  lab.pass_ms(PeerLab::kPatienceMs / 10);
  EXPECT_FALSE(lab.peer(0).failure());
  for (const int p : {1, 2, 4, 5, 6, 7}) {
    Message hello = hello_of(100 + static_cast<std::uint64_t>(p), "name = lab\n");
    hello.code = static_cast<std::uint32_t>(PeerMode::kActive);
    hello.set = PeerSet::all(kPeers);
    lab.hand(p, 0, hello);
  }
  lab.pass_ms(PeerLab::kPatienceMs / 2);
  EXPECT_FALSE(lab.peer(0).failure());
  EXPECT_EQ(lab.peer(0).status().phase, PeerPhase::kRunning);
}

TEST(Joining, WhoDiffersIsAnsweredAtARate) {
  PeerLab lab(4);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();  // all run
  std::size_t answers = 0;
  for (int k = 0; k < 1000; ++k)
    for (const Outgoing& outgoing : lab.hand(kOther, 0, hello_of(0, "name = other\n")))
      answers += outgoing.message.kind == MessageKind::kHello;
  EXPECT_EQ(answers, 1u);
}

}  // namespace
}  // namespace polydot::protocol::testing
