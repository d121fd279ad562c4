// The checker of samples fails when it should: each violation is fed to it by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/simulator/lineage_checker.h"

namespace polydot::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Four samples, two steps to an epoch of the data.
class Lineage : public ::testing::Test {
 protected:
  Lineage() : checker_(4, violations_) {}
  void commit(std::uint64_t step, const std::vector<std::uint32_t>& batch, std::uint32_t epoch = 0,
              int peer = 0) {
    checker_.on_commit(1, peer, epoch, step, step / 2, batch);
  }

  Violations violations_;
  LineageChecker checker_;
};

TEST_F(Lineage, EachSampleOnceIsRight) {
  for (int p : {0, 1}) {
    commit(0, {3, 1}, 0, p);
    commit(1, {0, 2}, 0, p);
    commit(2, {2, 3}, 0, p);
  }
  checker_.check(2, 3);
  EXPECT_THAT(violations_.lines(), IsEmpty());
}

TEST_F(Lineage, OneTwiceOrNeverIsNot) {
  commit(0, {3, 1});
  commit(1, {0, 3});
  commit(2, {1, 1});
  checker_.check(2, 3);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("epoch 0 of the data takes sample 2 0 times"),
                                               HasSubstr("epoch 1 of the data takes sample 1 2 times")));
}

TEST_F(Lineage, AStepThatNobodyCommittedShows) {
  commit(0, {3, 1});
  commit(2, {0, 2});
  checker_.check(2, 3);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("nobody has committed step 1 of 3")));
}

TEST_F(Lineage, TwoPeersTrainOnTheSame) {
  commit(0, {3, 1}, 0, 0);
  commit(0, {1, 3}, 0, 1);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("batch: peer 1")));
}

TEST_F(Lineage, WhatARollbackUndidDoesNotCount) {
  commit(0, {3, 1}, 0);
  commit(1, {3, 1}, 0);
  commit(1, {0, 2}, 1);
  commit(1, {3, 1}, 0, 2);  // has not heard of it
  commit(2, {0, 1}, 1);
  checker_.check(2, 3);
  EXPECT_THAT(violations_.lines(), IsEmpty());
}

}  // namespace
}  // namespace polydot::simulator
