#include "node/checkpoint_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "node/checkpoint_folder.h"
#include "node/config_agreement.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

Checkpoint sample(std::uint64_t boundary = 1234, std::uint32_t epoch = 0) {
  Checkpoint checkpoint;
  checkpoint.name = {{7, 9}, epoch, boundary};
  checkpoint.peer = 3;
  checkpoint.peers = 10;
  checkpoint.plan_digest = 0x1234567890abcdef;
  for (int layer = 0; layer < 3; ++layer) {
    auto& shards = checkpoint.layers.emplace_back();
    for (int shard = 0; shard <= layer % 2; ++shard)
      shards.push_back({dnn::Matrix::Random(4 + layer, 3 + shard),
                        layer == 1 ? dnn::Matrix() : dnn::Matrix::Random(4 + layer, 3 + shard)});
  }
  return checkpoint;
}

void expect_equal(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.peer, b.peer);
  EXPECT_EQ(a.peers, b.peers);
  EXPECT_EQ(a.plan_digest, b.plan_digest);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    ASSERT_EQ(a.layers[l].size(), b.layers[l].size());
    for (std::size_t s = 0; s < a.layers[l].size(); ++s) {
      EXPECT_EQ(a.layers[l][s].weights, b.layers[l][s].weights);
      ASSERT_EQ(a.layers[l][s].velocity.size(), b.layers[l][s].velocity.size());
      if (a.layers[l][s].velocity.size() > 0) {
        EXPECT_EQ(a.layers[l][s].velocity, b.layers[l][s].velocity);
      }
    }
  }
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CheckpointFile, ReadsBackAsItWas) {
  const ScratchFolder folder;
  const Checkpoint written = sample();
  ASSERT_TRUE(write_checkpoint(folder.path(), written));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"checkpoint-00000-000000001234.pdck"});
  const auto read = read_checkpoint(folder / checkpoint_file_name(written.name));
  ASSERT_TRUE(read) << read.failure().message;
  expect_equal(*read, written);
  const auto header = read_checkpoint_header(folder / checkpoint_file_name(written.name));
  ASSERT_TRUE(header);
  EXPECT_EQ(identity_digest(*header), identity_digest(written));
}

TEST(CheckpointFile, TheIdentityIsThatOfNameAndPlanNotOfThePeer) {
  const CheckpointHeader one = sample();
  CheckpointHeader other = one;
  other.peer = 4;
  EXPECT_EQ(identity_digest(one), identity_digest(other));
  for (const auto& change :
       {+[](CheckpointHeader& h) { ++h.name.run[1]; }, +[](CheckpointHeader& h) { ++h.name.epoch; },
        +[](CheckpointHeader& h) { ++h.name.boundary; }, +[](CheckpointHeader& h) { ++h.plan_digest; }}) {
    other = one;
    change(other);
    EXPECT_NE(identity_digest(one), identity_digest(other));
  }
}

TEST(CheckpointFile, EveryFlippedBitIsRefused) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_checkpoint(folder.path(), sample()));
  const std::string good = read_text(list(folder.path()).front().path);
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int bit = at < 200 ? 0 : 7; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      write_text(folder / "bad.pdck", bad);
      const auto read = read_checkpoint(folder / "bad.pdck");
      ASSERT_FALSE(read) << "byte " << at << ", bit " << bit;
      expect_data_failure(read, {"bad.pdck"});
    }
}

TEST(CheckpointFile, EveryTornOrPaddedFileIsRefused) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_checkpoint(folder.path(), sample()));
  const std::string good = read_text(list(folder.path()).front().path);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    write_text(folder / "torn.pdck", good.substr(0, size));
    expect_data_failure(read_checkpoint(folder / "torn.pdck"), {"torn.pdck", "damaged"});
    EXPECT_FALSE(read_checkpoint_header(folder / "torn.pdck")) << size;
  }
  write_text(folder / "long.pdck", good + "x");
  expect_data_failure(read_checkpoint(folder / "long.pdck"), {"long.pdck", "bytes instead of"});
  expect_data_failure(read_checkpoint(folder / "none.pdck"), {"none.pdck", "No such file"});
  expect_data_failure(read_checkpoint(folder.path()), {"regular file"});
  write_text(folder / "other.pdck", std::string(200, 'x'));
  expect_data_failure(read_checkpoint(folder / "other.pdck"), {"no checkpoint"});
}

TEST(CheckpointFile, AMissingFolderIsAFailure) {
  const ScratchFolder folder;
  expect_data_failure(write_checkpoint(folder / "none", sample()), {"none", "No such file", "free space"});
}

TEST(CheckpointFile, AFullDiskLeavesNothingUnderTheName) {
  const ScratchFolder folder;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 300;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Outcome written = write_checkpoint(folder.path(), sample());
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  expect_data_failure(written, {"checkpoint-00000-000000001234.pdck", "cannot be written"});
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(CheckpointFolder, KeepsTheTwoNewestCompleteGenerations) {
  const ScratchFolder folder;
  EXPECT_TRUE(list(folder / "none").empty());
  EXPECT_FALSE(newest(folder.path()));
  for (const std::uint64_t boundary : {5, 100, 20, 1000}) {
    ASSERT_TRUE(write_checkpoint(folder.path(), sample(boundary)));
  }
  write_text(folder / "checkpoint-00000-000000000500.pdck", "torn");
  write_text(folder / "checkpoint-00000-000000000200.pdck.partial-77", "torn");
  write_text(folder / "notes.txt", "mine");
  EXPECT_EQ(list(folder.path()).size(), 5U);
  EXPECT_EQ(newest(folder.path())->boundary, 1000U);
  prune(folder.path());
  EXPECT_EQ(
      names_in(folder.path()),
      (std::vector<std::string>{"checkpoint-00000-000000000100.pdck", "checkpoint-00000-000000000500.pdck",
                                "checkpoint-00000-000000001000.pdck", "notes.txt"}));
  // A later epoch is newer, whatever its boundary.
  ASSERT_TRUE(write_checkpoint(folder.path(), sample(50, 1)));
  EXPECT_EQ(newest(folder.path())->boundary, 50U);
  ASSERT_TRUE(start_over(folder.path()));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"notes.txt"});
}

TEST(PlanDigest, IsOfThePlanAndTheDataNotOfTheCluster) {
  const Config one;
  Config other = one;
  other.shared.endpoints = {"a:1"};
  other.shared.cluster_id = std::string(32, '1');
  other.local.threads = 3;
  EXPECT_EQ(plan_digest(one, 5), plan_digest(other, 5));
  EXPECT_NE(plan_digest(one, 5), plan_digest(one, 6));
  other = one;
  other.shared.lr = 0.5;
  EXPECT_NE(plan_digest(one, 5), plan_digest(other, 5));
}

}  // namespace
}  // namespace polydot::node
