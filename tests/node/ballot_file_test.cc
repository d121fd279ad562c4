// What a peer promised outlives it.
#include "node/checkpoints/ballot_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using protocol::BallotRecord;

class BallotFile : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / kBallotFile; }
  auto read() const { return read_ballot_record(disk_, of_); }

  ScratchFolder folder_;
  FolderDisk disk_{folder_.path()};
  const PeerIdentity of_{{7, 0xfedcba9876543210}, 77, 3, 10};
};

TEST_F(BallotFile, ReadsBackWhatWasKeptLast) {
  const auto none = read();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  constexpr auto kEpoch = protocol::kMostEpoch;
  constexpr auto kNumber = protocol::kMostBallotNumber;
  constexpr std::uint64_t kBoundary = (std::uint64_t{1} << 40) - 1;
  const BallotRecord records[] = {
      {},
      {1, {0, 20}, 7, 6, {1, 30}, 5},
      {kEpoch, {kEpoch, kBoundary}, kNumber, kNumber, {kEpoch, kBoundary}, kNumber},
      {2, {1, 30}, 0, 0, {}}};
  for (const BallotRecord& record : records) {
    ASSERT_TRUE(keep_ballot_record(disk_, of_, record));
    const auto again = read();
    ASSERT_TRUE(again) << again.failure().message;
    EXPECT_EQ(**again, record);
  }
}

TEST_F(BallotFile, ADamagedOneIsAFailureAndNotNone) {
  ASSERT_TRUE(keep_ballot_record(disk_, of_, {1, {}, 7, 0, {}}));
  const std::string good = read_text(file());
  for (std::size_t size = 0; size + 3 < good.size(); size += 5) {
    write_text(file(), good.substr(0, size));
    expect_data_failure(read(), {kBallotFile});
  }
  for (const char* text : {"{}", "[]", "null", "7", "{\"epoch\": \"x\"}", "\xff\xfe"}) {
    write_text(file(), text);
    expect_data_failure(read(), {kBallotFile});
  }
  for (const char* number : {"4294967296", "-1", "1.5", "1e30"}) {
    std::string bad = good;
    const std::string promised = "\"promised\": 7";
    bad.replace(bad.find(promised), promised.size(), "\"promised\": " + std::string(number));
    write_text(file(), bad);
    expect_data_failure(read(), {kBallotFile});
  }
  for (const char* key : {"run", "plan", "peer", "peers", "epoch", "from_epoch", "from_boundary", "promised",
                          "accepted", "target_epoch", "target_boundary", "withdrawn"}) {
    std::string bad = good;
    bad[bad.find(std::string(key) + "\":")] = 'x';
    write_text(file(), bad);
    expect_data_failure(read(), {key});
  }
}

// Such a peer could neither promise nor propose, or would believe in what nobody can name.
TEST_F(BallotFile, WhatNoPeerCanHaveKeptIsAFailure) {
  const BallotRecord records[] = {{protocol::kMostEpoch + 1, {}, 0, 0, {}},
                                  {0, {protocol::kMostEpoch + 1, 0}, 0, 0, {}},
                                  {0, {0, std::uint64_t{1} << 40}, 0, 0, {}},
                                  {0, {}, protocol::kMostBallotNumber + 1, 0, {}},
                                  {0, {}, 0xffffffff, 0, {}, 0xffffffff},
                                  {0, {}, 7, 8, {}},
                                  {0, {}, 7, 0, {}, 8},
                                  {0, {}, 7, 7, {0, std::uint64_t{1} << 40}}};
  for (const BallotRecord& record : records) {
    ASSERT_TRUE(keep_ballot_record(disk_, of_, record));
    expect_data_failure(read(), {kBallotFile, "no ballot record"});
  }
}

TEST_F(BallotFile, ThatOfAnotherIsAFailureAndSaysWhose) {
  ASSERT_TRUE(keep_ballot_record(disk_, of_, {1, {}, 7, 0, {}}));
  const auto expect_of = [&](const PeerIdentity& other, const char* word) {
    expect_failure(read_ballot_record(disk_, other), FailureKind::kDisagreement, {kBallotFile, word});
  };
  expect_of({{8, of_.run[1]}, 77, 3, 10}, "another run");
  expect_of({of_.run, 77, 4, 10}, "another peer");
  expect_of({of_.run, 77, 3, 11}, "another number of peers");
  expect_of({of_.run, 78, 3, 10}, "other settings or data");
  ASSERT_TRUE(read());
}

TEST_F(BallotFile, WhatCannotBeKeptIsNotPromised) {
  FolderDisk none(folder_ / "none");
  EXPECT_FALSE(keep_ballot_record(none, of_, {1, {}, 0, 0, {}}));
}

}  // namespace
}  // namespace polydot::node
