// The checker of disks fails when it should: files are spoilt by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tools/simulator/disk_checker.h"
#include "tools/simulator/sim_disk.h"

namespace polydot::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Peer 2 of five has kept a checkpoint of epoch 1, step 20.
class Disks : public ::testing::Test {
 protected:
  Disks() : checker_(violations_, [this](int, const node::Checkpoint& one) { found_.push_back(one.id); }) {
    checkpoint_.of = {{7, 8}, 0, 2, 5};
    checkpoint_.id = {1, 20};
    checkpoint_.layers = {{{codes::Matrix::Ones(3, 4), codes::Matrix()}}};
    EXPECT_TRUE(node::write_checkpoint(disk_, checkpoint_).ok());
  }
  void check(int peer = 2) { checker_.check(1, peer, disk_.durable()); }

  node::Checkpoint checkpoint_;
  SimDisk disk_;
  Violations violations_;
  std::vector<protocol::CheckpointId> found_;
  DiskChecker checker_;
};

TEST_F(Disks, AWholeCheckpointIsHandedOver) {
  check();
  EXPECT_THAT(violations_.lines(), IsEmpty());
  EXPECT_THAT(found_, ElementsAre(checkpoint_.id));
}

TEST_F(Disks, AnyBitThatChangedShows) {
  std::mt19937_64 random(1);
  std::cout << "  seed 1\n";
  ASSERT_TRUE(disk_.flip_a_bit(node::checkpoint_file_name(checkpoint_.id), random));
  check();
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("torn: on the disk of peer 2")));
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(Disks, AFinalNameThatCameBeforeItsBytesShows) {
  const std::string name = node::checkpoint_file_name({1, 30});
  const std::vector<std::byte> bytes(200);
  ASSERT_TRUE(disk_.write("partial", {bytes}).ok());
  ASSERT_TRUE(disk_.rename("partial", name).ok());
  check();
  EXPECT_EQ(violations_.count(), 0u) << "a crash would leave the old name";
  ASSERT_TRUE(disk_.sync_names().ok());
  check();
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("torn: on the disk of peer 2")));
}

TEST_F(Disks, SomebodyElsesOrAnotherStepsIsMisplaced) {
  check(3);
  EXPECT_THAT(violations_.lines(), ElementsAre(HasSubstr("misplaced: on the disk of peer 3")));
  ASSERT_TRUE(disk_.rename(node::checkpoint_file_name({1, 20}), node::checkpoint_file_name({1, 30})).ok());
  ASSERT_TRUE(disk_.sync_names().ok());
  check();
  EXPECT_EQ(violations_.count(), 2u);
}

}  // namespace
}  // namespace polydot::simulator
