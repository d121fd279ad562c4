// What cannot run is refused before it starts, with what is wrong and what to do; what just can is not.
#include "node/config/run_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "codes/families/factories.h"
#include "node/config/config.h"
#include "node/data/dataset_loader.h"
#include "node/model/plan_of.h"

namespace polydot::node {
namespace {

using codes::Shape;
using ::testing::HasSubstr;

codes::ProductCode code_of(const char* name, codes::Grid grid, codes::Index peers) {
  return codes::make_code(name, grid, peers).value();
}

TEST(RunLimits, AColumnMustFitAMessageToTheNumber) {
  ASSERT_EQ(kMostColumnNumbers, 262'144);
  const auto code = code_of("polydot", {2, 2, 1}, 10);
  EXPECT_TRUE(check_columns(code, {{524'288, 10}}).ok());
  EXPECT_TRUE(check_columns(code, {{10, 524'288}}).ok()) << "a piece of the shard: a row of it is a column";
  for (const Shape weights : {Shape{524'289, 10}, Shape{10, 524'289}}) {
    const Outcome refused = check_columns(code, {{10, 10}, weights});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.failure().kind, FailureKind::kUsage);
    for (const char* part : {"layer 1", "262145", "262144", "larger grid"})
      EXPECT_THAT(refused.failure().message, HasSubstr(part));
  }
  EXPECT_TRUE(check_columns(code_of("polydot", {3, 1, 1}, 10), {{524'289, 10}}).ok()) << "a larger grid";
}

// A code with shards of their own for the backward pass: of the first layer those are not used.
TEST(RunLimits, ShardsThatNobodyUsesAreNotCounted) {
  const auto code = code_of("mds", {3, 1, 1}, 10);
  ASSERT_EQ(code.shards.size(), 2u);
  const Shape forward = codes::shard_shape(code.shards[0], 600'000, 10);
  const Shape backward = codes::shard_shape(code.shards[1], 600'000, 10);
  ASSERT_LE(forward.rows, kMostColumnNumbers);
  ASSERT_GT(backward.rows, kMostColumnNumbers);
  EXPECT_TRUE(check_columns(code, {{600'000, 10}}).ok());
  EXPECT_FALSE(check_columns(code, {{10, 10}, {600'000, 10}}).ok());
}

TEST(RunLimits, HiddenLayersAreLookedAtWithTheConfiguration) {
  Config config;
  config.shared.hidden = {524'287, 16};  // and a bias
  EXPECT_TRUE(validate(config).ok()) << validate(config).failure().message;
  config.shared.hidden = {16, 524'289};
  const Outcome refused = validate(config);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.failure().message, HasSubstr("layer 1 (524289 outputs)"));
}

dnn::Dataset data(codes::Index features, codes::Index count) {
  return dnn::Dataset::from_floats(Eigen::MatrixXf::Random(features, count),
                                   std::vector<dnn::Label>(static_cast<std::size_t>(count), 0), 1);
}

TEST(RunLimits, MemoryIsThatOfShardsDataActivationsAndContributions) {
  const auto code = code_of("polydot", {2, 2, 1}, 10);
  dnn::TrainingPlan plan;
  plan.network = *dnn::make_mlp(39, {100}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  plan.batch = 64;
  plan.optimizer.momentum = 0.9;
  const double shards = 2.0 * (50 * 20 + 5 * 51), activations = 64 * (40 + 200 + 101 + 20);
  const double values = 39 * (128 + 64);
  const PeerMemory memory = memory_of_peer(code, plan, data(39, 128), data(39, 64));
  EXPECT_DOUBLE_EQ(memory.own, 4.0 * (shards + activations + values));
  EXPECT_DOUBLE_EQ(memory.contribution, 4.0 * (51 * 64));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RunLimits, MoreMemoryThanThereIsIsRefusedByBothNumbers) {
  const PeerMemory peer{7e9, 1e8};
  EXPECT_TRUE(check_memory(peer, 11, {2, 1}, {16.3e9, kInfinity}).ok());
  const Outcome machine = check_memory(peer, 11, {3, 1}, {16e9, kInfinity});
  ASSERT_FALSE(machine.ok());
  EXPECT_EQ(machine.failure().kind, FailureKind::kUsage);
  EXPECT_THAT(machine.failure().message, HasSubstr("3 peers of this network need at least 24.3 GB"));
  EXPECT_THAT(machine.failure().message, HasSubstr("this machine has 16.0 GB left"));
  const Outcome process = check_memory(peer, 11, {1, 1}, {16e9, 4e9});
  ASSERT_FALSE(process.ok());
  EXPECT_THAT(process.failure().message, HasSubstr("8.1 GB"));
  EXPECT_THAT(process.failure().message, HasSubstr("4.0 GB (ulimit -v)"));
  EXPECT_GT(memory_here().machine_bytes, 1e8);
}

// 128 contributions, and not 128 for each of 128 peers.
TEST(RunLimits, ContributionsInSharedMemoryAreThereOnce) {
  dnn::TrainingPlan plan;
  plan.network =
      *dnn::make_mlp(784, {4096, 4096}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  plan.batch = 512;
  const auto code = code_of("polydot", {2, 2, 1}, 128);
  const PeerMemory peer = memory_of_peer(code, plan, data(784, 512), data(784, 64));
  const double once = 128 * (peer.own + peer.contribution), each = 128 * (peer.own + 128 * peer.contribution);
  ASSERT_GT(each, 3 * once);
  const MemoryLimits enough{1.01 * once, kInfinity};
  EXPECT_TRUE(check_memory(peer, 128, all_peers_here(128, false), enough).ok());
  EXPECT_FALSE(check_memory(peer, 128, all_peers_here(128, true), enough).ok());
  EXPECT_TRUE(check_memory(peer, 128, all_peers_here(128, true), {1.01 * each, kInfinity}).ok());
  // When all but the last of them run already, it finds what is left.
  std::vector<std::string> endpoints;
  for (int p = 0; p < 128; ++p) endpoints.push_back("127.0.0.1:" + std::to_string(29400 + p));
  const MemoryLimits left{1.01 * once / 128, kInfinity};
  EXPECT_TRUE(check_memory(peer, 128, one_peer_here(endpoints, 127, false), left).ok());
  EXPECT_FALSE(check_memory(peer, 128, one_peer_here(endpoints, 127, true), left).ok());
}

TEST(RunLimits, PeersOfOtherMachinesShareNothing) {
  const std::vector<std::string> endpoints = {"10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:3", "[fe80::1]:4"};
  EXPECT_EQ(one_peer_here(endpoints, 0, false).sharing, 2);
  EXPECT_EQ(one_peer_here(endpoints, 0, true).sharing, 1);
  EXPECT_EQ(one_peer_here(endpoints, 1, false).sharing, 1);
  EXPECT_EQ(one_peer_here(endpoints, 3, false).sharing, 1);
}

// The default network and the one with hidden 1024, on the embedded digits, fit into a gigabyte.
TEST(RunLimits, DefaultRunsAreNotRefused) {
  for (const std::vector<std::int64_t>& hidden : {Config{}.shared.hidden, {1024}, {1024, 1024}}) {
    Config config;
    config.shared.hidden = hidden;
    const auto digits = load_data(config);
    ASSERT_TRUE(digits.ok());
    const auto plan = plan_of(config.shared, digits->train, digits->test);
    ASSERT_TRUE(plan.ok());
    const auto code = configured_code(config.shared);
    const PeerMemory peer = memory_of_peer(*code, *plan, digits->train, digits->test);
    for (const bool sockets_only : {false, true}) {
      const PeersHere here = all_peers_here(config.shared.peers, sockets_only);
      EXPECT_TRUE(check_memory(peer, config.shared.peers, here, {1e9, 1e9}).ok());
      EXPECT_TRUE(check_run(*code, *plan, digits->train, digits->test, here).ok());
    }
  }
}

}  // namespace
}  // namespace polydot::node
