#include "dnn/data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "dnn/operations/random.h"

namespace polydot::dnn {
namespace {

std::vector<std::uint32_t> copy(std::span<const std::uint32_t> indices) {
  return {indices.begin(), indices.end()};
}

std::vector<std::uint32_t> epoch_order(Sampler& sampler, std::uint64_t epoch) {
  std::vector<std::uint32_t> order;
  for (std::uint64_t s = 0; s < sampler.steps_per_epoch(); ++s) {
    const auto batch = sampler.batch_at(epoch * sampler.steps_per_epoch() + s);
    order.insert(order.end(), batch.begin(), batch.end());
  }
  return order;
}

// The same formulas evaluated by an independent program.
TEST(Random, IsTheSameOnEveryMachine) {
  Random random(1, RandomStream::kSampleOrder, 3);
  EXPECT_EQ(random.next(), 0x5afb4682bd747a5c);
  EXPECT_EQ(random.next(), 0xedc20a6f0afdcf6b);
  EXPECT_EQ(random.next(), 0x262af2a0ba940354);
  EXPECT_EQ(random.next(), 0xfa8c59be4e3b6369);
}

TEST(Random, GaussianHasTheMomentsOfTheNormal) {
  Random random(5, RandomStream::kWeights, 0);
  const int draws = 400'000;
  double moments[5] = {};
  for (int i = 0; i < draws; ++i) {
    const double x = random.gaussian();
    for (int k = 1; k < 5; ++k) moments[k] += std::pow(x, k) / draws;
  }
  EXPECT_NEAR(moments[1], 0, 0.01);
  EXPECT_NEAR(moments[2], 1, 0.01);
  EXPECT_NEAR(moments[3], 0, 0.03);
  EXPECT_NEAR(moments[4], 3, 0.06);
}

TEST(Random, BelowIsUniform) {
  Random random(5, RandomStream::kWeights, 1);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(Sampler, TakesEachSampleExactlyOnceAnEpoch) {
  for (auto [count, batch] :
       {std::pair<Index, Index>{1, 1}, {1, 64}, {10, 4}, {64, 64}, {65, 64}, {1000, 7}}) {
    Sampler sampler(count, batch, 3);
    EXPECT_EQ(sampler.steps_per_epoch(), static_cast<std::uint64_t>((count + batch - 1) / batch));
    std::vector<std::uint32_t> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0u);
    for (std::uint64_t epoch : {0, 1, 5}) {
      std::vector<std::uint32_t> order = epoch_order(sampler, epoch);
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, all) << count << " samples by " << batch;
    }
  }
}

TEST(Sampler, OnlyTheLastBatchOfAnEpochIsSmaller) {
  Sampler sampler(10, 4, 3);
  for (std::uint64_t step = 0; step < 9; ++step)
    EXPECT_EQ(sampler.batch_at(step).size(), step % 3 == 2 ? 2u : 4u);
}

TEST(Sampler, OrderIsTheSameOnEveryMachine) {
  Sampler sampler(10, 4, 42);
  EXPECT_EQ(epoch_order(sampler, 0), (std::vector<std::uint32_t>{4, 9, 5, 2, 3, 8, 0, 6, 7, 1}));
  EXPECT_EQ(epoch_order(sampler, 1), (std::vector<std::uint32_t>{2, 4, 0, 9, 7, 6, 8, 5, 3, 1}));
}

// A peer that comes back asks for any step; what it asked for before must not matter.
TEST(Sampler, OrderIsAFunctionOfSeedAndStepOnly) {
  Sampler forwards(50, 8, 9), backwards(50, 8, 9);
  std::vector<std::vector<std::uint32_t>> batches;
  for (std::uint64_t step = 0; step < 40; ++step) batches.push_back(copy(forwards.batch_at(step)));
  for (std::uint64_t step = 40; step-- > 0;) EXPECT_EQ(copy(backwards.batch_at(step)), batches[step]) << step;
  Sampler other(50, 8, 10);
  EXPECT_NE(copy(other.batch_at(0)), batches[0]);
  EXPECT_NE(batches[0], batches[7]);  // the next epoch's first
}

}  // namespace
}  // namespace polydot::dnn
