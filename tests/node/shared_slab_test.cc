// What one process shares others read, as long as they hold it, whoever else comes, goes or dies.
#include "node/transport/shared_slab.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <iostream>
#include <random>
#include <vector>

#include "tests/node/zmq_peers.h"

namespace polydot::node {
namespace {

constexpr std::size_t kSlot = 100'000;
constexpr SlabSender kSender{kCluster, 7};

SlabReader reader_at(int self) { return SlabReader(kSender, self); }

Payload bytes_of(std::size_t size, int number) { return pattern(size, number, 0, number); }

std::unique_ptr<SlabWriter> writer_for(int readers, int slots = 16) {
  auto writer = SlabWriter::make(kSender, kSlot, slots, readers);
  EXPECT_NE(writer, nullptr);
  return writer;
}

// A reader that has taken the invitation.
SlabReader reader_of(SlabWriter& writer, int self) {
  SlabReader reader = reader_at(self);
  EXPECT_FALSE(writer.is_reading(self));
  EXPECT_FALSE(reader.read(writer.invitation()));
  EXPECT_TRUE(writer.is_reading(self));
  return reader;
}

TEST(SharedSlab, WhatIsSharedIsOneCopyForAll) {
  auto writer = writer_for(3);
  SlabReader first = reader_of(*writer, 1), second = reader_of(*writer, 2);
  const Payload sent = bytes_of(70'001, 5);
  const auto a = writer->share(sent, 1), b = writer->share(sent, 2);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->slot, b->slot);
  EXPECT_EQ(a->fill, b->fill);
  const auto at_first = first.read(*a), at_second = second.read(*b);
  ASSERT_TRUE(at_first && at_second);
  EXPECT_TRUE(same_bytes(*at_first, sent));
  EXPECT_TRUE(same_bytes(*at_second, sent));
}

TEST(SharedSlab, APayloadOutlivesBothEnds) {
  auto writer = writer_for(2);
  std::optional<Payload> held;
  {
    SlabReader reader = reader_of(*writer, 1);
    held = reader.read(*writer->share(bytes_of(50'000, 1), 1));
  }
  writer.reset();
  ASSERT_TRUE(held);
  EXPECT_TRUE(same_bytes(*held, bytes_of(50'000, 1)));
}

TEST(SharedSlab, TheSamePayloadTwiceToOneReaderIsTwoCopies) {
  auto writer = writer_for(2);
  SlabReader reader = reader_of(*writer, 1);
  const Payload sent = bytes_of(1000, 3);
  auto first = reader.read(*writer->share(sent, 1));
  auto second = reader.read(*writer->share(sent, 1));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->bytes().data(), second->bytes().data());
  first.reset();
  const auto other = reader.read(*writer->share(bytes_of(1000, 4), 1));
  EXPECT_TRUE(same_bytes(*second, sent)) << "the slot that was let go of was taken, no other";
}

// Any order of sending, losing, receiving and releasing: what is held never changes, and once all is let go
// of everything is free again.
TEST(SharedSlab, WhatIsHeldNeverChanges) {
  constexpr std::uint64_t kSeed = 11;
  std::cout << "seed " << kSeed << '\n';
  std::mt19937_64 random(kSeed);
  constexpr int kReaders = 4, kSlots = 12;
  auto writer = writer_for(kReaders, kSlots);
  std::vector<SlabReader> readers;
  for (int r = 0; r < kReaders; ++r) readers.push_back(reader_of(*writer, r));
  struct Held {
    Payload payload;
    Payload sent;
  };
  std::vector<std::deque<std::pair<SlabRef, Payload>>> on_the_way(kReaders);
  std::vector<std::vector<Held>> held(kReaders);
  int refused = 0, reused = 0;
  std::uint64_t last_fill = 0;
  for (int n = 0; n < 4000; ++n) {
    const Payload sent = bytes_of(1 + random() % kSlot, n);
    for (int r = 0; r < kReaders; ++r) {
      if (random() % 4 == 0) continue;
      const auto ref = writer->share(sent, r);
      refused += !ref;
      if (!ref) continue;
      reused += ref->fill == last_fill;
      last_fill = ref->fill;
      if (random() % 16 == 0)
        writer->take_back(*ref, r);
      else if (random() % 8 != 0)  // the others are lost
        on_the_way[static_cast<std::size_t>(r)].emplace_back(*ref, sent);
    }
    for (std::size_t r = 0; r < kReaders; ++r) {
      for (; !on_the_way[r].empty() && random() % 2 == 0; on_the_way[r].pop_front()) {
        auto read = readers[r].read(on_the_way[r].front().first);
        ASSERT_TRUE(read) << n;
        held[r].push_back({std::move(*read), on_the_way[r].front().second});
      }
      for (const Held& one : held[r]) ASSERT_TRUE(same_bytes(one.payload, one.sent)) << n << " reader " << r;
      while (!held[r].empty() && random() % 2 == 0)
        held[r].erase(held[r].begin() + static_cast<std::ptrdiff_t>(random() % held[r].size()));
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(reused, 0);
  on_the_way.assign(kReaders, {});
  held.clear();
  for (int r = 0; r < kReaders; ++r) {
    // The first one after what was lost brings all of it back.
    const auto ref = writer->share(bytes_of(10, 0), r);
    if (ref) readers[static_cast<std::size_t>(r)].read(*ref);
  }
  for (int k = 0; k < kSlots / 2; ++k) EXPECT_TRUE(writer->share(bytes_of(10, k), 0)) << k;
}

TEST(SharedSlab, ASlowReaderHoldsItsShareAndNoMore) {
  auto writer = writer_for(2, 16);
  SlabReader slow = reader_of(*writer, 0), quick = reader_of(*writer, 1);
  std::vector<SlabRef> waiting;
  int refused = 0;
  for (int n = 0; n < 100; ++n) {
    const Payload sent = bytes_of(5000, n);
    if (const auto ref = writer->share(sent, 0))
      waiting.push_back(*ref);
    else
      ++refused;
    const auto ref = writer->share(sent, 1);
    ASSERT_TRUE(ref) << n;
    EXPECT_TRUE(same_bytes(*quick.read(*ref), sent));
  }
  EXPECT_EQ(waiting.size(), 8u);
  EXPECT_EQ(refused, 92);
  for (std::size_t n = 0; n < waiting.size(); ++n)
    EXPECT_TRUE(same_bytes(*slow.read(waiting[n]), bytes_of(5000, static_cast<int>(n)))) << "as it was sent";
  EXPECT_TRUE(writer->share(bytes_of(10, 0), 0));
}

TEST(SharedSlab, WhoDiedHoldsNothing) {
  auto writer = writer_for(1, 16);
  const pid_t child = ::fork();
  if (child == 0) {
    SlabReader reader = reader_at(0);
    reader.read(writer->invitation());
    ::pause();
    ::_exit(0);
  }
  while (!writer->is_reading(0)) ::usleep(1000);
  int given = 0;
  for (int n = 0; n < 20; ++n) given += writer->share(bytes_of(10, n), 0).has_value();
  EXPECT_EQ(given, 8);
  EXPECT_TRUE(writer->is_reading(0)) << "it lives";
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(writer->share(bytes_of(10, 0), 0));
  EXPECT_FALSE(writer->is_reading(0)) << "the next one in its place is to be invited";
  SlabReader next = reader_of(*writer, 0);
  for (int n = 0; n < 40; ++n) {
    const auto ref = writer->share(bytes_of(10, n), 0);
    ASSERT_TRUE(ref) << n;
    EXPECT_TRUE(next.read(*ref));
  }
}

// What the one before held is let go of, also if nobody noticed that it died.
// Quicker than it was missed: what was given to the one before is not for it.
TEST(SharedSlab, AnotherProcessInTheSamePlaceStartsAnew) {
  auto writer = writer_for(1, 16);
  const pid_t child = ::fork();
  if (child == 0) {
    SlabReader reader = reader_at(0);
    reader.read(writer->invitation());
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  std::vector<SlabRef> for_the_dead;
  for (int n = 0; n < 7; ++n) for_the_dead.push_back(*writer->share(bytes_of(10, n), 0));
  SlabReader next = reader_at(0);
  for (const SlabRef& ref : for_the_dead) EXPECT_FALSE(next.read(ref));
  std::vector<Payload> held;
  for (int n = 0; n < 8; ++n) {
    const auto ref = writer->share(bytes_of(10, n), 0);
    ASSERT_TRUE(ref) << n << ": the slots of the dead are free";
    held.push_back(*next.read(*ref));
  }
  for (int n = 0; n < 8; ++n) EXPECT_TRUE(same_bytes(held[static_cast<std::size_t>(n)], bytes_of(10, n)));
}

TEST(SharedSlab, ANewReaderInTheSamePlaceTakesOver) {
  auto writer = writer_for(1, 16);
  {
    const SlabReader before = reader_of(*writer, 0);
    for (int n = 0; n < 7; ++n) EXPECT_TRUE(writer->share(bytes_of(10, n), 0));
  }
  EXPECT_FALSE(writer->is_reading(0)) << "it has said that it leaves";
  SlabReader next = reader_of(*writer, 0);
  for (int n = 0; n < 40; ++n) {
    const auto ref = writer->share(bytes_of(10, n), 0);
    ASSERT_TRUE(ref) << n;
    EXPECT_TRUE(same_bytes(*next.read(*ref), bytes_of(10, n)));
  }
}

TEST(SharedSlab, WhatIsNoSlabIsNotRead) {
  auto writer = writer_for(2);
  SlabReader reader = reader_of(*writer, 1);
  const SlabRef right = *writer->share(bytes_of(1000, 1), 1);
  const auto refused = [](SlabReader& by, SlabRef ref) { EXPECT_FALSE(by.read(ref)); };
  SlabRef ref = right;
  ref.slot = 1000;
  refused(reader, ref);
  ref = right;
  ref.bytes = 1 << 20;
  refused(reader, ref);
  ref = right;
  ref.fill += 1;
  refused(reader, ref);
  ref = right;
  ref.reader_life += 1;
  refused(reader, ref);
  SlabReader stranger = reader_at(1), nobody = reader_at(2);
  ref = right;
  ref.token ^= 1;
  refused(stranger, ref);
  refused(nobody, right);  // there are no such readers
  ref = right;
  ref.pid = -1;
  refused(stranger, ref);
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int file = ::open("/proc/self/exe", O_RDONLY);
  for (const int fd : {pipe[0], pipe[1], file, 1 << 20}) {
    ref = right;
    ref.slots_fd = fd;
    refused(stranger, ref);
    ref = right;
    ref.books_fd = fd;
    refused(stranger, ref);
  }
  for (const int fd : {pipe[0], pipe[1], file}) ::close(fd);
  EXPECT_TRUE(writer->is_reading(1));
  EXPECT_TRUE(same_bytes(*reader.read(right), bytes_of(1000, 1))) << "what was refused changed nothing";
}

}  // namespace
}  // namespace polydot::node
