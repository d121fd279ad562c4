// A peer finds what an earlier life left, and nothing of others.
#include "node/process/peer_home.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "node/checkpoints/ballot_file.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using protocol::BallotRecord;

constexpr BallotRecord kRecord{2, {1, 30}, 7, 6, {1, 20}};

class PeerHomeTest : public ::testing::Test {
 protected:
  std::string folder() const { return (folder_ / "run/peer-03").string(); }
  std::filesystem::path checkpoint(std::uint64_t boundary) const {
    return folder() + kCheckpointsFolder + "/" + checkpoint_file_name({0, boundary});
  }
  void write_checkpoint_of(const PeerIdentity& of, std::uint64_t boundary) const {
    FolderDisk disk(folder() + kCheckpointsFolder);
    Checkpoint checkpoint;
    checkpoint.of = of;
    checkpoint.id = {0, boundary};
    ASSERT_TRUE(disk.make_folder());
    ASSERT_TRUE(write_checkpoint(disk, checkpoint));
  }
  // What another life finds.
  std::optional<BallotRecord> settle(const PeerIdentity& of, bool has_lived) const {
    auto home = PeerHome::open(folder());
    EXPECT_TRUE(home.ok());
    EXPECT_TRUE(home->settle(of));
    EXPECT_EQ(home->has_lived(), has_lived);
    return home->record();
  }

  ScratchFolder folder_;
  const PeerIdentity of_{{7, 9}, 77, 3, 10}, other_{{7, 10}, 77, 3, 10};
};

TEST_F(PeerHomeTest, WhatAPeerKeptItFindsAgain) {
  {
    auto home = PeerHome::open(folder());
    ASSERT_TRUE(home);
    ASSERT_TRUE(home->settle(of_));
    EXPECT_FALSE(home->record());
    ASSERT_TRUE(home->keep({}));
    ASSERT_TRUE(home->keep(kRecord));
    write_checkpoint_of(of_, 20);
  }
  EXPECT_EQ(settle(of_, true), kRecord);
  EXPECT_TRUE(std::filesystem::exists(checkpoint(20)));
}

TEST_F(PeerHomeTest, WhatIsOfAnotherRunIsRefusedAndStays) {
  {
    auto home = PeerHome::open(folder());
    ASSERT_TRUE(home->settle(other_));
    ASSERT_TRUE(home->keep(kRecord));
  }
  expect_failure(PeerHome::open(folder())->settle(of_), FailureKind::kUsage,
                 {"ballot.json: is of another run", "another --out"});
  write_checkpoint_of(other_, 20);
  std::filesystem::remove(folder() + "/" + kBallotFile);
  expect_failure(PeerHome::open(folder())->settle(of_), FailureKind::kUsage,
                 {"checkpoint-00000-000000000020.pdck: is of another run", "another --out"});
  EXPECT_TRUE(std::filesystem::exists(checkpoint(20)));
}

TEST_F(PeerHomeTest, ADamagedRecordDoesNotTakeTheCheckpointsAlong) {
  ASSERT_FALSE(settle(of_, false));
  write_checkpoint_of(of_, 20);
  write_text(folder() + "/" + kBallotFile, "{ torn");
  testing::internal::CaptureStderr();
  EXPECT_FALSE(settle(of_, true));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no ballot record"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_TRUE(std::filesystem::exists(checkpoint(20)));
}

TEST_F(PeerHomeTest, IsForOneProcessAtATime) {
  {
    auto home = PeerHome::open(folder());
    ASSERT_TRUE(home);
    EXPECT_EQ(read_text(folder() + kLockFile), std::to_string(getpid()) + "\n");
    expect_failure(PeerHome::open(folder()), FailureKind::kUsage,
                   {"peer-03 is in use by process " + std::to_string(getpid())});
  }
  EXPECT_TRUE(PeerHome::open(folder()));
}

TEST_F(PeerHomeTest, WithoutAFolderItIsInMemory) {
  auto home = PeerHome::open("");
  ASSERT_TRUE(home);
  ASSERT_TRUE(home->settle(of_));
  EXPECT_FALSE(home->record());
  EXPECT_TRUE(home->keep(kRecord));
  EXPECT_TRUE(home->shelf().list().empty());
}

TEST_F(PeerHomeTest, AFolderThatCannotBeIsSaid) {
  write_text(folder_ / "run", "a file");
  expect_data_failure(PeerHome::open(folder()), {"peer-03", "cannot be written"});
}

}  // namespace
}  // namespace polydot::node
