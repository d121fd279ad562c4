// One row a step, whatever happened to the peers that wrote them.
#include "node/records/run_history.h"

#include <gtest/gtest.h>

#include "node/files/run_layout.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

class RunHistory : public ::testing::Test {
 protected:
  std::string run() const { return folder_.path().string(); }
  void write(int peer, const std::string& rows) const {
    std::filesystem::create_directories(peer_folder(run(), peer));
    write_text(peer_folder(run(), peer) + kMetricsFile, "step,loss\n" + rows);
  }
  std::string merged(int peers) const {
    EXPECT_TRUE(write_history(run(), peers));
    return read_text(run() + kMetricsFile);
  }

  ScratchFolder folder_;
};

TEST_F(RunHistory, WhatCameAgainCountsOnceAsItWasLast) {
  write(0, "0,a\n1,a\n2,a\n3,a\n1,b\n2,b\n");
  const auto rows = read_history(peer_folder(run(), 0) + kMetricsFile);
  EXPECT_EQ(rows, (std::map<std::uint64_t, std::string>{{0, "0,a"}, {1, "1,b"}, {2, "2,b"}}));
}

TEST_F(RunHistory, DamagedRowsAreLeftOut) {
  write(0, "0,a\n1\n2,a,too many\nx,a\n\n3x,a\n4,a");
  const auto rows = read_history(peer_folder(run(), 0) + kMetricsFile);
  EXPECT_EQ(rows, (std::map<std::uint64_t, std::string>{{0, "0,a"}, {4, "4,a"}}));
  EXPECT_TRUE(read_history(run() + "/none").empty());
}

TEST_F(RunHistory, WhatOnePeerLacksTheOthersHave) {
  write(0, "0,a\n1,a\n5,a\n");  // was away
  write(1, "0,b\n1,b\n2,b\n3,b\n");
  write(3, "4,d\n");
  EXPECT_EQ(merged(4), "step,loss\n0,b\n1,b\n2,b\n3,b\n4,d\n5,a\n");
}

TEST_F(RunHistory, WithoutAnyRowThereIsNone) {
  write(0, "");
  EXPECT_TRUE(write_history(run(), 2));
  EXPECT_FALSE(std::filesystem::exists(run() + kMetricsFile));
}

}  // namespace
}  // namespace polydot::node
