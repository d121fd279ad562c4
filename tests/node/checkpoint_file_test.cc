#include "node/checkpoints/checkpoint_file.h"

#include <gtest/gtest.h>

#include "node/config/config_agreement.h"
#include "node/files/folder_disk.h"
#include "node/files/memory_disk.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

Checkpoint sample(std::uint64_t boundary = 1234, std::uint32_t epoch = 0) {
  Checkpoint checkpoint;
  checkpoint.of = {{7, 9}, 0x1234567890abcdef, 3, 10};
  checkpoint.id = {epoch, boundary};
  for (int layer = 0; layer < 3; ++layer) {
    auto& shards = checkpoint.layers.emplace_back();
    for (int shard = 0; shard <= layer % 2; ++shard)
      shards.push_back({dnn::Matrix::Random(4 + layer, 3 + shard),
                        layer == 1 ? dnn::Matrix() : dnn::Matrix::Random(4 + layer, 3 + shard)});
  }
  return checkpoint;
}

void expect_equal(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.of, b.of);
  EXPECT_EQ(a.id, b.id);
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

const std::string kName = "checkpoint-00000-000000001234.pdck";

TEST(CheckpointFile, ReadsBackAsItWas) {
  const ScratchFolder folder;
  FolderDisk in_folder(folder.path());
  MemoryDisk in_memory;
  for (Disk* disk : {static_cast<Disk*>(&in_folder), static_cast<Disk*>(&in_memory)}) {
    const Checkpoint written = sample();
    ASSERT_TRUE(write_checkpoint(*disk, written));
    EXPECT_EQ(disk->names(), std::vector<std::string>{kName});
    const auto read = read_checkpoint(*disk, kName);
    ASSERT_TRUE(read) << read.failure().message;
    expect_equal(*read, written);
    const auto header = read_checkpoint_header(*disk, kName);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->of, written.of);
    EXPECT_EQ(header->id, written.id);
  }
}

TEST(CheckpointFile, OnlyItsOwnNamesAreNames) {
  EXPECT_EQ(parse_checkpoint_name(kName), (protocol::CheckpointId{0, 1234}));
  EXPECT_EQ(parse_checkpoint_name("checkpoint-00007-1234567890123.pdck"),
            (protocol::CheckpointId{7, 1234567890123}));
  for (const char* name :
       {"checkpoint-0-1234.pdck", "checkpoint-00000-000000001234.pdck.partial", "checkpoint-00000.pdck",
        "checkpoint-00000-000000001234", "checkpoint--0001-000000001234.pdck", "", "notes.txt",
        "checkpoint-99999999999-000000001234.pdck"})
    EXPECT_FALSE(parse_checkpoint_name(name)) << name;
}

TEST(CheckpointFile, EveryFlippedBitIsRefused) {
  const ScratchFolder folder;
  FolderDisk disk(folder.path());
  ASSERT_TRUE(write_checkpoint(disk, sample()));
  const std::string good = read_text(folder / kName);
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int bit = at < 200 ? 0 : 7; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      write_text(folder / "bad.pdck", bad);
      const auto read = read_checkpoint(disk, "bad.pdck");
      ASSERT_FALSE(read) << "byte " << at << ", bit " << bit;
      expect_data_failure(read, {"bad.pdck"});
    }
}

TEST(CheckpointFile, EveryTornOrPaddedFileIsRefused) {
  const ScratchFolder folder;
  FolderDisk disk(folder.path());
  ASSERT_TRUE(write_checkpoint(disk, sample()));
  const std::string good = read_text(folder / kName);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    write_text(folder / "torn.pdck", good.substr(0, size));
    expect_data_failure(read_checkpoint(disk, "torn.pdck"), {"torn.pdck", "damaged"});
    EXPECT_FALSE(read_checkpoint_header(disk, "torn.pdck")) << size;
    EXPECT_TRUE(is_torn(disk, "torn.pdck")) << size;
  }
  write_text(folder / "long.pdck", good + "x");
  expect_data_failure(read_checkpoint(disk, "long.pdck"), {"long.pdck", "bytes instead of"});
  write_text(folder / "other.pdck", std::string(200, 'x'));
  expect_data_failure(read_checkpoint(disk, "other.pdck"), {"no checkpoint"});
  EXPECT_TRUE(is_torn(disk, "long.pdck"));
  EXPECT_TRUE(is_torn(disk, "other.pdck"));
  EXPECT_FALSE(is_torn(disk, kName));
  // What the disk does not give may be whole.
  expect_data_failure(read_checkpoint(disk, "none.pdck"), {"none.pdck", "No such file"});
  expect_data_failure(read_checkpoint(disk, "."), {"regular file"});
  EXPECT_FALSE(is_torn(disk, "none.pdck"));
  EXPECT_FALSE(is_torn(disk, "."));
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
