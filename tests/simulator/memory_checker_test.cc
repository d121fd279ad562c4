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
  const MemoryBounds bounds{
      .peers = 8, .rounds_per_step = 5, .round_bytes = 100'000, .step_bytes = 300'000, .decoder_caches = 4};
  MemoryChecker checker(bounds, violations);
  // Two rounds under three attempts and two steps ahead, a hundredth and a KiB each for books.
  constexpr std::size_t kQuota = 6 * (101'000 + 1024) + 2 * (303'000 + 5 * 1024);
  checker.check(1, 3,
                {.stored_rounds = 1000,
                 .stored_bytes = 8 * kQuota,
                 .most_stored_of_one = kQuota,
                 .sent_rounds = 50,
                 .due_requests = 512,
                 .given_pieces = 64,
                 .given_bytes = std::size_t{64} << 20,
                 .unsent_messages = 65536,
                 .most_abstained_of_one = 1024,
                 .helped_rounds = 150,
                 .decoder_bytes = std::size_t{4 * 32} << 20});
  EXPECT_EQ(violations.count(), 0u);
  checker.check(1, 3, {.stored_bytes = 8 * kQuota + 1});
  checker.check(1, 3, {.most_stored_of_one = kQuota + 1});
  checker.check(2, 4, {.sent_rounds = 51});
  checker.check(3, 5, {.due_requests = 513});
  checker.check(4, 6, {.given_pieces = 65});
  checker.check(5, 7, {.given_bytes = (std::size_t{64} << 20) + 1});
  checker.check(6, 0, {.unsent_answers = 1});
  checker.check(6, 0, {.unsent_messages = 65537});
  checker.check(6, 0, {.most_abstained_of_one = 1025});
  checker.check(6, 0, {.helped_rounds = 151});
  checker.check(6, 0, {.decoder_bytes = (std::size_t{4 * 32} << 20) + 1});
  EXPECT_THAT(violations.lines(),
              ElementsAre(HasSubstr("peer 3 keeps"), HasSubstr("bytes of one peer's contributions"),
                          HasSubstr("peer 4 keeps 51"), HasSubstr("513 requests of others"),
                          HasSubstr("65 given pieces"), HasSubstr("bytes of given pieces"),
                          HasSubstr("1 answers to requests"), HasSubstr("unsent messages"),
                          HasSubstr("rounds that one peer abstains from"), HasSubstr("rounds in which it helped"),
                          HasSubstr("bytes of decoders")));
}

}  // namespace
}  // namespace polydot::simulator
