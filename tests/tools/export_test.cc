// polydot export and eval from outside: a run's weights as a file that others read, wrong shards located.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dnn/reference/reference_training.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "node/data/dataset_loader.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "node/model/plan_of.h"
#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Reads the format with nothing but the standard library: shapes, and every tensor as nested lists.
constexpr const char* kIndependentReader = R"(
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
(length,) = struct.unpack('<Q', raw[:8])
header = json.loads(raw[8:8 + length])
data = raw[8 + length:]
out = {'metadata': header.pop('__metadata__')}
for name, entry in header.items():
    begin, end = entry['data_offsets']
    assert entry['dtype'] == 'F32'
    values = struct.unpack('<%df' % ((end - begin) // 4), data[begin:end])
    shape = entry['shape']
    if len(shape) == 2:
        values = [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
    out[name] = values
print(json.dumps(out))
)";

class Export : public testing::Test {
 protected:
  const Scratch scratch_;
  const std::string data_ = write_tiny_digits(scratch_), run_ = scratch_ / "run",
                    file_ = scratch_ / "model.st";

  json train(const Words& more = {}) {
    const Ended ended = run(
        scratch_,
        join({{"train", "--json", "--quiet", "--out", run_, "--steps", "40"}, tiny_network(data_), more}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return node::parse_json(ended.out);
  }
  Ended export_run() { return run(scratch_, {"export", "--run", run_, "--out", file_, "--force"}); }
  json evaluate() {
    const Ended ended =
        run(scratch_, {"eval", "--model", file_, "--dataset", "idx", "--data", data_, "--json"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return node::parse_json(ended.out);
  }
  json read_independently() {
    const Ended ended =
        Process(scratch_.path(), {"/usr/bin/env", "python3", "-c", kIndependentReader, file_}).wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return node::parse_json(ended.out);
  }
  node::FolderDisk disk(int peer) {
    return node::FolderDisk(node::peer_folder(run_, peer) + node::kCheckpointsFolder);
  }
  std::string newest(int peer) {
    return node::checkpoint_file_name(node::checkpoints_on(disk(peer)).front());
  }
  std::filesystem::path checkpoint(int peer) { return disk(peer).describe(newest(peer)); }
  // A wrong number under right checksums, as a machine that computes wrong would leave it.
  void change_value(int peer, std::size_t layer) {
    node::FolderDisk own = disk(peer);
    node::Checkpoint state = node::read_checkpoint(own, newest(peer)).value();
    state.layers[layer][0].weights(1, 2) += 0.5f;
    ASSERT_TRUE(node::write_checkpoint(own, state));
  }
  void flip_bit(int peer) {
    std::string bytes = read_file(checkpoint(peer));
    bytes[500] = static_cast<char>(bytes[500] ^ 8);
    write_file(checkpoint(peer), bytes);
  }
  // The weights of the uncoded run with the same seed.
  std::vector<dnn::Matrix> truth() {
    const auto data = node::load_data(node::DataSource{"idx", data_}).value();
    node::SharedConfig shared;
    shared.hidden = {16};
    shared.batch = 32;
    shared.steps = 40;
    const auto plan = node::plan_of(shared, data.train, data.test).value();
    return dnn::train_reference<float>(plan, data.train, data.test, nullptr).weights();
  }
  void expect_right() {
    const json tensors = read_independently();
    const std::vector<dnn::Matrix> layers = truth();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const json &weight = tensors.at("layers." + std::to_string(l) + ".weight"),
                 &bias = tensors.at("layers." + std::to_string(l) + ".bias");
      const dnn::Index inputs = layers[l].cols() - 1;
      ASSERT_EQ(weight.size(), static_cast<std::size_t>(layers[l].rows()));
      ASSERT_EQ(weight[0].size(), static_cast<std::size_t>(inputs));
      ASSERT_EQ(bias.size(), weight.size());
      for (dnn::Index i = 0; i < layers[l].rows(); ++i) {
        const auto row = static_cast<std::size_t>(i);
        EXPECT_NEAR(bias[row], layers[l](i, inputs), 1e-4);
        for (dnn::Index j = 0; j < inputs; ++j)
          ASSERT_NEAR(weight[row][static_cast<std::size_t>(j)], layers[l](i, j), 1e-4);
      }
    }
  }
};

TEST_F(Export, AnotherReaderFindsTheWeightsAndEvalTheAccuracy) {
  const json summary = train();
  const Ended exported = export_run();
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr("2 layers after 40 steps, decoded from the shards of 10 of 10 peers"));
  expect_right();
  const json metadata = read_independently().at("metadata");
  EXPECT_EQ(node::parse_json(metadata.at("network").get<std::string>()),
            node::parse_json(
                R"({"inputs":64,"operations":[{"dense":16},{"activation":"smelu","beta":0.5},{"dense":10}],)"
                R"("loss":"cross_entropy"})"));
  EXPECT_EQ(metadata.at("steps"), "40");
  EXPECT_EQ(metadata.at("seed"), "1");
  EXPECT_EQ(metadata.at("located_peers"), "[]");
  EXPECT_GT(node::parse_json(metadata.at("standardisation").get<std::string>()).at("deviation").at(0), 1.0);
  const json evaluation = evaluate();
  EXPECT_EQ(evaluation.at("test_accuracy"), summary.at("test_accuracy"));
  EXPECT_EQ(evaluation.at("samples"), kTinyTestCount);
  const Ended table = run(scratch_, {"eval", "--model", file_, "--dataset", "idx", "--data", data_});
  EXPECT_THAT(table.out, HasSubstr("of 100 test samples"));
}

TEST_F(Export, WrongShardsAreLocatedAndDamagedFilesNamed) {
  train();
  change_value(3, 0);
  flip_bit(6);
  const std::string damaged = checkpoint(6);
  const Ended exported = export_run();
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr("9 of 10 peers"));
  EXPECT_THAT(exported.out, HasSubstr("peer 3: 1 wrong value in layer 0"));
  EXPECT_THAT(exported.out, HasSubstr("peer 6: " + damaged + ": damaged checkpoint"));
  EXPECT_EQ(read_independently().at("metadata").at("located_peers"), "[3]");
  expect_right();
}

TEST_F(Export, BeyondTheBudgetItRefuses) {
  train();
  for (const int peer : {0, 2, 4, 5, 7, 9}) flip_bit(peer);
  const Ended exported = export_run();
  EXPECT_EQ(exported.exit_code, 6) << exported.err;
  EXPECT_THAT(exported.err, HasSubstr("4 of 10 peers' checkpoints are too few"));
  EXPECT_EQ(lines_of(exported.err).size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Export, SharesThatDisagreeTooMuchAreRefused) {
  train();
  for (const int peer : {0, 2, 4, 5}) change_value(peer, 1);  // the same entry, the same error
  const Ended exported = export_run();
  EXPECT_EQ(exported.exit_code, 6) << exported.out << exported.err;
  EXPECT_THAT(exported.err, HasSubstr("refused to decode layer 1"));
}

// What goes wrong in the last update no scrub sees any more, and nobody repairs.
TEST_F(Export, AWrongWeightOfTheLastUpdateIsLocatedToo) {
  train({"--inject", "update:scale:step=39:peer=7:factor=100"});
  const Ended exported = export_run();
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr("peer 7: "));
  expect_right();
}

TEST_F(Export, CheckpointsAreWrittenEveryNStepsAndTwoAreKept) {
  const json every = train({"--checkpoint-every", "7"});
  std::vector<std::uint64_t> boundaries;
  for (const protocol::CheckpointId& id : node::checkpoints_on(disk(4))) boundaries.push_back(id.boundary);
  EXPECT_EQ(boundaries, (std::vector<std::uint64_t>{40, 35}));
  ASSERT_EQ(export_run().exit_code, 0);
  EXPECT_EQ(evaluate().at("test_accuracy"), every.at("test_accuracy"));
}

TEST_F(Export, WhatIsMissingIsNamed) {
  const auto fails = [&](const Words& words, int code, const std::string& part) {
    const Ended ended = run(scratch_, words);
    EXPECT_EQ(ended.exit_code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(part));
    EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  };
  fails({"export"}, 2, "--run DIR");
  fails({"export", "--run", run_}, 2, "--out FILE");
  fails({"export", "--run", run_, "--out", file_}, 2, "config.toml");
  fails({"eval"}, 2, "--model FILE");
  fails({"eval", "--model", file_}, 3, "no such file");
  write_file(file_, "no model");
  fails({"eval", "--model", file_}, 3, "is no safetensors file");
  train({"--steps", "3"});
  ASSERT_EQ(export_run().exit_code, 0);
  fails({"eval", "--model", file_}, 3, "samples of 784 numbers, but the model has 64 inputs");
  fails({"export", "--run", run_, "--out", file_, "--force", "--data", write_tiny_digits(scratch_, 2)}, 3,
        "other data");
  fails({"export", "--run", run_, "--out", scratch_ / "none/m"}, 3, "none/m");
  for (int p = 0; p < 10; ++p) std::filesystem::remove(checkpoint(p));
  fails({"export", "--run", run_, "--out", file_, "--force"}, 3, "no peer left a checkpoint");
}

// Whatever may be replaced: what a run needs, or what the command reads, is no place for what it writes.
TEST_F(Export, NothingThatARunNeedsIsReplaced) {
  train();
  write_file(scratch_ / "own.toml", read_file(run_ + node::kConfigFile));
  std::filesystem::create_symlink(run_ + node::kClusterFile, scratch_ / "link.toml");
  const std::string in_peer = node::peer_folder(run_, 0);
  for (const std::string& path :
       {run_ + node::kConfigFile, run_ + node::kMarkerFile, run_ + node::kSummaryFile,
        in_peer + "/ballot.json", in_peer + node::kLogFile, checkpoint(0).string(), scratch_ / "link.toml"}) {
    SCOPED_TRACE(path);
    const std::string before = read_file(path);
    for (const Words& words : {Words{"export", "--run", run_, "--out", path, "--force"},
                               Words{"init", "--hosts", "a,b", "--out", path, "--force"},
                               Words{"sim", "--seed", "1", "--log", path, "--force"}}) {
      const Ended refused = run(scratch_, words);
      EXPECT_EQ(refused.exit_code, 2) << words[0];
      EXPECT_THAT(refused.err, HasSubstr("is a file of a run: choose another"));
    }
    EXPECT_EQ(read_file(path), before);
  }
  const Ended onto_input = run(scratch_, {"export", "--run", run_, "--config", scratch_ / "own.toml", "--out",
                                          scratch_ / "own.toml", "--force"});
  EXPECT_EQ(onto_input.exit_code, 2);
  EXPECT_THAT(onto_input.err, HasSubstr("is read by this command"));
  const Ended onto_data =
      run(scratch_, {"data", "--dataset", "idx", "--data", data_, "--out", data_, "--force"});
  EXPECT_EQ(onto_data.exit_code, 2);
  EXPECT_THAT(onto_data.err, HasSubstr("is read by this command"));
  // Beside them there is room.
  EXPECT_EQ(run(scratch_, {"export", "--run", run_, "--out", run_ + "/model.st"}).exit_code, 0);
  EXPECT_EQ(run(scratch_, {"export", "--run", run_, "--out", run_ + "/model.st", "--force"}).exit_code, 0);
}

}  // namespace
}  // namespace polydot::tools
