#include "node/patient_clock.h"

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
TEST(PatientClock, NeverGoesBack) {
  PatientClock clock(100);
  clock.read(1000);
  EXPECT_EQ(clock.read(10), 0);
  EXPECT_EQ(clock.read(30), 20);
}

}  // namespace
}  // namespace polydot::node
