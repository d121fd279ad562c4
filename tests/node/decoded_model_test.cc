// The weights of a run folder: which files count, and which peers are named.
#include "node/model/decoded_model.h"

#include <gtest/gtest.h>

#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

constexpr std::uint64_t kPlan = 77;

class RunFiles {
 public:
  RunFiles()
      : code(codes::make_polydot({2, 2, 1}, 10).value()),
        network(
            dnn::make_mlp(9, {7, 6}, 3, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy).value()) {}

  // Every peer's checkpoint at `boundary`; returns the weights.
  std::vector<dnn::Matrix> save(std::uint64_t boundary,
                                std::vector<int> peers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                protocol::ClusterId run = {1, 2}) {
    std::vector<dnn::Matrix> weights = dnn::initial_weights(network, boundary);
    for (const int peer : peers) {
      Checkpoint checkpoint;
      checkpoint.of = {run, kPlan, peer, 10};
      checkpoint.id = {0, boundary};
      for (const dnn::Matrix& w : weights) {
        const dnn::Matrix shard = codes::encode_shard(code.shards[0], peer, w);
        checkpoint.layers.push_back({{shard, shard}});
      }
      write(peer, checkpoint);
    }
    return weights;
  }
  void write(int folder_of, const Checkpoint& checkpoint) {
    FolderDisk disk(folder(folder_of));
    POLYDOT_CHECK(disk.make_folder().ok() && write_checkpoint(disk, checkpoint).ok());
  }
  std::string newest(int peer) {
    return checkpoint_file_name(checkpoints_on(FolderDisk(folder(peer))).front());
  }
  Checkpoint read(int peer) { return read_checkpoint(FolderDisk(folder(peer)), newest(peer)).value(); }
  std::filesystem::path folder(int peer) { return peer_folder(scratch.path(), peer) + kCheckpointsFolder; }
  Result<DecodedModel> decode() { return decode_run(code, network, kPlan, scratch.path()); }

  void expect(const std::vector<dnn::Matrix>& weights, const std::vector<std::string>& troubles) {
    const auto model = decode();
    ASSERT_TRUE(model) << model.failure().message;
    for (std::size_t l = 0; l < weights.size(); ++l)
      EXPECT_LE((model->weights[l] - weights[l]).cwiseAbs().maxCoeff(), 1e-5f);
    ASSERT_EQ(model->troubles.size(), troubles.size());
    for (std::size_t i = 0; i < troubles.size(); ++i)
      EXPECT_NE(describe(model->troubles[i]).find(troubles[i]), std::string::npos)
          << describe(model->troubles[i]);
  }

  ScratchFolder scratch;
  codes::ProductCode code;
  dnn::NetworkSpec network;
};

TEST(DecodedModel, IsThatOfTheNewestGeneration) {
  RunFiles run;
  run.save(10);
  const auto weights = run.save(20);
  run.expect(weights, {});
  EXPECT_EQ(run.decode()->id.boundary, 20U);
}

TEST(DecodedModel, NamesWhoWasMissingUnreadableOrWrong) {
  RunFiles run;
  const auto weights = run.save(20, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  Checkpoint wrong = run.read(3);
  wrong.layers[0][0].weights(1, 1) += 1;
  wrong.layers[2][0].weights(0, 0) += 1;
  run.write(3, wrong);
  const auto path = run.folder(6) / run.newest(6);
  std::string bytes = read_text(path);
  bytes[300] = static_cast<char>(bytes[300] ^ 4);
  write_text(path, bytes);
  run.write(7, run.read(2));
  run.expect(weights, {"peer 3: 2 wrong values in layers 0, 2", "peer 6: " + path.string(),
                       "is of peer 2 of 10", "peer 9: no checkpoint"});
}

TEST(DecodedModel, OnlyFilesOfOneRunAndPlanAreCombined) {
  RunFiles run;
  run.save(20, {0, 1, 2}, {5, 5});
  const auto weights = run.save(20, {3, 4, 5, 6, 7, 8, 9});
  Checkpoint other = run.read(4);
  other.of.plan_digest = 78;
  run.write(4, other);
  run.expect(weights, {"peer 0: its checkpoint is of another run", "peer 1", "peer 2",
                       "another configuration or other data"});
}

TEST(DecodedModel, TwoRunsThatBothDecodeAreRefused) {
  RunFiles run;
  run.save(20, {0, 1, 2, 3, 4}, {5, 5});
  run.save(20, {5, 6, 7, 8, 9});
  expect_failure(run.decode(), FailureKind::kRefused, {"two runs"});
}

TEST(DecodedModel, AnOlderGenerationServesIfTheNewestIsTooFew) {
  RunFiles run;
  const auto weights = run.save(10);
  run.save(20, {0, 1, 2, 3});
  run.expect(weights, {});
  const auto model = run.decode();
  EXPECT_EQ(model->id.boundary, 10U);
  ASSERT_EQ(model->skipped.size(), 1U);
  EXPECT_NE(model->skipped[0].find("after 20 steps: 4 of 10"), std::string::npos) << model->skipped[0];
}

TEST(DecodedModel, TooFewOrTooWrongIsRefused) {
  RunFiles run;
  expect_failure(run.decode(), FailureKind::kData, {"no peer left a checkpoint"});
  run.save(20, {0, 1, 2, 3});
  expect_failure(run.decode(), FailureKind::kRefused, {"4 of 10", "peer 4: no checkpoint"});
  run.save(20);
  for (const int peer : {1, 2, 4, 5, 6, 8}) {
    Checkpoint wrong = run.read(peer);
    wrong.layers[1][0].weights.setRandom();
    run.write(peer, wrong);
  }
  expect_failure(run.decode(), FailureKind::kRefused, {"layer 1", "20 steps", "unexplained"});
}

TEST(DecodedModel, AnotherPlanIsADataFailure) {
  RunFiles run;
  run.save(20);
  expect_failure(decode_run(run.code, run.network, kPlan + 1, run.scratch.path()), FailureKind::kData,
                 {"another configuration"});
}

}  // namespace
}  // namespace polydot::node
