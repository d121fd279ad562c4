#include "codes/base/peer_set.h"

#include <gtest/gtest.h>

namespace polydot::codes {
namespace {

TEST(PeerSet, HoldsPeersOfEveryWord) {
  const std::vector<int> peers = {0, 1, 63, 64, 127, 128, 191, 192, 255};
  const PeerSet set = PeerSet::of(peers);
  EXPECT_EQ(set.members(), peers);
  EXPECT_EQ(set.size(), 9);
  for (int p : peers) EXPECT_TRUE(set.contains(p));
  for (int p : {-1, 2, 62, 65, 254, 256, 1000}) EXPECT_FALSE(set.contains(p)) << p;
  EXPECT_EQ(PeerSet(set.words()), set);
}

TEST(PeerSet, AllIsTheFirstOnes) {
  for (int count : {0, 1, 63, 64, 65, 256}) {
    const PeerSet set = PeerSet::all(count);
    EXPECT_EQ(set.size(), count);
    EXPECT_EQ(set.empty(), count == 0);
    EXPECT_FALSE(set.contains(count));
  }
}

TEST(PeerSet, SetAlgebra) {
  const PeerSet a = PeerSet::of({1, 2, 70}), b = PeerSet::of({2, 70, 200});
  EXPECT_EQ(a & b, PeerSet::of({2, 70}));
  EXPECT_EQ(a | b, PeerSet::of({1, 2, 70, 200}));
  EXPECT_EQ(a - b, PeerSet::of({1}));
  EXPECT_TRUE((a & b).subset_of(a));
  EXPECT_FALSE(a.subset_of(b));
  PeerSet c = a;
  c.erase(70);
  c.erase(3);
  EXPECT_EQ(c, PeerSet::of({1, 2}));
}

TEST(PeerSetDeathTest, RefusesPeersBeyondTheLargest) {
  PeerSet set;
  EXPECT_DEATH(set.insert(kMaxPeers), "broken invariant");
  EXPECT_DEATH(set.insert(-1), "broken invariant");
}

}  // namespace
}  // namespace polydot::codes
