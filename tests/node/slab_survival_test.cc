// What is held in a slab stays as it was when readers die, freeze, or are followed by others, when the sender
// dies, and whatever anybody writes into memory that is not his.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <random>
#include <vector>

#include "node/transport/shared_slab.h"
#include "node/transport/slab_memory.h"
#include "tests/node/zmq_peers.h"

namespace polydot::node {
namespace {

constexpr std::size_t kSlot = 40'000;
constexpr SlabSender kSender{kCluster, 7};
constexpr int kSlots = 16;

Payload bytes_of(int number, std::size_t size = kSlot) { return pattern(size, number, 0, number); }

std::unique_ptr<SlabWriter> writer_for(int readers) {
  auto writer = SlabWriter::make(kSender, kSlot, kSlots, readers);
  EXPECT_NE(writer, nullptr);
  return writer;
}

// Another process, and two pipes of small things to and from it. Killed and waited for in the end.
class Child {
 public:
  explicit Child(const std::function<int(Child&)>& body) {
    int down[2], up[2];
    EXPECT_EQ(::pipe2(down, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(up, O_CLOEXEC), 0);
    pid_ = ::fork();
    in_ = pid_ == 0 ? down[0] : up[0];
    out_ = pid_ == 0 ? up[1] : down[1];
    ::close(pid_ == 0 ? down[1] : down[0]);
    ::close(pid_ == 0 ? up[0] : up[1]);
    if (pid_ == 0) ::_exit(body(*this));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) end(SIGKILL);
    ::close(in_);
    ::close(out_);
  }
  template <typename T>
  void give(const T& value) {
    EXPECT_EQ(::write(out_, &value, sizeof value), static_cast<ssize_t>(sizeof value));
  }
  template <typename T>
  T take() {
    T value{};
    EXPECT_EQ(::read(in_, &value, sizeof value), static_cast<ssize_t>(sizeof value));
    return value;
  }
  void send_signal(int signal) { ::kill(pid_, signal); }
  // Its exit code; -1: a signal ended it.
  int end(int signal = 0) {
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
};

// A reader that takes an invitation, then so many references, holds what they refer to, and says whether it
// is still the same when it is asked.
int hold_and_look(Child& parent, int self, int count) {
  SlabReader reader(kSender, self);
  reader.read(parent.take<SlabRef>());
  parent.give('r');
  std::vector<Payload> held;
  std::vector<int> numbers;
  for (int n = 0; n < count; ++n) {
    const auto ref = parent.take<SlabRef>();
    numbers.push_back(parent.take<int>());
    auto payload = reader.read(ref);
    if (!payload) return 2;
    held.push_back(std::move(*payload));
  }
  parent.give('h');
  parent.take<char>();
  for (std::size_t k = 0; k < held.size(); ++k)
    if (!same_bytes(held[k], bytes_of(numbers[k]))) return 3;
  return 0;
}

// Gives the child `count` payloads, numbered from `first`.
void fill(SlabWriter& writer, Child& child, int self, int count, int first) {
  child.give(writer.invitation());
  child.take<char>();
  ASSERT_TRUE(writer.is_reading(self));
  for (int n = 0; n < count; ++n) {
    const auto ref = writer.share(bytes_of(first + n), self);
    ASSERT_TRUE(ref) << n;
    child.give(*ref);
    child.give(first + n);
  }
  child.take<char>();
}

// What goes to a reader that lets go at once; how many of so many could be shared.
int pass_through(SlabWriter& writer, SlabReader& reader, int self, int count, int first) {
  int shared = 0;
  for (int n = 0; n < count; ++n) {
    const Payload sent = bytes_of(first + n);
    const auto ref = writer.share(sent, self);
    if (!ref) continue;
    ++shared;
    const auto read = reader.read(*ref);
    EXPECT_TRUE(read && same_bytes(*read, sent)) << n;
  }
  return shared;
}

TEST(SlabSurvival, TheSlotsOfTheDeadAreFreeForAll) {
  auto writer = writer_for(3);
  Child first([](Child& parent) { return hold_and_look(parent, 0, 8); });
  fill(*writer, first, 0, 8, 0);
  Child second([](Child& parent) { return hold_and_look(parent, 1, 4); });
  fill(*writer, second, 1, 4, 100);
  SlabReader third(kSender, 2);
  third.read(writer->invitation());
  ASSERT_TRUE(writer->is_reading(2));
  EXPECT_EQ(first.end(SIGKILL), -1);
  EXPECT_EQ(second.end(SIGKILL), -1);
  // Nothing is sent to those that died, and nobody takes their place.
  std::vector<Payload> held;
  for (int n = 0; n < kSlots / 2; ++n) {
    const auto ref = writer->share(bytes_of(200 + n), 2);
    ASSERT_TRUE(ref) << n << ": the slots of the dead are still taken";
    held.push_back(*third.read(*ref));
  }
  for (int n = 0; n < kSlots / 2; ++n)
    EXPECT_TRUE(same_bytes(held[static_cast<std::size_t>(n)], bytes_of(200 + n)));
}

// A crash in the middle of a read: it has mapped the slab and said who it is, and lets go of nothing.
TEST(SlabSurvival, ManyThatCrashOneAfterTheOtherLeaveNothing) {
  auto writer = writer_for(1);
  for (int life = 0; life < 12; ++life) {
    Child child([](Child& parent) { return hold_and_look(parent, 0, 8); });
    fill(*writer, child, 0, 8, 10 * life);
    EXPECT_EQ(child.end(SIGKILL), -1);
    EXPECT_FALSE(writer->is_reading(0));
  }
}

// It is no longer the one that is served, but it runs, and looks at what it has.
TEST(SlabSurvival, WhoIsReplacedWhileItRunsKeepsWhatItHolds) {
  for (const bool frozen : {false, true}) {
    auto writer = writer_for(1);
    Child old([](Child& parent) { return hold_and_look(parent, 0, 5); });
    fill(*writer, old, 0, 5, 0);
    if (frozen) old.send_signal(SIGSTOP);
    SlabReader next(kSender, 0);
    next.read(writer->invitation());
    EXPECT_EQ(pass_through(*writer, next, 0, 200, 1000), 200);
    if (frozen) old.send_signal(SIGCONT);
    old.give('?');
    EXPECT_EQ(old.end(), 0) << "what it held was written over; frozen: " << frozen;
    // And then it is gone, and all is free.
    std::vector<Payload> held;
    for (int n = 0; n < kSlots / 2; ++n) held.push_back(*next.read(*writer->share(bytes_of(n), 0)));
  }
}

TEST(SlabSurvival, FrozenReadersLeaveSomeForTheOthers) {
  auto writer = writer_for(4);
  std::vector<std::unique_ptr<Child>> frozen;
  const std::vector<int> shares{8, 4, 2};
  for (int r = 0; r < 3; ++r) {
    const int share = shares[static_cast<std::size_t>(r)];
    frozen.push_back(std::make_unique<Child>([&](Child& parent) { return hold_and_look(parent, r, share); }));
    fill(*writer, *frozen.back(), r, share, 100 * r);
    frozen.back()->send_signal(SIGSTOP);
    EXPECT_FALSE(writer->share(bytes_of(100 * r + 50), r)) << r << " holds its share";
    EXPECT_TRUE(writer->is_reading(r)) << "who is frozen is not dead";
  }
  SlabReader quick(kSender, 3);
  quick.read(writer->invitation());
  ASSERT_TRUE(writer->is_reading(3));
  EXPECT_EQ(pass_through(*writer, quick, 3, 200, 1000), 200);
  for (auto& one : frozen) {
    one->send_signal(SIGCONT);
    one->give('?');
    EXPECT_EQ(one->end(), 0);
  }
}

TEST(SlabSurvival, WhatIsHeldOutlivesItsSender) {
  Child sender([](Child& parent) {
    auto writer = SlabWriter::make(kSender, kSlot, kSlots, 1);
    if (!writer) return 1;
    parent.give(writer->invitation());
    parent.take<char>();
    if (!writer->is_reading(0)) return 2;
    parent.give(*writer->share(bytes_of(42), 0));
    ::pause();
    return 0;
  });
  SlabReader reader(kSender, 0);
  EXPECT_FALSE(reader.read(sender.take<SlabRef>()));
  sender.give('g');
  const auto ref = sender.take<SlabRef>();
  const auto held = reader.read(ref);
  ASSERT_TRUE(held);
  EXPECT_EQ(sender.end(SIGKILL), -1);
  EXPECT_TRUE(same_bytes(*held, bytes_of(42)));
  // Its number may be that of anything now.
  SlabReader other(kSender, 0);
  EXPECT_FALSE(other.read(ref));
  // The next life of it has another slab.
  auto next = writer_for(1);
  reader.read(next->invitation());
  ASSERT_TRUE(next->is_reading(0));
  EXPECT_EQ(pass_through(*next, reader, 0, 50, 0), 50);
  EXPECT_TRUE(same_bytes(*held, bytes_of(42)));
}

TEST(SlabSurvival, NobodyElseCanWriteToASlot) {
  auto writer = writer_for(1);
  SlabReader reader(kSender, 0);
  reader.read(writer->invitation());
  ASSERT_TRUE(writer->is_reading(0));
  const auto held = reader.read(*writer->share(bytes_of(1), 0));
  const std::string path = "/proc/self/fd/" + std::to_string(writer->invitation().slots_fd);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  const char byte = 'x';
  EXPECT_EQ(::pwrite(fd, &byte, 1, 8192), -1);
  EXPECT_EQ(::ftruncate(fd, 4096), -1);
  EXPECT_EQ(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 65536), -1);
  ::close(fd);
  const auto page = reinterpret_cast<std::uintptr_t>(held->bytes().data()) / 4096 * 4096;
  EXPECT_EQ(::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE), -1)
      << "a reader's own mapping";
  EXPECT_TRUE(same_bytes(*held, bytes_of(1)));
}

TEST(SlabSurvival, WhoScribblesInItsRowHarmsNobodyElse) {
  constexpr std::uint64_t kSeed = 5;
  std::cout << "seed " << kSeed << '\n';
  std::mt19937_64 random(kSeed);
  auto writer = writer_for(3);
  SlabReader right(kSender, 1);
  right.read(writer->invitation());
  ASSERT_TRUE(writer->is_reading(1));
  SlabHead expected;
  expected.token = writer->invitation().token;
  expected.cluster[0] = kCluster[0];
  expected.cluster[1] = kCluster[1];
  expected.sender = 7;
  const SlabRef at = writer->invitation();
  const auto wild = SlabMemory::map({at.pid, at.slots_fd, at.books_fd}, expected, 0);
  ASSERT_NE(wild, nullptr);
  std::vector<std::pair<Payload, Payload>> held;
  for (int n = 0; n < 2000; ++n) {
    wild->pid(0) = random() % 3 == 0 ? static_cast<std::uint64_t>(::getpid()) : random();
    wild->life(0) = random() % 4;
    // Whatever row it names, it has but its own.
    for (int s = 0; s < kSlots; ++s)
      wild->released(static_cast<std::size_t>(s), random() % 3) =
          random() % 2 == 0 ? static_cast<std::uint64_t>(n) : random();
    const Payload sent = bytes_of(n);
    if (writer->is_reading(0)) (void)writer->share(sent, 0);
    const auto ref = writer->share(sent, 1);
    if (ref) held.emplace_back(*right.read(*ref), sent);
    for (const auto& [payload, as_sent] : held) ASSERT_TRUE(same_bytes(payload, as_sent)) << n;
    if (held.size() > random() % 4) held.erase(held.begin());
  }
  EXPECT_TRUE(writer->is_reading(1));
}

TEST(SlabSurvival, AReferenceIsGoodOnce) {
  auto writer = writer_for(1);
  SlabReader reader(kSender, 0);
  reader.read(writer->invitation());
  ASSERT_TRUE(writer->is_reading(0));
  const SlabRef ref = *writer->share(bytes_of(1), 0);
  auto held = reader.read(ref);
  ASSERT_TRUE(held);
  EXPECT_FALSE(reader.read(ref)) << "to let go of it twice would be to let go of it too early";
  SlabRef again = ref;
  again.number += 5;
  EXPECT_FALSE(reader.read(again));
  for (int n = 0; n < 40; ++n) {
    const auto next = writer->share(bytes_of(100 + n), 0);
    if (next) reader.read(*next);
    ASSERT_TRUE(same_bytes(*held, bytes_of(1))) << n;
  }
  const SlabRef last = *writer->share(bytes_of(200), 0);
  (void)reader.read(last);
  EXPECT_FALSE(reader.read(last)) << "it has let go of that one: the sender may write there";
}

TEST(SlabSurvival, ASlabOfAnotherPeerOrClusterIsNotRead) {
  auto writer = writer_for(2);
  for (const SlabSender& other : {SlabSender{kCluster, 6}, SlabSender{{kCluster[0], kCluster[1] + 1}, 7}}) {
    SlabReader reader(other, 1);
    reader.read(writer->invitation());
    EXPECT_FALSE(writer->is_reading(1));
  }
  SlabReader reader(kSender, 1);
  reader.read(writer->invitation());
  EXPECT_TRUE(writer->is_reading(1));
}

// Two memfds that say what they like of themselves.
struct Forged {
  int slots = ::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int books = ::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  SlabRef ref;

  Forged(const SlabHead& head, off_t slots_bytes, off_t books_bytes, bool sealed) {
    EXPECT_EQ(::ftruncate(slots, slots_bytes), 0);
    EXPECT_EQ(::ftruncate(books, books_bytes), 0);
    EXPECT_EQ(::pwrite(slots, &head, sizeof head, 0), static_cast<ssize_t>(sizeof head));
    EXPECT_EQ(::pwrite(books, &head.token, sizeof head.token, 0), static_cast<ssize_t>(sizeof head.token));
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    if (sealed) {
      EXPECT_EQ(::fcntl(slots, F_ADD_SEALS, seals | 0x10), 0);
    }
    EXPECT_EQ(::fcntl(books, F_ADD_SEALS, seals), 0);
    ref.token = head.token;
    ref.pid = ::getpid();
    ref.slots_fd = slots;
    ref.books_fd = books;
  }
  Forged(const Forged&) = delete;
  Forged& operator=(const Forged&) = delete;
  ~Forged() {
    ::close(slots);
    ::close(books);
  }
  bool is_mapped() const {
    SlabReader reader(kSender, 0);
    (void)reader.read(ref);
    std::uint64_t pid = 0;  // of row 0, behind the first page
    return ::pread(books, &pid, sizeof pid, 4096) == static_cast<ssize_t>(sizeof pid) && pid != 0;
  }
};

TEST(SlabSurvival, WhatASlabSaysOfItselfIsNotBelieved) {
  SlabHead head;
  head.token = 99;
  head.cluster[0] = kCluster[0];
  head.cluster[1] = kCluster[1];
  head.sender = 7;
  head.slots = 2;
  head.slot_bytes = 8192;
  head.readers = 2;
  constexpr off_t kSlotsBytes = 4096 + 2 * 8192, kBooksBytes = 4096 + 2 * 4096;
  EXPECT_TRUE(Forged(head, kSlotsBytes, kBooksBytes, true).is_mapped()) << "else this test shows nothing";
  EXPECT_FALSE(Forged(head, kSlotsBytes, kBooksBytes, false).is_mapped()) << "its slots can be written to";
  EXPECT_FALSE(Forged(head, kSlotsBytes - 4096, kBooksBytes, true).is_mapped()) << "a slot is cut off";
  EXPECT_FALSE(Forged(head, kSlotsBytes, 4096, true).is_mapped()) << "rows are cut off";
  const auto refused = [&](auto change) {
    SlabHead other = head;
    change(other);
    EXPECT_FALSE(Forged(other, kSlotsBytes, kBooksBytes, true).is_mapped());
    // Counts that overflow to the size that is there; a huge file of holes.
    EXPECT_FALSE(Forged(other, off_t{1} << 50, off_t{1} << 50, true).is_mapped());
  };
  refused([](SlabHead& other) { other.slots = std::uint64_t{1} << 51; });
  refused([](SlabHead& other) { other.slots = ~std::uint64_t{0}; });
  refused([](SlabHead& other) { other.slots = 0; });
  refused([](SlabHead& other) { other.slot_bytes = std::uint64_t{1} << 63; });
  refused([](SlabHead& other) { other.slot_bytes = 0; });
  refused([](SlabHead& other) { other.slot_bytes = 8191; });
  refused([](SlabHead& other) { other.readers = std::uint64_t{1} << 60; });
  refused([](SlabHead& other) { other.readers = 0; });
}

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

TEST(SlabSurvival, NoDescriptorIsLeft) {
  auto writer = writer_for(1);
  const auto before = open_files();
  for (int life = 0; life < 50; ++life) {
    SlabReader reader(kSender, 0);
    reader.read(writer->invitation());
    ASSERT_TRUE(writer->is_reading(0));
    ASSERT_EQ(pass_through(*writer, reader, 0, 3, life), 3);
    auto other = writer_for(1);
    reader.read(other->invitation());
    ASSERT_TRUE(other->is_reading(0));
    ASSERT_EQ(pass_through(*other, reader, 0, 3, life), 3);
  }
  EXPECT_LE(open_files(), before + 1) << "one, to see when the last reader ends";
  writer.reset();
  EXPECT_LE(open_files(), before - 2);
}

}  // namespace
}  // namespace polydot::node
