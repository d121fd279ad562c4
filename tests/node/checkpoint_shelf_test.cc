// The shelf: two generations, and nothing from it that is damaged or of another run.
#include "node/checkpoints/checkpoint_shelf.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "node/files/folder_disk.h"
#include "node/files/memory_disk.h"
#include "node/process/training_job.h"
#include "tests/dnn/synthetic_data.h"
#include "tests/dnn/test_codes.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using protocol::CheckpointId;

constexpr int kPeer = 3;

PeerIdentity identity_of(std::uint64_t plan_digest = 77, int peer = kPeer, protocol::ClusterId run = {7, 9}) {
  return {run, plan_digest, peer, 10};
}

void expect_equal(const dnn::TrainingProgram::State& a, const dnn::TrainingProgram::State& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t l = 0; l < a.size(); ++l) {
    ASSERT_EQ(a[l].size(), b[l].size());
    for (std::size_t s = 0; s < a[l].size(); ++s) {
      EXPECT_EQ(a[l][s].weights, b[l][s].weights);
      EXPECT_EQ(a[l][s].velocity, b[l][s].velocity);
    }
  }
}

// A program that goes on when it is told to: any product will do.
class ShelfTest : public ::testing::TestWithParam<const char*> {
 protected:
  ShelfTest() {
    plan_.network = *dnn::make_mlp(8, {6}, 3, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
    plan_.evaluate_each_epoch = false;
    if (std::string(GetParam()) == "memory")
      disk_ = std::make_unique<MemoryDisk>();
    else
      disk_ = std::make_unique<FolderDisk>(folder_.path());
    program_ = std::make_unique<dnn::TrainingProgram>(code_, kPeer, plan_, train_, test_, nullptr, nullptr);
  }
  CheckpointShelf make_shelf(const PeerIdentity& of = identity_of()) { return {*disk_, of}; }
  void train_until(std::uint64_t steps) {
    while (program_->steps_done() < steps) {
      const auto request = program_->next_round();
      program_->deliver(dnn::Matrix::Constant(request->result_rows(), request->batch(), 0.1f));
    }
  }

  ScratchFolder folder_;
  std::unique_ptr<Disk> disk_;
  dnn::TrainingPlan plan_{.network = {}, .optimizer = {}, .batch = 4, .seed = 5, .total_steps = 100};
  const dnn::Dataset train_ = dnn::testing::synthetic_data(8, 10, 3, 1);
  const dnn::Dataset test_ = dnn::testing::synthetic_data(8, 7, 3, 2);
  const codes::ProductCode code_ = dnn::testing::make({"polydot", {2, 2, 1}, 10});
  std::unique_ptr<dnn::TrainingProgram> program_;
};

TEST_P(ShelfTest, KeepsTheTwoNewestAsTheyWere) {
  CheckpointShelf shelf = make_shelf();
  EXPECT_TRUE(shelf.list().empty());
  std::map<std::uint64_t, dnn::TrainingProgram::State> states;
  for (const std::uint64_t boundary : {2, 5, 9}) {
    train_until(boundary);
    states[boundary] = program_->state();
    ASSERT_TRUE(shelf.keep(0, *program_));
  }
  train_until(11);  // what is on the shelf does not go with it
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 5}, {0, 9}}));
  for (const std::uint64_t boundary : {5, 9}) {
    const auto found = shelf.find({0, boundary});
    ASSERT_TRUE(found);
    expect_equal(*found, states.at(boundary));
  }
  EXPECT_NE(states.at(5)[0][0].weights, states.at(9)[0][0].weights);
  EXPECT_FALSE(shelf.find({0, 2}));
  EXPECT_FALSE(shelf.find({1, 9}));
}

// A later epoch is newer, though it begins where an earlier one has been.
TEST_P(ShelfTest, AnEpochIsNewerWhateverItsBoundary) {
  CheckpointShelf shelf = make_shelf();
  train_until(3);
  ASSERT_TRUE(shelf.keep(2, *program_));
  train_until(8);
  ASSERT_TRUE(shelf.keep(0, *program_));
  train_until(9);
  ASSERT_TRUE(shelf.keep(0, *program_));
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 9}, {2, 3}}));
}

// What the job makes of it: the state of the target, at its boundary, and on from there.
TEST_P(ShelfTest, AJobBeginsAgainThere) {
  CheckpointShelf shelf = make_shelf();
  TrainingJob job(*program_, shelf, 3);
  std::map<std::uint64_t, dnn::TrainingProgram::State> states;
  while (job.steps_done() < 8) {
    const auto request = job.next_round();
    job.deliver(dnn::Matrix::Constant(request->result_rows(), request->batch(), 0.1f));
    states.try_emplace(job.steps_done(), program_->state());
  }
  EXPECT_EQ(job.checkpoints(), (std::vector<CheckpointId>{{0, 0}, {0, 3}, {0, 6}}));
  const dnn::TrainingProgram::State eight = program_->state();
  for (const std::uint64_t boundary : {6, 3}) {
    ASSERT_TRUE(job.restart({0, boundary}, 0));
    EXPECT_EQ(job.steps_done(), boundary);
    expect_equal(program_->state(), *shelf.find({0, boundary}));
    EXPECT_EQ(job.next_round()->key.step, boundary);
  }
  ASSERT_TRUE(job.restart({0, 6}, 4));
  train_until(8);
  expect_equal(program_->state(), eight);
  ASSERT_TRUE(job.restart({0, 0}, 5));
  expect_equal(program_->state(), program_->initial_state());
  // Lost: zero at that boundary.
  EXPECT_FALSE(job.restart({0, 5}, 6));
  EXPECT_EQ(job.steps_done(), 5u);
  EXPECT_TRUE(program_->layer(0).shard(0).weights.isZero(0.0f));
}

// Another life of the peer, or of another one, over the same disk.
TEST_P(ShelfTest, WhatAnEarlierLifeKeptIsThere) {
  train_until(2);
  ASSERT_TRUE(make_shelf().keep(0, *program_));
  for (const PeerIdentity& other : {identity_of(78), identity_of(77, 4), identity_of(77, kPeer, {7, 10})}) {
    CheckpointShelf shelf = make_shelf(other);
    EXPECT_TRUE(shelf.list().empty());
    EXPECT_FALSE(shelf.find({0, 2}));
  }
  ASSERT_TRUE(make_shelf().check_foreign());
  const Outcome foreign = make_shelf(identity_of(78)).check_foreign();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.failure().kind, FailureKind::kUsage);
  EXPECT_NE(foreign.failure().message.find("is of another run"), std::string::npos)
      << foreign.failure().message;
  EXPECT_EQ(make_shelf().list(), (std::vector<CheckpointId>{{0, 2}})) << "nothing of it was removed";
  EXPECT_TRUE(make_shelf().find({0, 2}));
}

INSTANTIATE_TEST_SUITE_P(Shelves, ShelfTest, ::testing::Values("memory", "files"),
                         [](const auto& tested) { return std::string(tested.param); });

class FileShelfTest : public ShelfTest {
 protected:
  std::filesystem::path path_of(std::uint64_t boundary) const {
    return folder_ / checkpoint_file_name({0, boundary});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all = disk_->names();
    std::sort(all.begin(), all.end());
    return all;
  }
};

TEST_P(FileShelfTest, WhatIsDamagedIsNotFound) {
  CheckpointShelf shelf = make_shelf();
  for (const std::uint64_t boundary : {2, 4}) {
    train_until(boundary);
    ASSERT_TRUE(shelf.keep(0, *program_));
  }
  const std::string good = read_text(path_of(4));
  // In the header, or cut short: not listed, so it is not voted for.
  for (std::string bad : {good.substr(0, good.size() / 2), good.substr(0, 40), std::string()}) {
    write_text(path_of(4), bad);
    EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 2}}));
    EXPECT_FALSE(shelf.find({0, 4}));
  }
  std::string bad = good;
  bad[20] ^= 1;
  write_text(path_of(4), bad);
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 2}}));
  // In the numbers: seen when it is read.
  bad = good;
  bad[good.size() - 3] ^= 1;
  write_text(path_of(4), bad);
  EXPECT_FALSE(shelf.find({0, 4}));
  EXPECT_TRUE(shelf.find({0, 2}));
  write_text(path_of(4), good);
  EXPECT_TRUE(shelf.find({0, 4}));
  // Under another's name.
  write_text(path_of(6), good);
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 2}, {0, 4}}));
  EXPECT_FALSE(shelf.find({0, 6}));
}

TEST_P(FileShelfTest, WhatIsTornIsRemovedAndDoesNotCount) {
  CheckpointShelf shelf = make_shelf();
  train_until(2);
  ASSERT_TRUE(shelf.keep(0, *program_));
  write_text(path_of(500), "torn");
  write_text(folder_ / "checkpoint-00000-000000000200.pdck.partial", "torn");
  write_text(folder_ / "notes.txt", "mine");
  train_until(3);
  ASSERT_TRUE(shelf.keep(0, *program_));
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 2}, {0, 3}}));
  EXPECT_FALSE(std::filesystem::exists(path_of(500)));
  ASSERT_TRUE(shelf.check_foreign());
  EXPECT_EQ(names(), (std::vector<std::string>{checkpoint_file_name({0, 2}), checkpoint_file_name({0, 3}),
                                               "notes.txt"}));
}

TEST_P(FileShelfTest, TroubleIsAFailureAndHarmsNothing) {
  train_until(2);
  CheckpointShelf shelf = make_shelf();
  ASSERT_TRUE(shelf.keep(0, *program_));
  train_until(3);
  testing::internal::CaptureStderr();
  const auto aside = folder_.path().string() + "-aside";
  std::filesystem::rename(folder_.path(), aside);
  expect_data_failure(shelf.keep(0, *program_), {checkpoint_file_name({0, 3}), "No such file", "make it"});
  EXPECT_TRUE(shelf.list().empty());
  write_text(folder_.path(), "a file");
  expect_data_failure(shelf.keep(0, *program_), {checkpoint_file_name({0, 3}), "Not a directory"});
  std::filesystem::remove(folder_.path());
  std::filesystem::rename(aside, folder_.path());
  for (int k = 0; k < 2; ++k) ASSERT_TRUE(shelf.keep(0, *program_));
  EXPECT_EQ(shelf.list(), (std::vector<CheckpointId>{{0, 2}, {0, 3}}));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no checkpoint at step 3, training goes on: "), std::string::npos) << said;
  EXPECT_NE(said.find("checkpoints are kept again, at step 3"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
}

INSTANTIATE_TEST_SUITE_P(Files, FileShelfTest, ::testing::Values("files"));

}  // namespace
}  // namespace polydot::node
