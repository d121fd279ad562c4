#include "node/system/patient_clock.h"

#include <gtest/gtest.h>

namespace polydot::node {
namespace {

TEST(PatientClock, MovesWithTheRealOne) {
  PatientClock clock(100);
  EXPECT_EQ(clock.read(5'000'000), 0);
  EXPECT_EQ(clock.read(5'000'030), 30);
  EXPECT_EQ(clock.read(5'000'130), 130);
}

TEST(PatientClock, ALongPauseIsAShortOne) {
  PatientClock clock(100);
  clock.read(0);
  EXPECT_EQ(clock.read(3'600'000), 100);
  EXPECT_EQ(clock.read(3'600'010), 110);
}

TEST(PatientClock, KnowsThatItWasAway) {
  PatientClock clock(100);
  clock.read(5000);
  EXPECT_FALSE(clock.was_away());
  clock.read(5100);
  EXPECT_FALSE(clock.was_away());
  clock.read(5201);
  EXPECT_TRUE(clock.was_away());
  clock.read(5202);
  EXPECT_FALSE(clock.was_away());
}

// The others talk all the time: hearing them takes longer than a pause may.
TEST(PatientClock, WhoHearsWhatItMissedIsNotAwayByThat) {
  PatientClock clock(100);
  std::int64_t real = 0;
  int heard = 0;
  const auto look = [&] {
    return read_and_hear(
        clock, [&] { return real; }, [&](std::int64_t) { ++heard, real += 300; });
  };
  look();
  EXPECT_EQ(heard, 0);
  real += 3000;
  EXPECT_EQ(look(), 200);
  EXPECT_EQ(heard, 1);
  for (int k = 0; k < 5; ++k) real += 1, look();
  EXPECT_EQ(heard, 1);
  real += 3000;
  look();
  EXPECT_EQ(heard, 2);
}

TEST(PatientClock, NeverGoesBack) {
  PatientClock clock(100);
  clock.read(1000);
  EXPECT_EQ(clock.read(10), 0);
  EXPECT_EQ(clock.read(30), 20);
}

}  // namespace
}  // namespace polydot::node
