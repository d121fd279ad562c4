// Training at the default sizes, with the kernels that users run, gives the same bits on every processor that
// can run a reproducible build: the simulator's scenarios are too small for these kernels.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <Eigen/Core>
#include <string>

#include "dnn/data/strokes.h"
#include "tests/protocol/sim_run.h"
#include "tests/recorded_hashes.h"

namespace polydot::simulator::testing {
namespace {

using ::polydot::testing::RecordedHashes;

constexpr const char* kRecorded = "tests/simulator/recorded_default_sizes.txt";

const dnn::Dataset& pictures(dnn::StrokesPart part) {
  static const dnn::Dataset train = dnn::make_strokes(dnn::StrokesPart::kTrain, 512);
  static const dnn::Dataset test = dnn::make_strokes(dnn::StrokesPart::kTest, 128);
  return part == dnn::StrokesPart::kTrain ? train : test;
}

// 784-256-128-10, batch 64, momentum 0.9: what `polydot train` does unless told otherwise.
ClusterOptions default_training(const codes::ProductCode& code) {
  ClusterOptions options;
  options.code = code;
  options.plan.network =
      *dnn::make_mlp(784, {256, 128}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  options.plan.batch = 64;
  options.plan.eval_batch = 128;
  options.plan.total_steps = 6;
  return options;
}

std::uint64_t hash_of(const codes::Matrix& matrix, std::uint64_t seed) {
  return XXH3_64bits_withSeed(matrix.data(), static_cast<std::size_t>(matrix.size()) * sizeof(float), seed);
}

TEST(Replay, BlocksOfProductsDoNotFollowTheCaches) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  EXPECT_EQ(Eigen::l1CacheSize(), 32 * 1024);
  EXPECT_EQ(Eigen::l2CacheSize(), 256 * 1024);
  EXPECT_EQ(Eigen::l3CacheSize(), 2 * 1024 * 1024);
}

TEST(Replay, TrainingAtTheDefaultSizesGivesTheRecordedBits) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  RecordedHashes recorded(kRecorded);
  for (const codes::ProductCode& code : {code_of("polydot", {2, 2, 1}, 10), code_of("mds", {6, 6, 1}, 10),
                                         code_of("replication", {2, 2, 1}, 12)}) {
    SimRun run(default_training(code), {}, pictures(dnn::StrokesPart::kTrain),
               pictures(dnn::StrokesPart::kTest));
    run.run();
    run.expect_finished(run.everybody());
    std::uint64_t hash = 0;
    for (int p = 0; p < run.cluster().size(); ++p)
      for (Index l = 0; l < run.cluster().layer_count(); ++l)
        for (const dnn::ShardState& shard : run.cluster().program(p).layer(l).shards())
          hash = hash_of(shard.velocity, hash_of(shard.weights, hash));
    recorded.expect(code.name, hash);
  }
}

TEST(Replay, TheUncodedRunOfTheDefaultSizesGivesTheRecordedBits) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  RecordedHashes recorded(kRecorded);
  const auto plan = default_training(code_of("polydot", {2, 2, 1}, 10)).plan;
  const auto reference = dnn::train_reference<float>(plan, pictures(dnn::StrokesPart::kTrain),
                                                     pictures(dnn::StrokesPart::kTest), nullptr);
  std::uint64_t hash = 0;
  for (const codes::Matrix& weights : reference.weights()) hash = hash_of(weights, hash);
  recorded.expect("reference", hash);
}

}  // namespace
}  // namespace polydot::simulator::testing
