// Membership is a pure function of what has been heard.
#include "protocol/members/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace polydot::protocol {
namespace {

using codes::PeerSet;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPeers = 10;

std::vector<Heard> random_heard(std::mt19937_64& random) {
  std::vector<Heard> heard(kPeers);
  for (Heard& peer : heard) {
    peer.joined = random() % 2 == 0;
    peer.hears_us = random() % 2 == 0;
    peer.last_message_ms = static_cast<std::int64_t>(random() % 1000);
    peer.mode = static_cast<PeerMode>(1 + random() % kPeerModes);
    peer.punctuality.was_there(random() % 3 != 0);
    if (random() % 4 == 0) peer.goodbye = static_cast<std::uint32_t>(random() % 256);
  }
  return heard;
}

TEST(Membership, EveryOtherPeerIsLiveLateOrGoneAndOnlyOne) {
  constexpr std::uint64_t kSeed = 11;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  for (int trial = 0; trial < 1000; ++trial) {
    const std::vector<Heard> heard = random_heard(random);
    const int self = static_cast<int>(random() % kPeers);
    const MembershipView view = view_of(heard, {self, 1000});
    EXPECT_EQ(view.live | view.late | view.following | view.gone | view.absent, PeerSet::all(kPeers));
    EXPECT_EQ(
        view.live.size() + view.late.size() + view.following.size() + view.gone.size() + view.absent.size(),
        kPeers);
    for (int p = 0; p < kPeers; ++p) {
      if (p == self) continue;
      const Heard& peer = heard[static_cast<std::size_t>(p)];
      EXPECT_EQ(view.gone.contains(p), peer.goodbye.has_value());
      EXPECT_EQ(view.absent.contains(p), !peer.joined && !peer.goodbye);
      const bool there = peer.joined && !peer.goodbye;
      EXPECT_EQ(view.following.contains(p), there && peer.mode == PeerMode::kFollowing);
      EXPECT_EQ(view.late.contains(p),
                there && peer.mode != PeerMode::kFollowing && peer.punctuality.missed());
      EXPECT_EQ(view.joined.contains(p), peer.joined && peer.hears_us && peer.goodbye.value_or(0) == 0);
    }
  }
}

TEST(Membership, TheOwnEntryIsIgnored) {
  std::vector<Heard> heard(kPeers);
  heard[4].punctuality.was_there(false);
  heard[4].goodbye = 0;
  const MembershipView view = view_of(heard, {4, 1000});
  EXPECT_TRUE(view.joined.contains(4));
  EXPECT_TRUE(view.live.contains(4));
  EXPECT_FALSE(view.late.contains(4) || view.gone.contains(4));
}

TEST(Membership, DependsOnNothingButWhoMissedAndWhoLeft) {
  std::mt19937_64 random(12);
  for (int trial = 0; trial < 100; ++trial) {
    const std::vector<Heard> heard = random_heard(random);
    std::vector<Heard> later = heard;
    for (Heard& peer : later) {
      peer.last_message_ms += 1'000'000;
      peer.latest = codes::RoundKey{.step = 1000};
    }
    const MembershipView before = view_of(heard, {0, 1000}), after = view_of(later, {0, 1000});
    EXPECT_EQ(before.joined, after.joined);
    EXPECT_EQ(before.live, after.live);
    EXPECT_EQ(before.late, after.late);
    EXPECT_EQ(before.gone, after.gone);
  }
}

TEST(Membership, AllButTheOwnPeerAreMissingAtFirst) {
  const MembershipView view = view_of(std::vector<Heard>(kPeers), {2, 1000});
  EXPECT_EQ(view.joined, PeerSet::of({2}));
  EXPECT_EQ(view.live, PeerSet::of({2}));
  EXPECT_EQ(view.absent, PeerSet::all(kPeers) - PeerSet::of({2}));
}

TEST(Membership, SaysWhyEachPeerIsNotThere) {
  std::vector<Heard> heard(kPeers);
  heard[3] = {.joined = true, .last_message_ms = 7900, .goodbye = {}, .goodbye_step = 0};
  heard[5].joined = true;
  heard[5].last_message_ms = 5000;
  heard[5].punctuality.was_there(false);
  heard[7] = {.joined = true, .last_message_ms = 9000, .goodbye = 6, .goodbye_step = 40};
  const std::string text = describe(10'000, heard, PeerSet::of({1, 3, 5, 7}));
  EXPECT_EQ(text, "1 (never heard), 3 (silent for 2.1 s), 5 (late, silent for 5.0 s), 7 (left with code 6)");
  heard[2].refusal = "has lr = 0.2, here it is 0.1";
  heard[7].refusal = "speaks wire version 3, this one 8";
  EXPECT_EQ(describe(10'000, heard, PeerSet::of({2, 7})),
            "2 (disagreed, has lr = 0.2, here it is 0.1), "
            "7 (left with code 6, speaks wire version 3, this one 8)");
  EXPECT_EQ(describe(10'000, heard, {}), "");
  EXPECT_THAT(describe(10'000, heard, PeerSet::of({3})), Not(HasSubstr("5 (")));
}

}  // namespace
}  // namespace polydot::protocol
