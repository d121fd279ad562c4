// The switch of the lab without devices: when frames come out, which do not, and in which order.
#include "tools/netlab/switch_fabric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace polydot::netlab {
namespace {

constexpr Nanoseconds kMs = 1'000'000;
constexpr std::size_t kFrameBytes = 1226;  // with its overhead 1250 bytes: 10 us at 1 Gbit/s

struct Arrival {
  Nanoseconds at = 0;
  int port = 0;
  int mark = 0;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

// A frame for the host at `to`; -1: for all. mark: two bytes to know it by.
std::vector<std::byte> frame_to(int to, int mark = 0, std::size_t bytes = kFrameBytes) {
  std::vector<std::byte> frame(bytes, std::byte{0xff});
  if (to >= 0) std::memcpy(frame.data(), mac_address(to).data(), 6);
  frame[14] = std::byte(mark & 255);
  frame[15] = std::byte(mark >> 8);
  return frame;
}

// All that is under way, each frame at the moment when it is due.
std::vector<Arrival> arrivals(SwitchFabric& fabric) {
  std::vector<Arrival> all;
  while (fabric.next_due() != kNever) {
    const Nanoseconds at = fabric.next_due();
    while (const auto delivery = fabric.deliver(at))
      all.push_back(
          {at, delivery->port,
           std::to_integer<int>(delivery->frame[14]) + 256 * std::to_integer<int>(delivery->frame[15])});
  }
  return all;
}

std::vector<LinkOptions> alike(int ports, const LinkOptions& link) {
  return std::vector<LinkOptions>(static_cast<std::size_t>(ports), link);
}

TEST(SwitchFabric, HoldsAFrameForTheDelayOfItsSenderAndNotLess) {
  SwitchFabric fabric({{.delay = 5 * kMs}, {.delay = 2 * kMs}}, 1);
  fabric.take(100, 0, frame_to(1, 7));
  EXPECT_EQ(fabric.next_due(), 100 + 5 * kMs);
  EXPECT_FALSE(fabric.deliver(99 + 5 * kMs).has_value());
  EXPECT_TRUE(fabric.deliver(100 + 5 * kMs).has_value());
  fabric.take(0, 1, frame_to(0, 8));
  EXPECT_EQ(fabric.next_due(), 2 * kMs);
}

TEST(SwitchFabric, DeliversInTheOrderOfTheTimesAndEqualTimesInTheOrderOfSending) {
  SwitchFabric fabric({{.delay = 5 * kMs}, {.delay = 2 * kMs}, {}}, 1);
  fabric.take(0, 0, frame_to(2, 1));
  fabric.take(1 * kMs, 1, frame_to(2, 2));
  fabric.take(3 * kMs, 1, frame_to(2, 3));
  EXPECT_THAT(arrivals(fabric),
              testing::ElementsAre(Arrival{3 * kMs, 2, 2}, Arrival{5 * kMs, 2, 1}, Arrival{5 * kMs, 2, 3}));
}

TEST(SwitchFabric, SendsABroadcastToAllOthersAndAnUnknownAddressNowhere) {
  SwitchFabric fabric(alike(4, {}), 1);
  fabric.take(0, 2, frame_to(-1));
  EXPECT_THAT(arrivals(fabric), testing::ElementsAre(Arrival{0, 0, 0}, Arrival{0, 1, 0}, Arrival{0, 3, 0}));
  fabric.take(0, 2, frame_to(4));
  fabric.take(0, 2, frame_to(2));
  fabric.take(0, 2, std::vector<std::byte>(13));
  EXPECT_THAT(arrivals(fabric), testing::IsEmpty());
}

TEST(SwitchFabric, JitterStaysInItsBoundsSpreadsAndKeepsTheOrder) {
  SwitchFabric fabric(alike(2, {.delay = 5 * kMs, .jitter = 2 * kMs}), 3);
  double sum = 0;
  Nanoseconds least = kNever, most = 0;
  constexpr int kCount = 4000;
  for (int k = 0; k < kCount; ++k) {
    const Nanoseconds now = k * 10 * kMs;  // nobody has to wait for the one before
    fabric.take(now, 0, frame_to(1));
    const Nanoseconds took = arrivals(fabric).at(0).at - now;
    sum += static_cast<double>(took);
    least = std::min(least, took);
    most = std::max(most, took);
  }
  EXPECT_GE(least, 3 * kMs);
  EXPECT_LE(most, 7 * kMs);
  EXPECT_GT(most - least, 39 * kMs / 10);
  EXPECT_NEAR(sum / kCount, 5.0 * kMs, 0.1 * kMs);  // five standard deviations

  for (int k = 0; k < 1000; ++k) fabric.take(kCount * 10 * kMs + k, 0, frame_to(1, k));
  const auto dense = arrivals(fabric);
  ASSERT_EQ(dense.size(), 1000U);
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(dense[static_cast<std::size_t>(k)].mark, k);
}

TEST(SwitchFabric, LosesAsManyAsAskedAndTheSameOnesForTheSameSeed) {
  constexpr int kCount = 20000;
  constexpr double kLoss = 0.05;
  const auto survivors = [](std::uint64_t seed) {
    SwitchFabric fabric(alike(2, {.loss = kLoss}), seed);
    for (int k = 0; k < kCount; ++k) fabric.take(k, 0, frame_to(1, k));
    const auto all = arrivals(fabric);
    EXPECT_EQ(fabric.counters(0).lost + all.size(), static_cast<std::size_t>(kCount));
    EXPECT_EQ(fabric.counters(1).delivered, all.size());
    return all;
  };
  for (const std::uint64_t seed : {1ULL, 2ULL, 1ULL << 40}) {
    SCOPED_TRACE(seed);
    const double lost = kCount - static_cast<double>(survivors(seed).size());
    EXPECT_NEAR(lost, kCount * kLoss, 5 * std::sqrt(kCount * kLoss * (1 - kLoss)));
    EXPECT_EQ(survivors(seed), survivors(seed));
  }
  EXPECT_NE(survivors(1), survivors(2));
  EXPECT_NE(survivors(1), survivors(1ULL << 40));
}

TEST(SwitchFabric, AFrameTakesItsTimeOnTheLinkOfItsSenderAndOnThatOfItsReceiver) {
  constexpr Nanoseconds kFrame = 10'000;
  SwitchFabric fabric(alike(3, {.delay = kMs, .bits_per_second = 1e9}), 1);
  for (int k = 0; k < 3; ++k) fabric.take(0, 0, frame_to(1, k));
  EXPECT_THAT(arrivals(fabric),
              testing::ElementsAre(Arrival{kMs + 2 * kFrame, 1, 0}, Arrival{kMs + 3 * kFrame, 1, 1},
                                   Arrival{kMs + 4 * kFrame, 1, 2}));
  // Two that send to one share its link.
  const Nanoseconds now = 10 * kMs;
  fabric.take(now, 0, frame_to(2, 5));
  fabric.take(now, 1, frame_to(2, 6));
  EXPECT_THAT(arrivals(fabric), testing::ElementsAre(Arrival{now + kMs + 2 * kFrame, 2, 5},
                                                     Arrival{now + kMs + 3 * kFrame, 2, 6}));
}

TEST(SwitchFabric, AQueueHoldsItsTimeAndDropsTheRest) {
  SwitchFabric fabric(alike(2, {.bits_per_second = 1e9}), 1);
  constexpr int kFits = kQueue / 10'000 + 1;
  for (int k = 0; k < kFits + 500; ++k) fabric.take(0, 0, frame_to(1));
  EXPECT_EQ(fabric.counters(0).overflowed, 500U);
  EXPECT_EQ(arrivals(fabric).size(), static_cast<std::size_t>(kFits));
}

TEST(SwitchFabric, OnlyPortsOnEqualSidesReachEachOther) {
  SwitchFabric fabric(alike(4, {}), 1);
  fabric.set_side(1, 1);
  fabric.set_side(2, 1);
  fabric.take(0, 0, frame_to(1));
  fabric.take(0, 1, frame_to(0));
  EXPECT_THAT(arrivals(fabric), testing::IsEmpty());
  EXPECT_EQ(fabric.counters(0).cut, 1U);
  EXPECT_EQ(fabric.counters(1).cut, 1U);
  fabric.take(0, 1, frame_to(2));
  fabric.take(0, 0, frame_to(3));
  EXPECT_EQ(arrivals(fabric).size(), 2U);
  fabric.set_side(1, 0);
  fabric.take(0, 0, frame_to(1));
  EXPECT_EQ(arrivals(fabric).size(), 1U);
}

TEST(LinkOptions, AreFourNumbersWithinTheirBounds) {
  const auto link = parse_link("5000:2000.5:0.05:1e9");
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->delay, 5 * kMs);
  EXPECT_EQ(link->jitter, 2'000'500);
  EXPECT_EQ(link->loss, 0.05);
  EXPECT_EQ(link->bits_per_second, 1e9);
  for (const char* text : {"", "1", "1:1:0", "1:1:0:0:", "1:1:0:0:0", "1:2:0:0", "1:1:1:0", "-1:0:0:0",
                           "x:0:0:0", "nan:0:0:0", "0:0:nan:0", "inf:0:0:0", "0:0:0:1 "})
    EXPECT_FALSE(parse_link(text).ok()) << text;
}

}  // namespace
}  // namespace polydot::netlab
