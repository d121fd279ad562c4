#include "node/system/rate.h"

#include <gtest/gtest.h>

namespace polydot::node {
namespace {

TEST(Rate, SomeAtOnceThenSoManyASecond) {
  Rate rate(10, 2);
  int given = 0;
  for (int n = 0; n < 100; ++n) given += rate.may(1000);
  EXPECT_EQ(given, 10);
  EXPECT_EQ(rate.take_refused(), 90u);
  EXPECT_EQ(rate.take_refused(), 0u);
  EXPECT_FALSE(rate.may(1400));
  EXPECT_TRUE(rate.may(1500));
  EXPECT_FALSE(rate.may(1500));
  given = 0;
  for (int ms = 1501; ms <= 101'500; ++ms) given += rate.may(ms);
  EXPECT_EQ(given, 200);
  EXPECT_EQ(rate.take_refused(), 100'000u - 200 + 2);
}

TEST(Rate, WhatWasNotUsedIsNotSavedForEver) {
  Rate rate(3, 1);
  int given = 0;
  for (int n = 0; n < 10; ++n) given += rate.may(0);
  for (int n = 0; n < 10; ++n) given += rate.may(1'000'000'000);
  EXPECT_EQ(given, 6);
}

TEST(Rate, AClockThatGoesBackGivesNothing) {
  Rate rate(1, 1000);
  EXPECT_TRUE(rate.may(5000));
  for (int ms = 4999; ms > 0; --ms) EXPECT_FALSE(rate.may(ms));
  EXPECT_TRUE(rate.may(5001));
}

}  // namespace
}  // namespace polydot::node
