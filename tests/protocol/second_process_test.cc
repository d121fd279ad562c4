// Two processes under one index: only one is believed, whatever the other says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/peer_lab.h"

namespace polydot::protocol::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPeers = PeerLab::kPeers;
constexpr int kTwice = 3;  // the index that two processes claim
constexpr std::uint64_t kSecond = 777;

void give_incarnations(PeerOptions& options) {
  options.incarnation = 100 + static_cast<std::uint64_t>(options.self);
}

// What a process that is bound elsewhere sends: it hears nobody.
Message of_second(MessageKind kind, const Message& like = {}) {
  Message message = like;
  message.kind = kind;
  message.incarnation = kSecond;
  return message;
}
Message hello_of_second() {
  Message hello = of_second(MessageKind::kHello);
  hello.code = static_cast<std::uint32_t>(PeerMode::kNew);
  hello.payload = Payload::of_text("name = lab\n");
  return hello;
}
void goodbye_of_second(PeerLab& lab, std::uint32_t code) {
  Message goodbye = of_second(MessageKind::kGoodbye);
  goodbye.code = code;
  for (int p = 0; p < kPeers; ++p)
    if (p != kTwice) lab.hand(kTwice, p, goodbye);
}

std::string state_of(PeerLab& lab, int at) {
  for (const Member& member : lab.peer(at).members(lab.now_ms()))
    if (member.peer == kTwice) return std::string(member.state) + ": " + member.reason;
  return "";
}

void expect_all_right(PeerLab& lab, std::size_t rounds) {
  for (int p = 0; p < kPeers; ++p) {
    EXPECT_FALSE(lab.peer(p).failure()) << p << ": " << lab.peer(p).failure()->message;
    ASSERT_EQ(lab.job(p).products.size(), rounds) << p;
    EXPECT_EQ(lab.peer(p).status().rounds_with_findings, 0u) << p;
  }
}

TEST(SecondProcess, EveryMessageSaysWhichProcessSentIt) {
  PeerLab lab(2, give_incarnations);
  lab.settle();
  EXPECT_TRUE(lab.all_ended());
  for (const Letter& letter : lab.sent())
    EXPECT_EQ(letter.message.incarnation, 100u + static_cast<std::uint64_t>(letter.from));
}

// The case that was seen: it greets, finds nobody and leaves with an exit code, and the peer counted as gone.
TEST(SecondProcess, ItsGoodbyeIsNobodys) {
  PeerLab lab(4, give_incarnations);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();  // all stand in step 1
  for (int p = 0; p < kPeers; ++p)
    if (p != kTwice) lab.hand(kTwice, p, hello_of_second());
  goodbye_of_second(lab, 4);
  for (int p = 0; p < kPeers; ++p)
    if (p != kTwice) {
      EXPECT_THAT(state_of(lab, p), Not(HasSubstr("gone"))) << p;
      EXPECT_GE(lab.peer(p).status().unheard_messages, 2u) << p;
    }
  lab.filter({});
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_all_right(lab, 8);
}

// A peer that is asked by the wrong process answers nobody; what it contributes is not counted.
TEST(SecondProcess, NothingElseOfItCounts) {
  PeerLab lab(4, give_incarnations);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();  // all stand in step 1, with nobody's contribution but their own
  ASSERT_EQ(lab.job(0).steps_done(), 1u);
  Message contribution;
  for (const Letter& letter : lab.sent())
    if (letter.from == kTwice && is_contribution_to(letter, 1, 0)) contribution = letter.message;
  ASSERT_GT(contribution.rows, 0u);
  for (const MessageKind kind : {MessageKind::kContribution, MessageKind::kAbstain, MessageKind::kRequest,
                                 MessageKind::kRepairRequest, MessageKind::kPiece, MessageKind::kNoPiece}) {
    const bool whole = kind == MessageKind::kContribution || kind == MessageKind::kPiece;
    Message message = of_second(kind, whole ? contribution : Message{.key = contribution.key});
    message.key.step += kind == MessageKind::kContribution ? 0 : 1;
    for (const Outgoing& answer : lab.hand(kTwice, 0, message))
      EXPECT_EQ(answer.message.kind, MessageKind::kHello) << static_cast<int>(kind);
  }
  EXPECT_EQ(lab.peer(0).memory().due_requests, 0u);
  // Of the right process the same contribution is kept.
  const std::size_t before = lab.peer(0).memory().stored_bytes;
  lab.hand(kTwice, 0, contribution);
  EXPECT_GT(lab.peer(0).memory().stored_bytes, before);
  lab.filter({});
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
  expect_all_right(lab, 8);
}

// Who hears a claim asks the listed address, at a rate.
TEST(SecondProcess, TheOneAtTheAddressIsAskedAndAnswers) {
  PeerLab lab(4, give_incarnations);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();
  int asked = 0;
  for (int k = 0; k < 50; ++k)
    for (const Outgoing& outgoing : lab.hand(kTwice, 0, hello_of_second())) {
      ASSERT_EQ(outgoing.to, kTwice);
      EXPECT_FALSE(outgoing.message.set.contains(kTwice)) << "or nobody would answer";
      ++asked;
    }
  EXPECT_EQ(asked, 1);
  lab.pass_ms(PeerLab::kPatienceMs / 10);
  const std::size_t before = lab.sent_count(MessageKind::kHello, kTwice, 0);
  for (const Outgoing& outgoing : lab.hand(kTwice, 0, hello_of_second()))
    lab.hand(0, kTwice, [&] {
      Message hello = outgoing.message;
      hello.incarnation = 100;
      return hello;
    }());
  lab.settle();
  EXPECT_EQ(lab.sent_count(MessageKind::kHello, kTwice, 0), before) << "taken by hand, with the answer";
  lab.filter({});
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); }));
}

// It comes first, while all join, and leaves again: the right one, which comes later, starts with the others.
TEST(SecondProcess, ItsLeaveWhileAllJoinStopsNobody) {
  for (const bool right_one_claims : {false, true}) {
    PeerLab lab(3, give_incarnations);
    lab.freeze(PeerSet::of({kTwice}));
    lab.settle();
    for (int p = 0; p < kPeers; ++p)
      if (p != kTwice) lab.hand(kTwice, p, hello_of_second());
    if (right_one_claims) {
      Message hello = hello_of_second();
      hello.incarnation = 100 + kTwice;
      for (int p = 0; p < kPeers; ++p)
        if (p != kTwice) lab.hand(kTwice, p, hello);
      goodbye_of_second(lab, 4);
    }
    lab.freeze({});
    EXPECT_TRUE(lab.until([&] { return lab.all_ended(); })) << right_one_claims;
    expect_all_right(lab, 6);
  }
}

TEST(SecondProcess, FramesOfItThatAreRefusedAskForNothing) {
  PeerLab lab(4, give_incarnations);
  lab.filter([](const Letter& letter) { return !is_contribution_to(letter, 1, 0); });
  lab.settle();
  lab.peer(0).on_refused_frame(kTwice, WireError::kChecksum, kWireVersion, kSecond);
  EXPECT_TRUE(lab.peer(0).take_outbox().empty());
  EXPECT_EQ(lab.peer(0).status().wrong_checksums, 0u);
  lab.peer(0).on_refused_frame(kTwice, WireError::kChecksum, kWireVersion, 100 + kTwice);
  EXPECT_EQ(lab.peer(0).take_outbox().size(), 1u) << "of the right one it is asked for again";
}

}  // namespace
}  // namespace polydot::protocol::testing
