// Contributions arrive slice by slice, in any order, again and again; what the store hands out is what was
// sent.
#include "protocol/rounds/contribution_store.h"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <random>

#include "protocol/wire/wire.h"

namespace polydot::protocol {
namespace {

using codes::Index;
using codes::PeerSet;
using codes::RoundKey;
using codes::Shape;

constexpr int kPeers = 10;
constexpr std::size_t kPlenty = std::size_t{64} << 20;

RoundKey key_of(std::uint64_t step, std::uint32_t slot, std::uint32_t attempt = 0) {
  return {0, step, slot, attempt};
}

// The value of entry (row, col) that `peer` sends.
float value_at(int peer, Index row, Index col) {
  return static_cast<float>(peer) + 0.001F * static_cast<float>(row) - 0.5F * static_cast<float>(col);
}

// A slice whose bytes begin at 8 mod 16, as ZeroMQ hands them out.
Payload unaligned(std::span<const float> values) {
  constexpr std::size_t kShift = 8;
  auto storage =
      std::shared_ptr<std::byte[]>(new (std::align_val_t{16}) std::byte[values.size_bytes() + kShift],
                                   [](std::byte* p) { ::operator delete[](p, std::align_val_t{16}); });
  std::memcpy(storage.get() + kShift, values.data(), values.size_bytes());
  const std::span<const std::byte> bytes(storage.get() + kShift, values.size_bytes());
  return Payload(std::move(storage), bytes);
}

std::vector<Message> slices_of(int peer, const RoundKey& key, Shape shape,
                               const PeerSet& set = PeerSet::all(kPeers)) {
  std::vector<Message> slices;
  const Index run = columns_per_slice(shape.rows, shape.cols);
  for (Index first = 0; first < shape.cols; first += run) {
    const Index cols = std::min(run, shape.cols - first);
    std::vector<float> values;
    for (Index c = first; c < first + cols; ++c)
      for (Index r = 0; r < shape.rows; ++r) values.push_back(value_at(peer, r, c));
    Message message;
    message.kind = MessageKind::kContribution;
    message.key = key;
    message.rows = static_cast<std::uint32_t>(shape.rows);
    message.cols = static_cast<std::uint32_t>(cols);
    message.first_col = static_cast<std::uint32_t>(first);
    message.total_cols = static_cast<std::uint32_t>(shape.cols);
    message.set = set;
    message.payload = unaligned(values);
    slices.push_back(std::move(message));
  }
  return slices;
}

void add_all(ContributionStore& store, int peer, const RoundKey& key, Shape shape,
             const PeerSet& set = PeerSet::all(kPeers)) {
  for (const Message& slice : slices_of(peer, key, shape, set)) ASSERT_TRUE(store.add(peer, slice));
}

void expect_values(const ContributionStore& store, const RoundKey& key, int peer, Shape shape) {
  const codes::ContributionView view = store.view(key, peer);
  for (Index c = 0; c < shape.cols; ++c)
    for (Index r = 0; r < shape.rows; ++r)
      ASSERT_EQ(view.column(c, shape.rows)[r], value_at(peer, r, c))
          << "peer " << peer << " (" << r << ", " << c << ")";
}

constexpr Shape kSmall{3, 5};
constexpr Shape kSliced{40'000, 17};  // 3 columns a slice, 6 slices, the last one shorter

TEST(ContributionStore, SlicesAssembleInAnyOrder) {
  constexpr std::uint64_t kSeed = 21;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  ASSERT_EQ(slices_of(0, key_of(0, 0), kSliced).size(), 6u);
  for (int trial = 0; trial < 5; ++trial) {
    ContributionStore store(kPeers, kPlenty);
    std::vector<std::pair<int, Message>> mail;
    for (int peer : {0, 4, 9})
      for (Message& slice : slices_of(peer, key_of(1, 2), kSliced)) mail.emplace_back(peer, std::move(slice));
    std::shuffle(mail.begin(), mail.end(), random);
    std::vector<int> arrived(kPeers, 0);
    for (const auto& [peer, slice] : mail) {
      ASSERT_TRUE(store.add(peer, slice));
      ++arrived[static_cast<std::size_t>(peer)];
      PeerSet expected;
      for (int p : {0, 4, 9})
        if (arrived[static_cast<std::size_t>(p)] == 6) expected.insert(p);
      ASSERT_EQ(store.complete(key_of(1, 2), kSliced), expected);
    }
    for (int peer : {0, 4, 9}) expect_values(store, key_of(1, 2), peer, kSliced);
  }
}

TEST(ContributionStore, ViewsAreAtAddressesOfEightModSixteen) {
  ContributionStore store(kPeers, kPlenty);
  add_all(store, 3, key_of(0, 0), kSmall);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(store.view(key_of(0, 0), 3).slices.front()) % 16, 8u);
  expect_values(store, key_of(0, 0), 3, kSmall);
}

TEST(ContributionStore, RepetitionsChangeNothing) {
  ContributionStore store(kPeers, kPlenty);
  add_all(store, 3, key_of(0, 0), kSliced);
  const std::size_t bytes = store.bytes();
  std::vector<Message> again = slices_of(3, key_of(0, 0), kSliced);
  std::vector<Message> others = slices_of(5, key_of(0, 0), kSliced);
  again[2].payload = others[2].payload;  // not even with other values: the first one stands
  for (const Message& slice : again) EXPECT_TRUE(store.add(3, slice));
  EXPECT_EQ(store.bytes(), bytes);
  expect_values(store, key_of(0, 0), 3, kSliced);
}

TEST(ContributionStore, ARepeatedSliceCompletesNothing) {
  ContributionStore store(kPeers, kPlenty);
  const std::vector<Message> slices = slices_of(3, key_of(0, 0), kSliced);
  for (int k = 0; k < 20; ++k) EXPECT_TRUE(store.add(3, slices[0]));
  EXPECT_TRUE(store.complete(key_of(0, 0), kSliced).empty());
}

TEST(ContributionStore, ContradictorySlicesAreDropped) {
  ContributionStore store(kPeers, kPlenty);
  const std::vector<Message> slices = slices_of(3, key_of(0, 0), kSliced);
  ASSERT_TRUE(store.add(3, slices[0]));
  for (Shape other : {Shape{40'000, 16}, Shape{39'999, 17}, kSmall, Shape{1, 1}})
    for (const Message& slice : slices_of(3, key_of(0, 0), other)) EXPECT_FALSE(store.add(3, slice));
  for (std::size_t k = 1; k < slices.size(); ++k) EXPECT_TRUE(store.add(3, slices[k]));
  EXPECT_EQ(store.complete(key_of(0, 0), kSliced), PeerSet::of({3}));
  expect_values(store, key_of(0, 0), 3, kSliced);
}

TEST(ContributionStore, AnotherShapeThanTheRoundsDoesNotCount) {
  ContributionStore store(kPeers, kPlenty);
  add_all(store, 3, key_of(0, 0), {3, 4});
  add_all(store, 4, key_of(0, 0), {4, 5});
  add_all(store, 5, key_of(0, 0), kSmall);
  EXPECT_EQ(store.complete(key_of(0, 0), kSmall), PeerSet::of({5}));
}

TEST(ContributionStore, NeverHoldsMoreThanItsBound) {
  constexpr std::size_t kBound = 20'000;
  ContributionStore store(kPeers, kBound);
  int stored = 0, dropped = 0;
  for (std::uint64_t step = 0; step < 1000; ++step)
    for (int peer = 0; peer < kPeers; ++peer)
      for (const Message& slice : slices_of(peer, key_of(step, 0), kSmall)) {
        ++(store.add(peer, slice) ? stored : dropped);
        ASSERT_LE(store.bytes_of(peer), kBound);
      }
  EXPECT_GT(stored, 0);
  EXPECT_GT(dropped, 0);
  // What was dropped is as if it had never come, and there is room again once rounds are forgotten.
  EXPECT_TRUE(store.complete(key_of(999, 0), kSmall).empty());
  store.prune_through(key_of(998, 0));
  EXPECT_EQ(store.bytes(), 0u);
  add_all(store, 1, key_of(999, 0), kSmall);
  EXPECT_EQ(store.complete(key_of(999, 0), kSmall), PeerSet::of({1}));
}

TEST(ContributionStore, NobodyTakesTheRoomOfOthers) {
  constexpr std::size_t kBound = 20'000;
  ContributionStore store(kPeers, kBound);
  for (std::uint64_t step = 100; step < 1100; ++step)
    for (const Message& slice : slices_of(7, key_of(step, 0), kSmall)) store.add(7, slice);
  EXPECT_GT(store.bytes_of(7), kBound / 2);
  for (int peer = 0; peer < kPeers; ++peer) add_all(store, peer, key_of(5, 0), kSmall);
  EXPECT_EQ(store.complete(key_of(5, 0), kSmall), PeerSet::all(kPeers));
}

// Later ones can be asked for again when their time comes.
TEST(ContributionStore, LaterRoundsOfAPeerGiveWayToEarlierOnesOfTheSamePeer) {
  constexpr std::size_t kBound = 20'000;
  ContributionStore store(kPeers, kBound);
  std::uint64_t last = 100;
  for (; store.add(7, slices_of(7, key_of(last, 0), kSmall).front()); ++last) {
  }
  add_all(store, 8, key_of(last - 1, 0), kSmall);
  const std::size_t rounds = store.rounds();
  for (std::uint64_t step = 99; step > 89; --step) add_all(store, 7, key_of(step, 0), kSmall);
  EXPECT_EQ(store.rounds(), rounds + 1) << "as many, and the one that only another peer is in";
  EXPECT_LE(store.bytes_of(7), kBound);
  for (std::uint64_t step = 90; step < last - 10; ++step) expect_values(store, key_of(step, 0), 7, kSmall);
  EXPECT_FALSE(store.complete(key_of(last - 1, 0), kSmall).contains(7));
  expect_values(store, key_of(last - 1, 0), 8, kSmall);
  // Not the other way round, and nothing gives way to what never fits.
  EXPECT_FALSE(store.add(7, slices_of(7, key_of(last, 0), kSmall).front()));
  EXPECT_FALSE(store.add(7, slices_of(7, key_of(1, 0), {100, 100}).front()));
  expect_values(store, key_of(90, 0), 7, kSmall);
  store.prune_through(key_of(last, 0));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(ContributionStore, FloodsOfTinyRoundsCannotGrowTheBooks) {
  constexpr std::size_t kBound = 20'000;
  ContributionStore store(kPeers, kBound);
  std::size_t rounds = 0;
  for (std::uint64_t step = 0; step < 100'000; ++step)
    for (const Message& slice : slices_of(0, key_of(step, 0), {1, 1})) rounds += store.add(0, slice);
  EXPECT_GT(rounds, 0u);
  EXPECT_LT(rounds, kBound / 100);  // four bytes a payload, but the books count
}

TEST(ContributionStore, PruningForgetsAllAttemptsUpToTheRoundAndNothingElse) {
  ContributionStore store(kPeers, kPlenty);
  for (const RoundKey& key :
       {key_of(1, 0), key_of(1, 1), key_of(1, 1, 1), key_of(1, 1, 2), key_of(1, 2), key_of(2, 0)})
    add_all(store, 6, key, kSmall);
  store.prune_through(key_of(1, 1, 1));
  for (const RoundKey& key : {key_of(1, 0), key_of(1, 1), key_of(1, 1, 1), key_of(1, 1, 2)})
    EXPECT_TRUE(store.complete(key, kSmall).empty());
  for (const RoundKey& key : {key_of(1, 2), key_of(2, 0)}) expect_values(store, key, 6, kSmall);
  store.prune_through(key_of(2, 0));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(ContributionStore, MostNamedAfterIsOfTheFirstRoundAfter) {
  ContributionStore store(kPeers, kPlenty);
  const PeerSet all = PeerSet::all(kPeers), nine = PeerSet::all(9), eight = PeerSet::all(8);
  EXPECT_EQ(store.most_named_after(key_of(1, 0)), std::nullopt);
  for (int p : {0, 1, 2}) add_all(store, p, key_of(1, 0), kSmall, eight);  // the round itself does not count
  add_all(store, 3, key_of(1, 0, 1), kSmall, eight);                       // nor do its attempts
  EXPECT_EQ(store.most_named_after(key_of(1, 0)), std::nullopt);
  add_all(store, 0, key_of(1, 1), kSmall, all);
  EXPECT_EQ(store.most_named_after(key_of(1, 0)), std::nullopt) << "one voice is none";
  add_all(store, 1, key_of(1, 1), kSmall, all);
  EXPECT_EQ(store.most_named_after(key_of(1, 0)), all);
  for (int p : {2, 3, 4}) add_all(store, p, key_of(1, 1), kSmall, nine);
  for (int p : {5, 6, 7, 8}) add_all(store, p, key_of(1, 2), kSmall, eight);  // a later one does not count
  EXPECT_EQ(store.most_named_after(key_of(1, 0)), nine);
  EXPECT_EQ(store.most_named_after(key_of(1, 0, 2)), nine);
  EXPECT_EQ(store.most_named_after(key_of(1, 1)), eight);
  EXPECT_EQ(store.operand_set(key_of(1, 1), 0), all);
  EXPECT_EQ(store.operand_set(key_of(1, 1), 4), nine);
}

TEST(ContributionStore, KnowsTheLatestAttemptAndTheLatestRoundOfEach) {
  ContributionStore store(kPeers, kPlenty);
  EXPECT_EQ(store.latest_attempt(key_of(1, 1)), 0u);
  EXPECT_EQ(store.latest_of(2), std::nullopt);
  add_all(store, 2, key_of(1, 0, 2), kSmall);
  add_all(store, 2, key_of(1, 1, 0), kSmall);
  add_all(store, 3, key_of(1, 1, 1), kSmall);
  add_all(store, 4, key_of(1, 2, 2), kSmall);
  EXPECT_EQ(store.latest_attempt(key_of(1, 0)), 2u);
  EXPECT_EQ(store.latest_attempt(key_of(1, 1)), 1u);
  EXPECT_EQ(store.latest_attempt(key_of(1, 2)), 2u);
  EXPECT_EQ(store.latest_attempt(key_of(1, 3)), 0u);
  EXPECT_EQ(store.latest_attempt(key_of(2, 1)), 0u);
  EXPECT_EQ(store.latest_of(2), key_of(1, 1, 0));
  EXPECT_EQ(store.latest_of(3), key_of(1, 1, 1));
  EXPECT_EQ(store.latest_of(9), std::nullopt);
}

}  // namespace
}  // namespace polydot::protocol
