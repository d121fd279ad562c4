// Names that lead nowhere yet, and addresses that change: by numbers, since there is no other network here.
#include "node/transport/peer_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "node/transport/listed_addresses.h"

namespace polydot::node {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

struct Said {
  std::vector<int> peers;
  std::vector<std::string> lines;
  PeerAddresses::OnAddress on_address() {
    return [this](int peer, const Resolved&) { peers.push_back(peer); };
  }
  PeerAddresses::OnLine on_line() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
};

TEST(PeerAddresses, WhatIsKnownIsTakenAndTheOthersAreWaitedFor) {
  PeerAddresses addresses(
      {parse_endpoint("127.0.0.1:1").value(), parse_endpoint("127.0.0.2:2").value(),
       parse_endpoint("no-such-host.invalid:3").value(), parse_endpoint("localhost:4").value()},
      0);
  Said said;
  addresses.begin(20s, said.on_address(), said.on_line());
  EXPECT_THAT(said.peers, testing::UnorderedElementsAre(1, 3));
  EXPECT_EQ(addresses.address(2), nullptr);
  ASSERT_NE(addresses.address(3), nullptr);
  ASSERT_EQ(said.lines.size(), 1U);
  EXPECT_THAT(said.lines[0], testing::AllOf(HasSubstr("peer 2"), HasSubstr("no-such-host.invalid"),
                                            HasSubstr("asked again")));
  // Asked again, said no more; numbers are never asked for again.
  auto now = PeerAddresses::Clock::now();
  for (int k = 0; k < 30; ++k) {
    addresses.look(now += 2s, said.on_address(), said.on_line());
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(said.lines.size(), 1U);
  EXPECT_EQ(said.peers.size(), 2U);
}

// A name may lead to the new address by now, so it is asked for before its list is called wrong.
TEST(PeerAddresses, WhoComesFromElsewhereIsCalledMisplacedOnceItsNameWasAskedForAgain) {
  PeerAddresses addresses(
      {parse_endpoint("127.0.0.1:1").value(), parse_endpoint("127.0.0.2:2").value(),
       parse_endpoint("localhost:3").value(), parse_endpoint("no-such-host.invalid:4").value()},
      0);
  Said said;
  addresses.begin(20s, said.on_address(), said.on_line());
  const auto begin = PeerAddresses::Clock::now();
  EXPECT_TRUE(addresses.note_misplaced(1, begin)) << "a number leads nowhere else";
  EXPECT_FALSE(addresses.note_misplaced(1, begin + 1h)) << "once";
  EXPECT_FALSE(addresses.note_misplaced(2, begin));
  EXPECT_FALSE(addresses.note_misplaced(2, begin + 2s));
  EXPECT_TRUE(addresses.note_misplaced(2, begin + 6s));
  EXPECT_FALSE(addresses.note_misplaced(2, begin + 7s));
  EXPECT_FALSE(addresses.note_misplaced(3, begin + 1h)) << "nobody knows where it should come from";
}

TEST(ListedAddresses, AnAddressThatChangedCountsNoMore) {
  ListedAddresses listed(3, {parse_endpoint("10.0.0.1:1").value(), {"10.0.0.1"}});
  EXPECT_FALSE(listed.may_be(1, "10.0.0.2"));
  EXPECT_FALSE(listed.is_known("10.0.0.2"));
  listed.set(1, {parse_endpoint("10.0.0.2:1").value(), {"10.0.0.2"}});
  EXPECT_TRUE(listed.may_be(1, "10.0.0.2"));
  EXPECT_FALSE(listed.may_be(2, "10.0.0.2"));
  listed.set(1, {parse_endpoint("10.0.0.9:1").value(), {"10.0.0.9"}});
  EXPECT_TRUE(listed.may_be(1, "10.0.0.9"));
  EXPECT_FALSE(listed.may_be(1, "10.0.0.2"));
  EXPECT_FALSE(listed.is_known("10.0.0.2"));
  EXPECT_FALSE(listed.may_be(1, "127.0.0.1"));
  listed.set(2, {parse_endpoint("10.0.0.1:2").value(), {"10.0.0.1"}});
  EXPECT_TRUE(listed.may_be(2, "127.0.0.5")) << "of this host the system chooses";
}

}  // namespace
}  // namespace polydot::node
