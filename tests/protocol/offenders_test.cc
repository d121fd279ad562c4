// Quarantine: who is wrong again and again is left out for a while, longer each time, and never too many.
#include "protocol/health/offenders.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

namespace polydot::protocol {
namespace {

using codes::PeerSet;

constexpr int kPeers = 10;

class OffendersTest : public ::testing::Test {
 protected:
  // Rounds in which everybody takes part and `wrong` are wrong, until the first change.
  struct Until {
    std::uint64_t rounds = 0;
    Offenders::Change change;
  };
  Until until_change(const PeerSet& wrong, std::uint64_t limit = 100'000) {
    Until until;
    while (until.rounds < limit && until.change.quarantined.empty() && until.change.released.empty()) {
      until.change = offenders_.note(everybody_, wrong);
      ++until.rounds;
    }
    return until;
  }
  void rounds(std::uint64_t count, const PeerSet& wrong) {
    for (std::uint64_t k = 0; k < count; ++k) offenders_.note(everybody_, wrong);
  }

  Offenders offenders_{kPeers};
  const PeerSet everybody_ = PeerSet::all(kPeers), one_ = PeerSet::of({3});
};

TEST_F(OffendersTest, HalfOfAWindowOfRoundsIsEnough) {
  const Until until = until_change(one_);
  EXPECT_EQ(until.rounds, Offenders::kWindow / 2);
  EXPECT_EQ(until.change.quarantined, one_);
  EXPECT_EQ(offenders_.quarantined(), one_);
  EXPECT_EQ(offenders_.offences(3), Offenders::kWindow / 2);
  EXPECT_EQ(offenders_.offences(4), 0u);
}

TEST_F(OffendersTest, LessThanHalfIsNot) {
  for (std::uint64_t k = 0; k < 100 * Offenders::kWindow; ++k)
    offenders_.note(everybody_, k % Offenders::kWindow < Offenders::kWindow / 2 - 1 ? one_ : PeerSet{});
  EXPECT_TRUE(offenders_.quarantined().empty());
  EXPECT_EQ(offenders_.offences(3), 100 * (Offenders::kWindow / 2 - 1));
}

// Only rounds that it took part in count, so who is away does not get better by it.
TEST_F(OffendersTest, RoundsWithoutItDoNotCount) {
  for (std::uint64_t k = 0; k < Offenders::kWindow / 2; ++k) {
    EXPECT_FALSE(offenders_.quarantined().contains(3));
    for (int away = 0; away < 10; ++away) offenders_.note(everybody_ - one_, {});
    offenders_.note(everybody_, one_);
  }
  EXPECT_EQ(offenders_.quarantined(), one_);
}

TEST_F(OffendersTest, CoolDownsDoubleUpToALimitAndEndWithANewTrial) {
  for (std::uint64_t cool_down = Offenders::kFirstCoolDown, times = 0; times < 9; ++times) {
    const Until caught = until_change(one_);
    EXPECT_EQ(caught.rounds, Offenders::kWindow / 2) << "a new trial, not the old record";
    const Until freed = until_change({});
    EXPECT_EQ(freed.rounds, cool_down);
    EXPECT_EQ(freed.change.released, one_);
    EXPECT_TRUE(offenders_.quarantined().empty());
    cool_down = std::min(2 * cool_down, Offenders::kLongestCoolDown);
  }
}

TEST_F(OffendersTest, WhatHappensInQuarantineIsNoOffence) {
  rounds(Offenders::kWindow / 2, one_);
  const std::uint64_t offences = offenders_.offences(3);
  rounds(Offenders::kFirstCoolDown - 1, one_);
  EXPECT_EQ(offenders_.offences(3), offences);
  EXPECT_EQ(offenders_.quarantined(), one_);
}

// Whoever is left out, enough are left; who returns first is the worst; who is right is never left out.
TEST_F(OffendersTest, NeverSoManyThatTooFewAreLeft) {
  const std::uint64_t seed = 5;
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  int narrow = 0, wide = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Offenders offenders(kPeers);
    PeerSet bad;
    for (int p = 0; p < kPeers; ++p)
      if (random() % 3 == 0) bad.insert(p);
    for (std::uint64_t k = 0; k < Offenders::kWindow + random() % 200; ++k) {
      PeerSet wrong, present;
      for (int p = 0; p < kPeers; ++p) {
        if (random() % 5 != 0) present.insert(p);
        if (bad.contains(p) && random() % 4 != 0) wrong.insert(p);
      }
      offenders.note(present, wrong & present);
    }
    EXPECT_TRUE(offenders.quarantined().subset_of(bad));
    PeerSet present;
    for (int p = 0; p < kPeers; ++p)
      if (random() % 4 != 0) present.insert(p);
    for (int least = 0; least <= kPeers; ++least) {
      const PeerSet out = offenders.excluded(present, least), all = offenders.quarantined() & present;
      ASSERT_TRUE(out.subset_of(all));
      EXPECT_GE((present - out).size(), std::min(least, present.size()));
      // As many as possible, and of those that returned nobody is better than who is still out.
      const PeerSet back = all - out;
      (back.empty() ? wide : narrow) += 1;
      if (!back.empty()) {
        EXPECT_EQ((present - out).size(), std::min(least, present.size()));
      }
      for (int returned : back.members())
        for (int p : out.members()) EXPECT_GE(offenders.offences(returned), offenders.offences(p));
    }
  }
  EXPECT_GT(narrow, 0);
  EXPECT_GT(wide, 0);
}

}  // namespace
}  // namespace polydot::protocol
