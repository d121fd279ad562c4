// The simulated network does to frames what it is told to, and counts it.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <vector>

#include "tools/simulator/sim_network.h"

namespace polydot::simulator {
namespace {

constexpr std::uint64_t kSeed = 11;
constexpr std::int64_t kLate = 1'000'000;

protocol::WireFrames frames_with(std::uint32_t number) {
  protocol::WireFrames frames{};
  frames.header[0] = static_cast<std::byte>(number & 0xff);
  frames.header[1] = static_cast<std::byte>(number >> 8);
  frames.payload = protocol::Payload::of_text("payload");
  return frames;
}
std::uint32_t number_of(const protocol::Received& received) {
  return static_cast<std::uint32_t>(received.header[0]) | static_cast<std::uint32_t>(received.header[1]) << 8;
}

// Three peers; 0 sends to 1.
class Link {
 public:
  explicit Link(NetworkOptions options) : network(3, options) {
    std::cout << "network seed " << options.seed << "\n";
    for (int p = 0; p < 3; ++p) ends.push_back(network.endpoint(p));
  }
  void send(std::uint32_t number, int from = 0, int to = 1) {
    ends[static_cast<std::size_t>(from)]->send(to, frames_with(number));
  }
  // What has come to `to` by then.
  std::vector<std::uint32_t> received(std::int64_t until_ms, int to = 1) {
    network.set_now_ms(until_ms);
    std::vector<std::uint32_t> numbers;
    while (const auto one = ends[static_cast<std::size_t>(to)]->receive()) numbers.push_back(number_of(*one));
    return numbers;
  }

  SimNetwork network;
  std::vector<std::unique_ptr<protocol::Transport>> ends;
};

NetworkOptions seeded() {
  NetworkOptions options;
  options.seed = kSeed;
  return options;
}

TEST(SimNetwork, DeliversInOrderWithoutDelays) {
  Link link(seeded());
  for (std::uint32_t k = 0; k < 5; ++k) link.send(k);
  EXPECT_EQ(link.received(0), (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(link.network.counters().reordered, 0u);
}

TEST(SimNetwork, RepeatsAndDelaysAndReorders) {
  NetworkOptions options = seeded();
  options.duplication = 0.5;
  options.most_delay_ms = 20;
  options.straggling = 0.1;
  options.straggle_ms = 500;
  Link link(options);
  for (std::uint32_t k = 0; k < 1000; ++k) link.send(k);
  const auto numbers = link.received(kLate);
  const NetworkCounters& counters = link.network.counters();
  EXPECT_EQ(numbers.size(), 1000u + counters.duplicated);
  EXPECT_NEAR(static_cast<double>(counters.duplicated), 500.0, 60.0);
  EXPECT_NEAR(static_cast<double>(counters.straggled), 150.0, 40.0);
  EXPECT_GT(counters.reordered, 500u);
  for (std::uint32_t k = 0; k < 1000; ++k) EXPECT_GE(std::count(numbers.begin(), numbers.end(), k), 1);
}

// Sees whether one bit, and no more, was flipped.
class BitWatch : public NetworkObserver {
 public:
  void on_send(const Frame& frame, std::span<const std::byte> payload) override {
    sent.assign(frame.header.begin(), frame.header.end());
    sent.insert(sent.end(), payload.begin(), payload.end());
  }
  void on_deliver(const Frame& frame) override { damaged += !frame.intact; }
  std::vector<std::byte> sent;
  int damaged = 0;
};

TEST(SimNetwork, FlipsOneBitOfSomeFrames) {
  BitWatch watch;
  NetworkOptions options = seeded();
  options.corruption = 0.3;
  options.observer = &watch;
  Link link(options);
  int changed = 0;
  for (std::uint32_t k = 0; k < 500; ++k) {
    link.send(k);
    const auto one = link.ends[1]->receive();
    ASSERT_TRUE(one);
    std::vector<std::byte> got = one->header;
    got.insert(got.end(), one->payload.bytes().begin(), one->payload.bytes().end());
    ASSERT_EQ(got.size(), watch.sent.size());
    int bits = 0;
    for (std::size_t b = 0; b < got.size(); ++b)
      bits += std::popcount(static_cast<unsigned>(got[b] ^ watch.sent[b]));
    EXPECT_LE(bits, 1);
    changed += bits;
  }
  EXPECT_GT(changed, 100);
  EXPECT_EQ(watch.damaged, changed);
  EXPECT_EQ(link.network.counters().corrupted, static_cast<std::uint64_t>(changed));
}

TEST(SimNetwork, ACutLinkLosesInOneDirectionUntilItIsHealed) {
  Link link(seeded());
  link.network.cut(0, 1, 100);
  link.send(1);
  link.send(2, 1, 0);
  EXPECT_TRUE(link.received(50).empty());
  EXPECT_EQ(link.received(50, 0), std::vector<std::uint32_t>{2});
  (void)link.received(100);
  link.send(3);
  EXPECT_EQ(link.received(100), std::vector<std::uint32_t>{3});
  EXPECT_EQ(link.network.counters().cut, 1u);
}

TEST(SimNetwork, AClogHoldsEverythingBackAndThenDeliversAll) {
  NetworkOptions options = seeded();
  options.least_delay_ms = options.most_delay_ms = 10;
  Link link(options);
  link.send(1);  // under way already
  link.send(9, 2);
  link.network.clog(0, 1, 200);
  link.send(2);
  EXPECT_EQ(link.received(199), std::vector<std::uint32_t>{9}) << "other links are not clogged";
  EXPECT_EQ(link.received(200), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(link.network.counters().clogged, 2u);
}

TEST(SimNetwork, WhoIsDownHearsNothingAndSaysNothing) {
  for (const bool outlives : {false, true}) {
    NetworkOptions options = seeded();
    options.least_delay_ms = options.most_delay_ms = 10;
    options.frames_outlive_sender = outlives;
    Link link(options);
    link.send(1);        // to 1, which goes down
    link.send(2, 1, 0);  // of its former life
    link.network.set_up(1, false);
    link.send(3);
    link.send(4, 1, 0);
    (void)link.received(5);
    link.network.set_up(1, true);
    link.send(5);
    EXPECT_EQ(link.received(20), std::vector<std::uint32_t>{5});
    EXPECT_EQ(link.received(20, 0), outlives ? std::vector<std::uint32_t>{2} : std::vector<std::uint32_t>{});
  }
}

TEST(SimNetwork, HoldsNoMoreForAReceiverThanItsBound) {
  NetworkOptions options = seeded();
  options.max_queue_bytes = 1000;
  Link link(options);
  for (std::uint32_t k = 0; k < 100; ++k) link.send(k);
  const NetworkCounters& counters = link.network.counters();
  EXPECT_LE(counters.largest_queue_bytes, 1000u);
  const auto numbers = link.received(0);
  EXPECT_EQ(numbers.size() + counters.overflowed, 100u);
  EXPECT_EQ(numbers.size(), 1000u / (protocol::kHeaderBytes + 7));
  link.send(7);
  EXPECT_EQ(link.received(0), std::vector<std::uint32_t>{7}) << "room again";
}

}  // namespace
}  // namespace polydot::simulator
