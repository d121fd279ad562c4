#include "node/transport/zmq_transport.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/node/scratch_folder.h"
#include "tests/node/zmq_peers.h"

namespace polydot::node {
namespace {

// What ZeroMQ brings lies at 8 mod 16.
bool is_shared(const Payload& payload) {
  return payload.size_bytes() >= 16'384 &&
         reinterpret_cast<std::uintptr_t>(payload.bytes().data()) % 4096 == 0;
}

// All sizes, through sockets and, once the peers know that they share a host, through memory.
class ZmqAllToAll : public testing::TestWithParam<int> {};

TEST_P(ZmqAllToAll, EveryMessageArrivesIntactUnderItsSendersName) {
  const int count = GetParam();
  constexpr std::array<std::size_t, 8> kSizes{0, 1, 1000, 1280, 4096, 8192, 70'001, 1 << 20};
  std::vector<Transport> peers = make_peers(count);
  connect_all(peers);
  const auto size_of = [&](int number) { return kSizes[static_cast<std::size_t>(number) % kSizes.size()]; };
  std::map<std::pair<int, int>, int> heard;  // by sender and receiver: how many, and so which is next

  for (const bool shared : {false, true}) {
    const int first = shared ? static_cast<int>(kSizes.size()) : 0;
    for (int from = 0; from < count; ++from)
      for (int to = 0; to < count; ++to)
        for (int number = first; number < first + static_cast<int>(kSizes.size()) && from != to; ++number)
          peers[static_cast<std::size_t>(from)]->send(
              to, frames_of(from, to, number, pattern(size_of(number), from, to, number)));

    for (int to = 0; to < count; ++to) {
      ZmqTransport& receiver = *peers[static_cast<std::size_t>(to)];
      for (std::size_t left = kSizes.size() * static_cast<std::size_t>(count - 1); left > 0;) {
        const Received received = next(receiver);
        const auto [from, addressee, number] = name_of(received);
        if (number == kGreeting) continue;
        ASSERT_EQ(received.from, from);
        ASSERT_EQ(addressee, to);
        ASSERT_EQ(number, (heard[{from, to}]++)) << "frames of one sender arrive in order";
        const std::size_t size = size_of(number);
        ASSERT_TRUE(same_bytes(received.payload, pattern(size, from, to, number))) << from << " to " << to;
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(received.payload.bytes().data()) % alignof(float), 0U)
            << size;
        ASSERT_EQ(is_shared(received.payload), shared && size > 16'384) << size;
        --left;
      }
      EXPECT_EQ(receiver.counters().frames_refused, 0U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Peers, ZmqAllToAll, testing::Values(3, 5, 10));

// Sends large payloads until one of them came through shared memory: not before the receiver has read its
// invitation.
Payload one_that_is_shared(ZmqTransport& from, ZmqTransport& to, int number) {
  for (;;) {
    from.send(1, frames_of(0, 1, number, pattern(100'000, 0, 1, number)));
    Received received = next(to);
    while (name_of(received)[2] != number) received = next(to);
    if (is_shared(received.payload)) return received.payload;
  }
}

TEST(ZmqTransport, SharesMemoryOnOneHost) {
  std::vector<Transport> peers = make_peers(2);
  connect_all(peers);
  std::vector<Payload> held;
  for (int n = 0; n < 6; ++n) held.push_back(one_that_is_shared(*peers[0], *peers[1], n));
  for (int n = 0; n < 6; ++n)
    EXPECT_TRUE(same_bytes(held[static_cast<std::size_t>(n)], pattern(100'000, 0, 1, n))) << n;
  EXPECT_EQ(peers[1]->counters().frames_refused, 0u);
  EXPECT_EQ(peers[0]->counters().bytes_sent, peers[1]->counters().bytes_received);
  peers.clear();
  EXPECT_TRUE(same_bytes(held[0], pattern(100'000, 0, 1, 0)));
}

TEST(ZmqTransport, SharesMemoryAlsoWithWhoListensOnAFile) {
  const ScratchFolder folder;
  ZmqOptions options{.cluster = kCluster,
                     .endpoints = {"ipc://" + (folder / "a").string(), "ipc://" + (folder / "b").string()}};
  std::vector<Transport> peers;
  for (options.index = 0; options.index < 2; ++options.index) peers.push_back(make(options));
  connect_all(peers);
  EXPECT_TRUE(same_bytes(one_that_is_shared(*peers[0], *peers[1], 3), pattern(100'000, 0, 1, 3)));
  EXPECT_EQ(peers[1]->counters().frames_refused, 0u);
}

// More than may be shared with who lets go of nothing goes through the socket.
TEST(ZmqTransport, WhatCannotBeSharedIsSent) {
  std::vector<Transport> peers = make_peers(2, {.max_queue_bytes = 32 << 20});
  connect_all(peers);
  std::vector<Payload> held{one_that_is_shared(*peers[0], *peers[1], 0)};
  int shared = 0;
  for (int n = 1; n < 100; ++n) {
    peers[0]->send(1, frames_of(0, 1, n, pattern(100'000, 0, 1, n)));
    Received received = next(*peers[1]);
    ASSERT_EQ(name_of(received)[2], n);
    ASSERT_TRUE(same_bytes(received.payload, pattern(100'000, 0, 1, n)));
    shared += is_shared(received.payload);
    held.push_back(std::move(received.payload));
  }
  EXPECT_GE(shared, 8);
  EXPECT_LT(shared, 20);
  for (int n = 0; n < 100; ++n)
    EXPECT_TRUE(same_bytes(held[static_cast<std::size_t>(n)], pattern(100'000, 0, 1, n))) << n;
}

TEST(ZmqTransport, SharesNothingIfToldSo) {
  std::vector<Transport> peers = make_peers(2, {.share_memory = false});
  connect_all(peers);
  for (int n = 0; n < 100; ++n) {
    peers[0]->send(1, frames_of(0, 1, n, pattern(100'000, 0, 1, n)));
    Received received = next(*peers[1]);
    while (name_of(received)[2] != n) received = next(*peers[1]);
    ASSERT_FALSE(is_shared(received.payload));
  }
}

TEST(ZmqTransport, ReleasesThePayloadThatItSent) {
  std::vector<Transport> peers = make_peers(2);
  connect_all(peers);
  Payload payload = pattern(1 << 20, 0, 1, 0);
  const std::weak_ptr<const void> owner = payload.owner();
  peers[0]->send(1, frames_of(0, 1, 0, payload));
  payload = {};
  while (name_of(next(*peers[1]))[2] == kGreeting) continue;
  peers.clear();
  EXPECT_TRUE(owner.expired());
}

TEST(ZmqTransport, ReceivedPayloadOutlivesTheTransport) {
  std::vector<Transport> peers = make_peers(2);
  connect_all(peers);
  peers[0]->send(1, frames_of(0, 1, 0, pattern(50'000, 0, 1, 0)));
  Received received = next(*peers[1]);
  while (name_of(received)[2] == kGreeting) received = next(*peers[1]);
  peers.clear();
  EXPECT_TRUE(same_bytes(received.payload, pattern(50'000, 0, 1, 0)));
}

TEST(ZmqTransport, ClosingSendsWhatIsQueued) {
  std::vector<Transport> peers = make_peers(2, {.linger_ms = 60'000});
  connect_all(peers);
  for (int n = 0; n < 20; ++n) peers[0]->send(1, frames_of(0, 1, n, pattern(1 << 18, 0, 1, n)));
  std::thread closing([&] { peers[0].reset(); });
  for (int n = 0; n < 20;) n += name_of(next(*peers[1]))[2] == n ? 1 : 0;
  closing.join();
}

TEST(ZmqTransport, SlowReceiverIsBoundedInBytes) {
  constexpr std::size_t kSize = 64 << 10;
  constexpr std::size_t kQueue = 1 << 20;
  std::vector<Transport> peers =
      make_peers(3, {.max_queue_bytes = kQueue, .max_payload_bytes = kSize, .linger_ms = 0});
  connect_all(peers);
  const std::uint64_t before = peers[0]->counters().frames_dropped;
  const Payload payload = pattern(kSize, 0, 1, 0);
  // The kernel's buffers take some first. Peer 1 does not read; peer 2 does, and must not suffer.
  for (int n = 0; peers[0]->counters().frames_dropped < before + 1000; ++n) {
    peers[0]->send(1, frames_of(0, 1, n, payload));
    EXPECT_LE(payload.owner().use_count(), 1 + static_cast<long>(kQueue / kSize))
        << "more queued than allowed";
  }
  EXPECT_GT(payload.owner().use_count(), 1) << "what waits is the payload itself, not a copy";
  peers[0]->send(2, frames_of(0, 2, 0));
  while (name_of(next(*peers[2]))[2] == kGreeting) continue;

  // It reads again, and hears from us again.
  constexpr int kLast = 1 << 30;
  for (;;) {
    peers[0]->send(1, frames_of(0, 1, kLast));
    if (name_of(next(*peers[1]))[2] == kLast) break;
  }
}

TEST(ZmqTransport, DropsAndCountsWhatNobodyIsThereToTake) {
  const Listener nobody = make_listener();
  ::close(nobody.fd);
  const Transport peer =
      make({.cluster = kCluster, .index = 0, .endpoints = {"tcp://127.0.0.1:0", nobody.endpoint}});
  const Payload payload = pattern(1000, 0, 1, 0);
  for (int n = 0; n < 100; ++n) peer->send(1, frames_of(0, 1, n, payload));
  EXPECT_EQ(peer->counters().frames_dropped, 100U);
  EXPECT_EQ(peer->counters().bytes_sent, 0U);
  EXPECT_EQ(payload.owner().use_count(), 1);
}

TEST(ZmqTransport, FindsAPeerThatComesBack) {
  Listener first = make_listener();
  const std::string second = "tcp://127.0.0.1:0";
  Transport listening =
      make({.cluster = kCluster, .index = 1, .endpoints = {first.endpoint, second}, .linger_ms = 0});
  ZmqOptions options{
      .cluster = kCluster, .index = 0, .endpoints = {second, listening->bound_endpoint()}, .linger_ms = 0};
  for (int life = 0; life < 3; ++life) {
    const Transport peer = make(options);
    connect(*peer, 0, *listening, 1);
  }
  ::close(first.fd);
}

TEST(ZmqTransport, AdoptsAndClosesAListeningSocket) {
  const Listener listener = make_listener();
  const Listener other = make_listener();
  Transport peer = make({.cluster = kCluster,
                         .index = 0,
                         .endpoints = {listener.endpoint, other.endpoint},
                         .listen_fd = listener.fd});
  EXPECT_EQ(peer->bound_endpoint(), listener.endpoint);
  EXPECT_TRUE(is_open(listener.fd));
  peer.reset();
  EXPECT_FALSE(is_open(listener.fd));
  // The address is free at once.
  peer = make({.cluster = kCluster, .index = 0, .endpoints = {listener.endpoint, other.endpoint}});
  EXPECT_EQ(peer->bound_endpoint(), listener.endpoint);
  ::close(other.fd);
}

}  // namespace
}  // namespace polydot::node
