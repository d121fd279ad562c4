// What a peer says on stderr, and what others can make it say.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "node/records/peer_records.h"

namespace polydot::node {
namespace {

std::string said(const std::vector<std::string>& lines) {
  PeerRecords records;
  testing::internal::CaptureStderr();
  for (const std::string& line : lines) records.on_notice(line);
  return testing::internal::GetCapturedStderr();
}

TEST(PeerNotices, AreOneLineEachAndMoveNoCursor) {
  EXPECT_EQ(said({"not let in: peer 3 has a\x1b[2J\nb = \x9b"
                  "1m"}),
            "polydot: not let in: peer 3 has a\\x1b[2J\\nb = \\x9b"
            "1m\n");
}

TEST(PeerNotices, AFloodOfThemIsCutOff) {
  const std::string all = said(std::vector<std::string>(20'000, "not let in: peer 3"));
  const auto lines = std::count(all.begin(), all.end(), '\n');
  EXPECT_GE(lines, 100);
  EXPECT_LE(lines, 1000) << "100 at once, then one a second";
}

}  // namespace
}  // namespace polydot::node
