#include "node/records/peer_status.h"

#include <gtest/gtest.h>

#include "node/transport/control.h"

namespace polydot::node {
namespace {

protocol::Status running() {
  protocol::Status status;
  status.phase = protocol::PeerPhase::kRunning;
  status.mode = protocol::PeerMode::kFollowing;
  status.key = {2, 120, 3, 1};
  status.waiting_since_ms = 3000;
  status.waiting_text = "4 (silent for 2.1 s)";
  return status;
}

TEST(PeerStatus, ReadsBackWhatItSays) {
  protocol::Status status = running();
  status.waiting_for = codes::PeerSet::of({4});
  const std::string text = status_text(3, status, {{0, "live", ""}, {4, "gone", "left with code 4"}}, 5100);
  EXPECT_TRUE(is_control_text(text));
  const auto read = parse_status(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->peer, 3);
  EXPECT_EQ(read->phase, "running");
  EXPECT_EQ(read->mode, "following");
  EXPECT_EQ(read->epoch, 2u);
  EXPECT_EQ(read->step, 120u);
  EXPECT_EQ(read->waits_for, "4 (silent for 2.1 s)");
  EXPECT_EQ(read->waits_ms, 2100);
  ASSERT_EQ(read->others.size(), 2u);
  EXPECT_EQ(read->others[1].peer, 4);
  EXPECT_EQ(read->others[1].state, "gone");
  EXPECT_EQ(read->others[1].reason, "left with code 4");
  // What it waited for before is of no interest.
  EXPECT_EQ(parse_status(status_text(3, running(), {}, 0))->waits_for, "");
}

TEST(PeerStatus, OfTheLargestClusterFitsAnAnswer) {
  std::vector<protocol::Member> members;
  for (int p = 0; p < codes::kMaxPeers; ++p)
    members.push_back({p, "quarantined", std::string(200, 'x') + "\n\x1b"});
  const std::string text = status_text(0, running(), members, 0);
  EXPECT_LE(text.size(), kMaxAnswerBytes);
  EXPECT_EQ(parse_status(text)->others.size(), std::size_t{codes::kMaxPeers});
  EXPECT_EQ(parse_status(text)->others[0].reason, std::string(200, 'x') + "  ");
}

TEST(PeerStatus, WhatIsNoneIsNone) {
  for (const char* text : {"", "ok", "{}", "[]", "refused: no such order", "{\"peer\": \"x\"}", "\xff"})
    EXPECT_FALSE(parse_status(text)) << text;
}

}  // namespace
}  // namespace polydot::node
