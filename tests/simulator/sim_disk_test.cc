// The simulated disk keeps what was synced through any crash, and of the rest no more than POSIX promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string>

#include "node/checkpoints/ballot_file.h"
#include "tools/simulator/sim_disk.h"

namespace polydot::simulator {
namespace {

node::Disk::Chunks chunks(const std::string& text) { return {std::as_bytes(std::span(text))}; }

std::string content(const SimDisk& disk, const std::string& name) {
  const auto size = disk.size(name);
  if (!size) return "(none)";
  std::string text(static_cast<std::size_t>(*size), ' ');
  EXPECT_TRUE(disk.read(name, 0, std::as_writable_bytes(std::span(text))).ok());
  return text;
}

TEST(SimDisk, ReadsWhatWasWritten) {
  SimDisk disk;
  ASSERT_TRUE(disk.write("a", chunks("one")).ok());
  ASSERT_TRUE(disk.write("a", {}).ok());
  ASSERT_TRUE(disk.write("b", chunks("two")).ok());
  ASSERT_TRUE(disk.rename("b", "c").ok());
  EXPECT_EQ(disk.names(), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(content(disk, "a"), "");
  EXPECT_EQ(content(disk, "c"), "two");
  std::byte byte{};
  EXPECT_FALSE(disk.read("c", 3, {&byte, 1}).ok());
  EXPECT_FALSE(disk.read("b", 0, {&byte, 1}).ok());
  EXPECT_FALSE(disk.rename("b", "d").ok());
  disk.remove("c");
  EXPECT_EQ(disk.names(), std::vector<std::string>{"a"});
}

TEST(SimDisk, ACrashLeavesPrefixesOfWhatWasNotSynced) {
  const std::string text = "twelve bytes";
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    SimDisk disk;
    ASSERT_TRUE(disk.write("safe", chunks("safe")).ok());
    ASSERT_TRUE(disk.sync("safe").ok());
    ASSERT_TRUE(disk.sync_names().ok());
    ASSERT_TRUE(disk.write("new", chunks(text)).ok());
    EXPECT_EQ(disk.durable().names(), std::vector<std::string>{"safe"});
    disk.crash(random);
    EXPECT_EQ(content(disk, "safe"), "safe") << "seed " << seed;
    const std::string left = content(disk, "new");
    if (left != "(none)") {
      EXPECT_TRUE(text.starts_with(left)) << "seed " << seed << ": " << left;
    }
    seen.insert(left);
    disk.crash(random);  // what a crash left is safe
    EXPECT_EQ(content(disk, "new"), left);
  }
  EXPECT_EQ(seen.size(), text.size() + 2) << "every prefix, and nothing at all";
}

TEST(SimDisk, ACrashMayUndoRenamesButNotTheirOrder) {
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    SimDisk disk;
    ASSERT_TRUE(disk.write("a", chunks("a")).ok());
    ASSERT_TRUE(disk.sync("a").ok());
    ASSERT_TRUE(disk.sync_names().ok());
    ASSERT_TRUE(disk.rename("a", "b").ok());
    ASSERT_TRUE(disk.rename("b", "c").ok());
    disk.crash(random);
    ASSERT_EQ(disk.names().size(), 1u);
    EXPECT_EQ(content(disk, disk.names().front()), "a");
    seen.insert(disk.names());
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"a"}, {"b"}, {"c"}}));
}

// Power fails in each operation of a write in turn: under its name there is the old content or the new.
TEST(SimDisk, AWholeWriteIsWholeWhereverPowerFails) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    SimDisk disk;
    ASSERT_TRUE(node::write_whole(disk, "file", chunks("old")).ok());
    const int operations = static_cast<int>(seed % 5);
    int failures = 0;
    disk.on_power_failure([&] { ++failures; });
    disk.fail_power_after(operations);
    const bool written = node::write_whole(disk, "file", chunks("something new")).ok();
    EXPECT_EQ(written, operations == 4) << "write, sync, rename, sync of the folder";
    EXPECT_EQ(failures, written ? 0 : 1);
    EXPECT_EQ(disk.has_power(), written);
    disk.crash(random);
    const std::string left = content(disk, "file");
    if (written)
      EXPECT_EQ(left, "something new");
    else
      EXPECT_TRUE(left == "old" || (operations >= 2 && left == "something new"))
          << "seed " << seed << ": " << left;
  }
}

TEST(SimDisk, WithoutSyncsAWholeWriteIsTornNowAndThen) {
  int torn = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    SimDisk disk;
    ASSERT_TRUE(disk.write("file.partial", chunks("something new")).ok());
    ASSERT_TRUE(disk.rename("file.partial", "file").ok());
    disk.crash(random);
    const std::string left = content(disk, "file");
    torn += left != "(none)" && left != "something new";
    EXPECT_EQ(disk.counters().torn, left != "something new");
  }
  EXPECT_GT(torn, 10);
}

TEST(SimDisk, FailsWhenItIsToldTo) {
  SimDisk disk;
  ASSERT_TRUE(node::write_whole(disk, "file", chunks("old")).ok());
  disk.set_trouble(SimDisk::Trouble::kFull);
  const Outcome full = node::write_whole(disk, "file", chunks("new"));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.failure().kind, FailureKind::kData);
  EXPECT_EQ(content(disk, "file"), "old");
  disk.set_trouble(SimDisk::Trouble::kUnreadable);
  std::byte byte{};
  EXPECT_FALSE(disk.read("file", 0, {&byte, 1}).ok());
  disk.set_trouble(SimDisk::Trouble::kNone);
  EXPECT_EQ(content(disk, "file"), "old");
  EXPECT_EQ(disk.counters().failed, 2u);
  std::mt19937_64 random(1);
  ASSERT_TRUE(disk.flip_a_bit("file", random));
  EXPECT_NE(content(disk, "file"), "old");
  EXPECT_FALSE(disk.flip_a_bit("nothing", random));
  disk.wipe();
  EXPECT_TRUE(disk.names().empty());
}

TEST(SimDisk, KeepsABallotRecord) {
  SimDisk disk;
  const node::PeerIdentity of{{1, 2}, 3, 4, 10};
  EXPECT_FALSE(node::read_ballot_record(disk, of).value());
  const protocol::BallotRecord record{3, {2, 40}, 17, 13, {3, 60}, 0};
  ASSERT_TRUE(node::keep_ballot_record(disk, of, record));
  EXPECT_EQ(node::read_ballot_record(disk.durable(), of).value(), record);
}

}  // namespace
}  // namespace polydot::simulator
