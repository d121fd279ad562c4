// The checker of memory fails when it should, by each of its bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/simulator/memory_checker.h"

namespace polydot::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Memory, WhatGrowsBeyondItsBoundIsNamed) {
  Violations violations;
  MemoryChecker checker({.peers = 8, .rounds_per_step = 5}, violations);
  checker.check(1, 3, {.stored_rounds = 120, .sent_rounds = 50, .due_requests = 512, .given_pieces = 64});
  EXPECT_EQ(violations.count(), 0u);
  checker.check(1, 3, {.stored_rounds = 121});
  checker.check(2, 4, {.sent_rounds = 51});
  checker.check(3, 5, {.due_requests = 513});
  checker.check(4, 6, {.given_pieces = 65});
  checker.check(5, 7, {.given_bytes = (std::size_t{64} << 20) + 1});
  EXPECT_THAT(violations.lines(),
              ElementsAre(HasSubstr("peer 3 keeps 121 rounds of contributions"), HasSubstr("peer 4 keeps 51"),
                          HasSubstr("513 requests of others"), HasSubstr("65 given pieces"),
                          HasSubstr("bytes of given pieces")));
}

}  // namespace
}  // namespace polydot::simulator
