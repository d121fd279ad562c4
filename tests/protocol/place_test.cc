// Who holds the place of a peer, of several processes that claim it: laws over random histories, then
// examples.
#include "protocol/rounds/place.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <vector>

namespace polydot::protocol {
namespace {

constexpr int kSelf = 2;
constexpr std::int64_t kPatienceMs = 1000;
constexpr std::uint64_t kFirst = 11, kSecond = 22, kThird = 33;
using Verdict = Place::Verdict;

Message of(std::uint64_t incarnation, MessageKind kind = MessageKind::kContribution) {
  return {.kind = kind, .incarnation = incarnation};
}
// It hears whom we send to: it listens at the listed address.
Message reached(std::uint64_t incarnation) {
  return {.kind = MessageKind::kHello, .set = codes::PeerSet::of({kSelf}), .incarnation = incarnation};
}

// What the laws need to know of a history, kept beside the place.
struct History {
  std::optional<std::uint64_t> holder;
  std::int64_t heard_ms = 0;
  bool left = false;
};

TEST(Place, ChangesHandsOnlyByReachWhenFreeOrWhenLeft) {
  constexpr std::uint64_t kSeed = 31;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  int taken_by_reach = 0, taken_when_free = 0, goodbyes_of_others = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    Place place(kSelf, kPatienceMs);
    History known;
    std::int64_t now = 0;
    for (int k = 0; k < 60; ++k) {
      now += static_cast<std::int64_t>(random() % 4 == 0 ? random() % 1500 : random() % 50);
      const std::uint64_t incarnation = 1 + random() % 4;
      Message message = of(incarnation, static_cast<MessageKind>(1 + random() % 9));
      const bool hello = message.kind == MessageKind::kHello, goodbye = message.kind == MessageKind::kGoodbye;
      if (hello && random() % 3 == 0) message.set.insert(kSelf);
      const bool free = !known.holder || known.left || now - known.heard_ms >= kPatienceMs;
      const Verdict verdict = place.claim(now, message);
      if (incarnation == known.holder) {
        ASSERT_TRUE(verdict == Verdict::kHolder || (verdict == Verdict::kVacated && goodbye));
        known.heard_ms = now;
        known.left |= goodbye;
        if (verdict == Verdict::kVacated) known = {};
      } else if (verdict == Verdict::kNewHolder) {
        const bool by_reach = message.set.contains(kSelf);
        ASSERT_TRUE(by_reach || free) << "who is heard keeps the place";
        ASSERT_TRUE(!goodbye || !known.holder) << "nobody takes a place from another by leaving";
        taken_by_reach += by_reach && !free;
        taken_when_free += free && known.holder.has_value();
        known = {incarnation, now, goodbye};
      } else {
        ASSERT_EQ(verdict, Verdict::kIgnored);
        goodbyes_of_others += goodbye;
      }
      ASSERT_EQ(place.holder(), known.holder);
    }
  }
  EXPECT_GT(taken_by_reach, 100);
  EXPECT_GT(taken_when_free, 100);
  EXPECT_GT(goodbyes_of_others, 100);
}

TEST(Place, TheFirstKeepsItWhileItIsHeard) {
  Place place(kSelf, kPatienceMs);
  EXPECT_EQ(place.claim(0, of(kFirst, MessageKind::kHello)), Verdict::kNewHolder);
  for (std::int64_t now = 0; now < 5 * kPatienceMs; now += 100) {
    EXPECT_EQ(place.claim(now, of(kFirst)), Verdict::kHolder);
    for (int kind = 1; kind <= 9; ++kind)
      EXPECT_EQ(place.claim(now + 50, of(kSecond, static_cast<MessageKind>(kind))), Verdict::kIgnored)
          << kind;
  }
  EXPECT_EQ(place.holder(), kFirst);
}

TEST(Place, IsFreeAfterAPatienceOfSilenceAndNotBefore) {
  for (const MessageKind kind : {MessageKind::kHello, MessageKind::kContribution, MessageKind::kBallot}) {
    Place place(kSelf, kPatienceMs);
    (void)place.claim(0, of(kFirst, MessageKind::kHello));
    EXPECT_EQ(place.claim(kPatienceMs - 1, of(kSecond, kind)), Verdict::kIgnored);
    EXPECT_EQ(place.claim(kPatienceMs, of(kSecond, MessageKind::kGoodbye)), Verdict::kIgnored);
    EXPECT_EQ(place.claim(kPatienceMs, of(kSecond, kind)), Verdict::kNewHolder);
    EXPECT_EQ(place.claim(kPatienceMs, of(kFirst)), Verdict::kIgnored) << "it was only away, and is late";
  }
}

TEST(Place, WhoeverIsReachedAtTheAddressHoldsItAtOnce) {
  Place place(kSelf, kPatienceMs);
  (void)place.claim(0, of(kFirst));
  EXPECT_EQ(place.claim(1, of(kSecond, MessageKind::kHello)), Verdict::kIgnored);
  EXPECT_EQ(place.claim(2, reached(kSecond)), Verdict::kNewHolder);
  // Whoever held it is not there any more: what was under way of it changes nothing.
  EXPECT_EQ(place.claim(3, reached(kFirst)), Verdict::kIgnored);
  EXPECT_EQ(place.claim(3, of(kFirst, MessageKind::kGoodbye)), Verdict::kIgnored);
  EXPECT_EQ(place.holder(), kSecond);
}

TEST(Place, OneThatWasAwayTakesItBackFromWhoIsNotReached) {
  Place place(kSelf, kPatienceMs);
  (void)place.claim(0, reached(kFirst));
  EXPECT_EQ(place.claim(2 * kPatienceMs, of(kSecond)), Verdict::kNewHolder);
  EXPECT_EQ(place.claim(2 * kPatienceMs + 1, of(kFirst)), Verdict::kIgnored);
  EXPECT_EQ(place.claim(2 * kPatienceMs + 2, reached(kFirst)), Verdict::kNewHolder);
  EXPECT_EQ(place.claim(9 * kPatienceMs, of(kSecond)), Verdict::kIgnored)
      << "although nobody was heard since";
}

TEST(Place, IsFreeOnceTheHolderHasLeft) {
  Place place(kSelf, kPatienceMs);
  (void)place.claim(0, of(kFirst));
  EXPECT_EQ(place.claim(1, of(kFirst, MessageKind::kGoodbye)), Verdict::kHolder) << "it is gone";
  EXPECT_EQ(place.claim(2, of(kFirst)), Verdict::kHolder) << "it lingers";
  EXPECT_EQ(place.claim(3, of(kSecond)), Verdict::kNewHolder);
  EXPECT_EQ(place.claim(4, of(kFirst)), Verdict::kIgnored);
}

// Which of the two has gone is not for the holder to say.
TEST(Place, AGoodbyeOfOneOfTwoLeavesThePlaceToTheOther) {
  Place place(kSelf, kPatienceMs);
  (void)place.claim(0, of(kSecond));
  (void)place.claim(10, of(kFirst));
  EXPECT_EQ(place.claim(20, of(kSecond, MessageKind::kGoodbye)), Verdict::kVacated);
  EXPECT_EQ(place.holder(), std::nullopt);
  EXPECT_EQ(place.claim(30, of(kSecond)), Verdict::kIgnored);
  EXPECT_EQ(place.claim(30, of(kFirst)), Verdict::kNewHolder);
}

TEST(Place, WhoWasNeverHeardMayTakeItsLeave) {
  Place place(kSelf, kPatienceMs);
  EXPECT_EQ(place.claim(0, of(kFirst, MessageKind::kGoodbye)), Verdict::kNewHolder);
}

TEST(Place, TwoAreNamedOnceAndOnlyWhenBothLive) {
  Place place(kSelf, kPatienceMs);
  (void)place.claim(0, of(kFirst));
  (void)place.claim(10, of(kSecond));
  (void)place.claim(20, of(kFirst));
  EXPECT_EQ(place.take_second(), std::nullopt) << "perhaps a late frame of one that ended";
  (void)place.claim(600, of(kSecond));
  (void)place.claim(601, of(kFirst));
  EXPECT_TRUE(place.is_claimed_twice(601));
  EXPECT_EQ(place.take_second(), kSecond);
  (void)place.claim(700, of(kThird));
  (void)place.claim(2000, of(kFirst));
  EXPECT_EQ(place.take_second(), std::nullopt) << "said already";
  EXPECT_FALSE(place.is_claimed_twice(2000));
}

// What a process that was killed had sent may come late; the one in its place says goodbye all the same.
TEST(Place, ALateFrameOfOneThatHasEndedHidesNoGoodbye) {
  Place place(kSelf, kPatienceMs);
  ASSERT_EQ(place.claim(0, reached(kFirst)), Verdict::kNewHolder);
  ASSERT_EQ(place.claim(100, reached(kSecond)), Verdict::kNewHolder);
  EXPECT_EQ(place.claim(110, of(kFirst)), Verdict::kIgnored);
  EXPECT_FALSE(place.is_claimed_twice(111));
  EXPECT_EQ(place.claim(120, of(kSecond, MessageKind::kGoodbye)), Verdict::kHolder);
}

}  // namespace
}  // namespace polydot::protocol
