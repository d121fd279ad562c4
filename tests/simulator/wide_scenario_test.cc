// Wide scenarios run the kernels of large products, which those of all other seeds are too small for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codes/kernels/encode.h"
#include "tools/simulator/scenario.h"
#include "tools/simulator/swarm.h"

namespace polydot::simulator {
namespace {

using codes::Index;
using codes::Matrix;
using codes::PassKind;
using ::testing::IsEmpty;

Matrix numbers(Index rows, Index cols) {
  return Matrix::NullaryExpr(
      rows, cols, [](Index r, Index c) { return std::sin(static_cast<float>(37 * r + 11 * c + 1)); });
}

// Whether the product of a peer in this round is another one, in its last bits, than Eigen's: the tiles add
// in another order.
bool runs_in_tiles(const Scenario& scenario, const dnn::Dense& layer, PassKind kind) {
  const codes::Pass& pass = scenario.cluster.code.pass(kind);
  const codes::ShardCode& code = scenario.cluster.code.shards[static_cast<std::size_t>(pass.shard)];
  const codes::Shape shape = codes::shard_shape(code, layer.outputs, layer.inputs + 1);
  const Matrix shard = numbers(shape.rows, shape.cols);
  const Index cols = codes::padded(scenario.cluster.plan.batch, pass.batch_groups) / pass.batch_groups;
  const Matrix operand = numbers(pass.transposed ? shape.rows : shape.cols, cols);
  const Index rows = pass.transposed ? shape.cols : shape.rows;
  Matrix product(rows, cols);
  codes::multiply(pass, shard, operand, 0, rows, product);
  Matrix eigen(rows, cols);
  if (pass.transposed)
    eigen.noalias() = shard.middleCols(0, rows).transpose() * operand;
  else
    eigen.noalias() = shard.middleRows(0, rows) * operand;
  EXPECT_LT((product - eigen).norm(), 1e-4f * eigen.norm());
  return product != eigen;
}

Scenario scenario_of(std::uint64_t seed, bool wide) {
  ScenarioOptions options;
  options.seed = seed;
  options.wide = wide;
  return draw_scenario(options);
}

TEST(WideScenario, ItsHiddenLayersFillTheTilesInBothPassesAndOthersDoNot) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Scenario wide = scenario_of(seed, true), narrow = scenario_of(seed, false);
    const auto layers = wide.cluster.plan.network.layers();
    ASSERT_EQ(layers.size(), 3u);
    for (std::size_t l = 0; l < 2; ++l)
      EXPECT_TRUE(runs_in_tiles(wide, layers[l], PassKind::kForward)) << "seed " << seed << ", layer " << l;
    EXPECT_TRUE(runs_in_tiles(wide, layers[1], PassKind::kBackward)) << "seed " << seed;
    // All else is the same: code, faults, times.
    EXPECT_EQ(wide.cluster.code.name, narrow.cluster.code.name);
    EXPECT_EQ(wide.peers(), narrow.peers());
    EXPECT_EQ(wide.soft_errors, narrow.soft_errors);
    EXPECT_EQ(wide.cluster.patience_ms, narrow.cluster.patience_ms);
    EXPECT_EQ(wide.weights, narrow.weights);
  }
}

TEST(WideScenario, RunsHoldAndAreToldApartInTheirCommand) {
  for (const std::uint64_t seed : {2u, 5u}) {
    ScenarioOptions options;
    options.seed = seed;
    options.peers = 8;
    options.wide = true;
    options.steps = 20;
    options.profile = FaultProfile::kNetwork;
    EXPECT_THAT(replay_command(options), ::testing::HasSubstr(" --wide"));
    const RunResult run = run_scenario(options, EventLog::Detail::kHash);
    EXPECT_THAT(run.violations, IsEmpty()) << replay_command(options);
    EXPECT_GE(run.steps, options.steps);
    options.wide = false;
    EXPECT_NE(run_scenario(options, EventLog::Detail::kHash).log_hash, run.log_hash);
  }
}

}  // namespace
}  // namespace polydot::simulator
