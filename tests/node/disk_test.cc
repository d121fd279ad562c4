// The disks: what one writes is what it reads, and what it cannot do it says by name.
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "node/files/folder_disk.h"
#include "node/files/memory_disk.h"
#include "tests/node/file_limit.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_of(const Disk& disk, const std::string& name) {
  std::string text(disk.size(name).value(), '\0');
  EXPECT_TRUE(disk.read(name, 0, std::as_writable_bytes(std::span(text))));
  return text;
}

class DiskTest : public ::testing::TestWithParam<bool> {
 protected:
  DiskTest() {
    if (GetParam())
      disk_ = std::make_unique<FolderDisk>(folder_.path());
    else
      disk_ = std::make_unique<MemoryDisk>();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all = disk_->names();
    std::sort(all.begin(), all.end());
    return all;
  }
  ScratchFolder folder_;
  std::unique_ptr<Disk> disk_;
};

TEST_P(DiskTest, GivesBackWhatWasWritten) {
  EXPECT_TRUE(names().empty());
  ASSERT_TRUE(disk_->write("a", {bytes_of("one"), {}, bytes_of(" two")}));
  EXPECT_EQ(text_of(*disk_, "a"), "one two");
  std::string part(3, '\0');
  ASSERT_TRUE(disk_->read("a", 4, std::as_writable_bytes(std::span(part))));
  EXPECT_EQ(part, "two");
  ASSERT_TRUE(disk_->write("a", {bytes_of("short")}));
  EXPECT_EQ(text_of(*disk_, "a"), "short");
  ASSERT_TRUE(disk_->write("b", {}));
  EXPECT_EQ(disk_->size("b").value(), 0u);
  ASSERT_TRUE(disk_->sync("a"));
  ASSERT_TRUE(disk_->rename("a", "b"));
  ASSERT_TRUE(disk_->sync_names());
  EXPECT_EQ(names(), std::vector<std::string>{"b"});
  EXPECT_EQ(text_of(*disk_, "b"), "short");
  disk_->remove("b");
  disk_->remove("b");
  EXPECT_TRUE(names().empty());
}

TEST_P(DiskTest, WhatIsNotThereIsAFailure) {
  expect_data_failure(disk_->size("none"), {"none", "file"});
  std::string text(3, '\0');
  const auto room = std::as_writable_bytes(std::span(text));
  expect_data_failure(disk_->read("none", 0, room), {"none"});
  expect_data_failure(disk_->rename("none", "other"), {});
  ASSERT_TRUE(disk_->write("a", {bytes_of("four")}));
  EXPECT_TRUE(disk_->read("a", 1, room));
  expect_data_failure(disk_->read("a", 2, room), {"a", "ends before"});
  expect_data_failure(disk_->read("a", 20, room), {"a", "ends before"});
}

TEST_P(DiskTest, WholeFilesLeaveNoPartBehind) {
  ASSERT_TRUE(write_whole(*disk_, "a", {bytes_of("one")}));
  ASSERT_TRUE(write_whole(*disk_, "a", {bytes_of("two")}));
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
  EXPECT_EQ(text_of(*disk_, "a"), "two");
}

INSTANTIATE_TEST_SUITE_P(Disks, DiskTest, ::testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "folder" : "memory"; });

TEST(FolderDisk, AFullDiskLeavesWhatWasThere) {
  const ScratchFolder folder;
  FolderDisk disk(folder.path());
  ASSERT_TRUE(write_whole(disk, "a", {bytes_of("before")}));
  const std::string large(1000, 'x');
  Outcome written = Unit{};
  {
    const FileLimit limit(300);
    written = write_whole(disk, "a", {bytes_of(large)});
  }
  expect_data_failure(written, {"a.partial", "File too large", "ulimit"});
  EXPECT_EQ(disk.names(), std::vector<std::string>{"a"});
  EXPECT_EQ(text_of(disk, "a"), "before");
  EXPECT_TRUE(write_whole(disk, "a", {bytes_of(large)}));
}

TEST(FolderDisk, ADeviceThatIsFullIsSaidByName) {
  const ScratchFolder folder;
  FolderDisk devices("/dev");
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  expect_data_failure(devices.write("full", {bytes_of("x")}), {"/dev/full", "No space left", "make room"});
}

TEST(FolderDisk, MissingFoldersAndFilesInTheirPlaceAreSaid) {
  const ScratchFolder folder;
  FolderDisk none(folder / "none");
  EXPECT_TRUE(none.names().empty());
  expect_data_failure(none.write("a", {}), {"none/a", "No such file", "make it"});
  expect_data_failure(none.sync_names(), {"none"});
  ASSERT_TRUE(none.make_folder());
  ASSERT_TRUE(none.write("a", {}));
  write_text(folder / "file", "x");
  FolderDisk in_file(folder / "file");
  expect_data_failure(in_file.write("a", {}), {"file/a", "Not a directory"});
  expect_data_failure(in_file.make_folder(), {"file", "cannot be written"});
  expect_data_failure(FolderDisk(folder / "file" / "below").make_folder(), {"below", "cannot be written"});
}

constexpr uid_t kNobody = 65534;

TEST(FolderDisk, WhatIsNotPermittedIsSaid) {
  const ScratchFolder folder;
  FolderDisk disk(folder.path());
  ASSERT_TRUE(write_whole(disk, "a", {bytes_of("x")}));
  std::filesystem::permissions(folder.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  setfsuid(kNobody);  // root may do everything; nothing changes for others
  const Outcome written = write_whole(disk, "a", {bytes_of("y")});
  setfsuid(geteuid());
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  expect_data_failure(written, {"a.partial", "Permission denied", "give this user"});
  EXPECT_EQ(text_of(disk, "a"), "x");
}

TEST(FolderDisk, APipeInTheFilesPlaceDoesNotBlock) {
  const ScratchFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  FolderDisk disk(folder.path());
  expect_data_failure(disk.size("pipe"), {"pipe", "regular file"});
  expect_data_failure(disk.write("pipe", {bytes_of("x")}), {"pipe"});
}

}  // namespace
}  // namespace polydot::node
