// Damage anywhere in a contribution is seen when it is read, whatever was asked for on the way.
#include "protocol/rounds/first_reading.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "protocol/wire/wire.h"

namespace polydot::protocol {
namespace {

using codes::Index;
using codes::PeerSet;

constexpr int kPeers = 4;
constexpr codes::Shape kShape{40'000, 8};  // 3 columns a slice: three slices, the last one shorter
constexpr codes::RoundKey kKey{.epoch = 0, .step = 2, .slot = 1, .attempt = 0};

std::vector<Message> contribution_of(int peer) {
  const Index run = columns_per_slice(kShape.rows, kShape.cols);
  std::vector<Message> slices;
  for (Index first = 0; first < kShape.cols; first += run) {
    const Index cols = std::min(run, kShape.cols - first);
    const auto values =
        std::make_shared<const std::vector<float>>(static_cast<std::size_t>(kShape.rows * cols), 0.5f * peer);
    Message& message = slices.emplace_back();
    message.kind = MessageKind::kContribution;
    message.key = kKey;
    message.rows = static_cast<std::uint32_t>(kShape.rows);
    message.cols = static_cast<std::uint32_t>(cols);
    message.first_col = static_cast<std::uint32_t>(first);
    message.total_cols = static_cast<std::uint32_t>(kShape.cols);
    message.payload = Payload::of_floats(values, 0, values->size());
    message.unread = checksum_of(message.payload.bytes());
  }
  return slices;
}

void damage(Message& slice, std::size_t byte) {
  const auto bytes = slice.payload.bytes();
  auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  copy->at(byte) ^= std::byte{1};
  slice.payload = Payload(copy, *copy);
}

ContributionStore store_with(const std::vector<std::vector<Message>>& contributions) {
  ContributionStore store(kPeers, std::size_t{64} << 20);
  for (std::size_t p = 0; p < contributions.size(); ++p)
    for (const Message& slice : contributions[p]) EXPECT_TRUE(store.add(static_cast<int>(p), slice));
  return store;
}

TEST(FirstReading, WhatIsRightIsReadOnce) {
  ContributionStore store = store_with({contribution_of(0), contribution_of(1), contribution_of(2)});
  const PeerSet present = store.complete(kKey, kShape);
  ASSERT_EQ(present, PeerSet::all(3));
  EXPECT_EQ(store.unread(kKey, present).size(), 9u);
  FirstReading reading(store, kKey, present);
  for (Index end = 1; end <= kShape.cols; ++end) reading.read_to(end);
  EXPECT_TRUE(reading.finish().empty());
  EXPECT_TRUE(store.unread(kKey, present).empty());
  EXPECT_EQ(store.complete(kKey, kShape), present);
}

TEST(FirstReading, NobodyElsesAreRead) {
  std::vector<std::vector<Message>> all{contribution_of(0), contribution_of(1)};
  damage(all[1][0], 0);
  ContributionStore store = store_with(all);
  EXPECT_TRUE(FirstReading(store, kKey, PeerSet::of({0})).finish().empty());
  EXPECT_EQ(store.unread(kKey, PeerSet::of({1})).size(), 3u);
}

// However far the reading had got, and wherever the damage is; a slice that comes again is a new one.
TEST(FirstReading, ADamagedSliceIsForgotten) {
  constexpr std::uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  for (int trial = 0; trial < 24; ++trial) {
    std::vector<std::vector<Message>> all{contribution_of(0), contribution_of(1), contribution_of(2)};
    const std::size_t peer = random() % 3, slice = random() % 3;
    const std::size_t size = all[peer][slice].payload.size_bytes();
    const std::size_t byte = trial == 0 ? 0 : trial == 1 ? size - 1 : random() % size;
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << " peer " << peer << " slice " << slice << " byte "
                                    << byte);
    const Message right = all[peer][slice];
    damage(all[peer][slice], byte);
    ContributionStore store = store_with(all);
    const std::size_t bytes = store.bytes();
    FirstReading reading(store, kKey, PeerSet::all(3));
    Index end = 0;
    while (random() % 4 != 0 && end < kShape.cols)
      reading.read_to(end += 1 + static_cast<Index>(random() % 3));
    const PeerSet wrong = PeerSet::of({static_cast<int>(peer)});
    EXPECT_EQ(reading.finish(), wrong);
    EXPECT_EQ(store.complete(kKey, kShape), PeerSet::all(3) - wrong);
    EXPECT_EQ(store.bytes(), bytes - size);
    EXPECT_TRUE(store.add(static_cast<int>(peer), right));
    EXPECT_EQ(store.complete(kKey, kShape), PeerSet::all(3));
    EXPECT_TRUE(FirstReading(store, kKey, PeerSet::all(3)).finish().empty());
    EXPECT_EQ(store.bytes(), bytes);
  }
}

}  // namespace
}  // namespace polydot::protocol
