// What a peer promised outlives it.
#include "node/ballot_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "node/run_folder.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using protocol::BallotRecord;

class BallotFile : public ::testing::Test {
 protected:
  std::string folder() const { return folder_.path().string() + "/"; }
  std::filesystem::path file() const { return folder() + kBallotFile; }

  ScratchFolder folder_;
};

TEST_F(BallotFile, ReadsBackWhatWasKeptLast) {
  const auto none = read_ballot_record(folder());
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  constexpr auto kLargest = std::numeric_limits<std::uint32_t>::max();
  const BallotRecord records[] = {{},
                                  {1, {0, 20}, 7, 6, {1, 30}},
                                  {kLargest,
                                   {kLargest, std::numeric_limits<std::uint64_t>::max()},
                                   kLargest,
                                   kLargest,
                                   {kLargest, (std::uint64_t{1} << 53) + 1}},
                                  {2, {1, 30}, 0, 0, {}}};
  for (const BallotRecord& record : records) {
    ASSERT_TRUE(keep_ballot_record(folder(), record));
    const auto read = read_ballot_record(folder());
    ASSERT_TRUE(read) << read.failure().message;
    EXPECT_EQ(**read, record);
  }
}

TEST_F(BallotFile, ADamagedOneIsAFailureAndNotNone) {
  ASSERT_TRUE(keep_ballot_record(folder(), {1, {}, 7, 0, {}}));
  const std::string good = read_text(file());
  for (std::size_t size = 0; size + 3 < good.size(); size += 5) {
    write_text(file(), good.substr(0, size));
    expect_data_failure(read_ballot_record(folder()), {kBallotFile});
  }
  for (const char* text : {"{}", "[]", "null", "7", "{\"epoch\": \"x\"}", "\xff\xfe"}) {
    write_text(file(), text);
    expect_data_failure(read_ballot_record(folder()), {kBallotFile});
  }
  for (const char* number : {"4294967296", "-1", "1.5", "1e30"}) {
    std::string bad = good;
    const std::string promised = "\"promised\": 7";
    bad.replace(bad.find(promised), promised.size(), "\"promised\": " + std::string(number));
    write_text(file(), bad);
    expect_data_failure(read_ballot_record(folder()), {kBallotFile});
  }
  for (const char* key :
       {"epoch", "from_epoch", "from_boundary", "promised", "accepted", "target_epoch", "target_boundary"}) {
    std::string bad = good;
    bad[bad.find(std::string(key) + "\":")] = 'x';
    write_text(file(), bad);
    expect_data_failure(read_ballot_record(folder()), {key});
  }
}

TEST_F(BallotFile, WhatCannotBeKeptIsNotPromised) {
  EXPECT_FALSE(keep_ballot_record(folder() + "none/", {1, {}, 0, 0, {}}));
}

}  // namespace
}  // namespace polydot::node
