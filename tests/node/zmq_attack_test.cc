// What one host can do to a peer over its port: memory, connections, names of others. Loopback only.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <thread>

#include "node/transport/listed_addresses.h"
#include "node/transport/zmq_watch.h"
#include "tests/node/zmq_peers.h"
#include "tests/node/zmtp_client.h"

namespace polydot::node {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::size_t resident_bytes() {
  std::size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Two peers that talk, and somebody who sends `piece` again and again, `most_pieces` times at most, after it
// has named itself like the second peer. What memory it cost, until its connection was closed.
struct Siege {
  bool was_cut = false;
  std::size_t sent_bytes = 0, grown_bytes = 0;
};
Siege besiege(const std::string& piece, std::size_t most_pieces) {
  std::vector<Transport> peers = make_peers(2);
  connect_all(peers);
  Siege siege;
  const std::size_t before = resident_bytes();
  std::atomic<bool> over = false;
  std::thread attacker([&] {
    ZmtpClient client(peers[1]->bound_endpoint(), routing_id_of(kCluster, 0, 666));
    std::size_t sent = 0;
    while (sent < most_pieces && client.send_bytes(piece)) ++sent;
    siege.sent_bytes = sent * piece.size();
    siege.was_cut = sent < most_pieces;
    while (!siege.was_cut && !over) siege.was_cut = client.is_closed();
    over = true;
  });
  for (int quiet = 0; quiet < 200 && !over; ++quiet) {
    const std::size_t grown_before = siege.grown_bytes;
    peers[1]->wait(10);
    while (peers[1]->receive()) {
    }
    const std::size_t now = resident_bytes();
    siege.grown_bytes = std::max(siege.grown_bytes, now - std::min(now, before));
    if (siege.grown_bytes > grown_before) quiet = 0;
  }
  over = true;
  attacker.join();
  std::cout << "sent " << siege.sent_bytes / kMiB << " MiB, grown by " << siege.grown_bytes / kMiB
            << " MiB, cut " << siege.was_cut << "\n";
  // The right one was not disturbed.
  EXPECT_EQ(peers[1]->connections_cut(), siege.was_cut ? 1U : 0U);
  connect(*peers[0], 0, *peers[1], 1);
  return siege;
}

// libzmq itself would keep all of it: neither its high-water mark nor its limit for one part counts.
TEST(ZmqAttack, AMessageThatNeverEndsIsCutOff) {
  const Siege siege = besiege(ZmtpClient::frame(std::string(kMiB, 'x'), true), 400);
  EXPECT_TRUE(siege.was_cut);
  EXPECT_LT(siege.grown_bytes, 150 * kMiB);
}

TEST(ZmqAttack, AMessageOfEmptyPartsIsCutOff) {
  std::string parts;
  for (int k = 0; k < 32'768; ++k) parts += ZmtpClient::frame("", true);
  const Siege siege = besiege(parts, 128);  // four million parts, of 64 bytes each in memory
  EXPECT_TRUE(siege.was_cut);
  EXPECT_LT(siege.grown_bytes, 150 * kMiB);
}

// Whole messages are as large as a peer's, and as many as wait for it.
TEST(ZmqAttack, WhoSendsMuchButWholeMessagesIsNotCut) {
  std::vector<Transport> peers = make_peers(3, {.max_queue_bytes = 8 * kMiB, .share_memory = false});
  connect_all(peers);
  const Payload payload = pattern(kMiB, 0, 1, 0);
  for (int round = 0; round < 20; ++round) {
    for (int n = 0; n < 12; ++n)
      for (const int from : {0, 2})
        peers[static_cast<std::size_t>(from)]->send(1, frames_of(from, 1, n, payload));
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 4 == 0 ? 30 : 0));  // it computes
    for (int n = 0; n < 10;) {
      const Received received = next(*peers[1]);
      ASSERT_TRUE(name_of(received)[2] == kGreeting || same_bytes(received.payload, payload));
      ++n;
    }
  }
  while (peers[1]->receive()) {
  }
  peers[1]->wait(50);
  EXPECT_EQ(peers[1]->connections_cut(), 0U);
}

TEST(ZmqAttack, TooManyConnectionsCostTheSilentOnes) {
  std::vector<Transport> peers = make_peers(2);
  connect_all(peers);
  std::vector<ZmtpClient> clients;
  for (int k = 0; k < 60; ++k) clients.emplace_back(peers[1]->bound_endpoint(), "silent" + std::to_string(k));
  int closed = 0;
  while (closed < 20) {
    peers[1]->wait(10);
    closed = 0;
    for (const ZmtpClient& client : clients) closed += client.is_closed();
  }
  EXPECT_FALSE(clients.back().is_closed());
  connect(*peers[0], 0, *peers[1], 1);
}

// A second process of the same peer, elsewhere: neither pushes the other out, and one can tell them apart.
TEST(ZmqAttack, TwoProcessesUnderOneIndexAreHeardApart) {
  Listener first = make_listener();
  const std::string any = "tcp://127.0.0.1:0";
  const Transport hearing = make({.cluster = kCluster, .index = 1, .endpoints = {first.endpoint, any}});
  const std::vector<std::string> endpoints{any, hearing->bound_endpoint()};
  const Transport right = make({.cluster = kCluster, .index = 0, .incarnation = 7, .endpoints = endpoints});
  connect(*right, 0, *hearing, 1);
  const Transport other = make({.cluster = kCluster, .index = 0, .incarnation = 8, .endpoints = endpoints});
  connect(*other, 0, *hearing, 1);
  for (int n = 0; n < 50; ++n) {
    right->send(1, frames_of(0, 1, 2 * n));
    other->send(1, frames_of(0, 1, 2 * n + 1));
    for (int left = 2; left > 0;) {
      const Received received = next(*hearing);
      const int number = name_of(received)[2];
      if (number == kGreeting) continue;
      EXPECT_EQ(received.from, 0);
      EXPECT_EQ(received.incarnation, number % 2 == 0 ? 7U : 8U);
      --left;
    }
  }
  EXPECT_EQ(hearing->counters().frames_refused, 0U);
  ::close(first.fd);
}

// A peer of version 5 is heard, so that its version can be named.
TEST(ZmqAttack, AnIdOfVersion5IsHeardUnderItsIndex) {
  std::vector<Transport> peers = make_peers(3);
  ZmtpClient old(peers[0]->bound_endpoint(), routing_id_of(kCluster, 2, 0).substr(0, 21));
  old.send_bytes(ZmtpClient::frame("header of another version", true) + ZmtpClient::frame("", false));
  const Received received = next(*peers[0]);
  EXPECT_EQ(received.from, 2);
  EXPECT_EQ(received.incarnation, 0U);
}

TEST(ZmqAttack, APeerIsHeardFromItsListedAddressOnly) {
  const Listener own = make_listener();
  // Peer 1 is listed elsewhere (TEST-NET-1), peer 2 on this host.
  const Transport peer = make({.cluster = kCluster,
                               .index = 0,
                               .endpoints = {own.endpoint, "tcp://192.0.2.1:29400", "tcp://127.0.0.1:29400"},
                               .listen_fd = own.fd,
                               .linger_ms = 0});
  const std::string message =
      ZmtpClient::frame(std::string(protocol::kHeaderBytes, 'h'), true) + ZmtpClient::frame("payload", false);
  ZmtpClient posing(peer->bound_endpoint(), routing_id_of(kCluster, 1, 7));
  posing.send_bytes(message);
  ::testing::internal::CaptureStderr();
  while (peer->counters().frames_refused == 0) {
    peer->wait(10);
    EXPECT_FALSE(peer->receive().has_value());
  }
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("peer 1 from 127.0.0.1"), std::string::npos) << line;
  EXPECT_NE(line.find("listed at 192.0.2.1"), std::string::npos) << line;
  ZmtpClient right(peer->bound_endpoint(), routing_id_of(kCluster, 2, 7), "127.0.0.5");
  right.send_bytes(message);
  EXPECT_EQ(next(*peer).from, 2) << "any loopback address is of this host";
}

TEST(ConnectionWatch, CutsOffWhoIsNotListed) {
  zmq::context_t context;
  zmq::socket_t router(context, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, 0);
  WatchOptions options;
  options.max_message_bytes = kMiB;
  options.may_connect = [](std::string_view address) { return address != "127.0.0.7"; };
  ConnectionWatch watch(context, router, options);
  router.bind("tcp://127.0.0.1:0");
  const std::string to = router.get(zmq::sockopt::last_endpoint);
  ZmtpClient listed(to, "a", "127.0.0.6"), unlisted(to, "b", "127.0.0.7");
  while (!unlisted.is_closed()) watch.look(true);
  EXPECT_EQ(watch.cut(), 1U);
  EXPECT_FALSE(listed.is_closed());
}

TEST(ListedAddresses, KnowsWhoMayComeFromWhere) {
  const auto tcp = [](const std::string& host) { return Endpoint{.host = host, .port = 1}; };
  const std::vector<Resolved> list{{tcp("10.0.0.1"), {"10.0.0.1"}},
                                   {tcp("10.0.0.1"), {"10.0.0.1", "10.0.1.1"}},
                                   {tcp("10.0.0.2"), {"10.0.0.2", "fe80::2%eth0", "::ffff:10.0.9.9"}},
                                   {tcp("127.0.0.1"), {"127.0.0.1"}},
                                   {{.scheme = Endpoint::Scheme::kIpc, .path = "/x"}, {}}};
  ListedAddresses listed(static_cast<int>(list.size()), list[0]);
  for (std::size_t p = 0; p < list.size(); ++p) listed.set(static_cast<int>(p), list[p]);
  EXPECT_TRUE(listed.may_be(1, "10.0.1.1"));
  EXPECT_TRUE(listed.may_be(1, "127.0.0.1")) << "it is on our host";
  EXPECT_FALSE(listed.may_be(1, "10.0.0.2"));
  EXPECT_TRUE(listed.may_be(2, "10.0.0.2"));
  EXPECT_TRUE(listed.may_be(2, plain_address("fe80::2%7")));
  EXPECT_TRUE(listed.may_be(2, plain_address("::ffff:10.0.0.2")));
  EXPECT_TRUE(listed.may_be(2, "10.0.9.9"));
  EXPECT_FALSE(listed.may_be(2, "127.0.0.1")) << "it is on another host";
  EXPECT_FALSE(listed.may_be(2, "10.0.0.3"));
  EXPECT_TRUE(listed.may_be(3, "127.0.0.9"));
  EXPECT_TRUE(listed.may_be(3, "::1"));
  EXPECT_TRUE(listed.may_be(4, "127.0.0.1"));
  EXPECT_TRUE(listed.may_be(4, ""));
  EXPECT_TRUE(listed.is_known("10.0.1.1"));
  EXPECT_TRUE(listed.is_known("127.0.0.1"));
  EXPECT_FALSE(listed.is_known("10.0.0.3"));
  EXPECT_EQ(listed.text(1), "10.0.0.1 or 10.0.1.1");
  EXPECT_EQ(plain_address("::1"), "::1");
  EXPECT_EQ(plain_address("::ffff:0:1"), "::ffff:0:1") << "of IPv6";
}

}  // namespace
}  // namespace polydot::node
