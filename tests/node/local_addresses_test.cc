#include "node/transport/local_addresses.h"

#include <gtest/gtest.h>

namespace polydot::node {
namespace {

TEST(LocalAddresses, LoopbackIsHereAndOtherNetworksAreNot) {
  const LocalAddresses local = LocalAddresses::read();
  for (const char* here : {"127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1", "::1%lo"})
    EXPECT_TRUE(local.contains(here)) << here;
  // Documentation (RFC 5737, 3849), and what only looks like loopback.
  for (const char* elsewhere : {"192.0.2.1", "203.0.113.7", "2001:db8::1", "::ffff:192.0.2.1", "1.127.0.1",
                                "::2", "", "localhost", "::ffff:"})
    EXPECT_FALSE(local.contains(elsewhere)) << elsewhere;
  EXPECT_FALSE(LocalAddresses().contains("10.0.0.1"));
}

}  // namespace
}  // namespace polydot::node
