// Records that outlive the peer that writes them.
#include "node/files/record_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/files/run_layout.h"
#include "node/records/earlier_lives.h"
#include "tests/node/file_limit.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

class RecordFileTest : public ::testing::Test {
 protected:
  // What the file holds after `added` was written to it.
  std::string after(Records records, const std::string& added, const std::string& heading = "") {
    RecordFile file;
    EXPECT_TRUE(file.open(path_.string(), records, heading));
    if (!added.empty()) file.line(added);
    return read_text(path_);
  }
  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "record";
};

TEST_F(RecordFileTest, BeginsAnewOrGoesOn) {
  EXPECT_EQ(after(Records::kGoOn, "1", "heading"), "heading\n1\n");
  EXPECT_EQ(after(Records::kGoOn, "2", "heading"), "heading\n1\n2\n");
  EXPECT_EQ(after(Records::kBeginAnew, "3", "heading"), "heading\n3\n");
}

TEST_F(RecordFileTest, ATornLastLineIsCutOff) {
  write_text(path_, "1\n2\n3 is to");
  EXPECT_EQ(after(Records::kGoOn, "4"), "1\n2\n4\n");
  write_text(path_, "torn");
  EXPECT_EQ(after(Records::kGoOn, "1", "heading"), "heading\n1\n");
  const std::string lines = std::string(5000, 'x') + "\n" + std::string(3000, 'y') + "\n";
  for (const std::size_t torn : {1, 4095, 4096, 4097, 9000}) {
    write_text(path_, lines + std::string(torn, 'z'));
    EXPECT_EQ(after(Records::kGoOn, ""), lines) << torn;
  }
}

TEST_F(RecordFileTest, SaysWhereItCannotBe) {
  RecordFile file, other;
  expect_data_failure(file.open((folder_ / "none/record").string(), Records::kGoOn), {"none/record"});
  expect_data_failure(other.open(folder_.path().string(), Records::kGoOn), {"cannot write", "directory"});
  file.line("goes nowhere");
}

TEST_F(RecordFileTest, ADiskThatTakesNoLineIsSaidOnceAndOnceWhenItDoes) {
  RecordFile file;
  ASSERT_TRUE(file.open(path_.string(), Records::kBeginAnew));
  file.line("before");
  testing::internal::CaptureStderr();
  {
    const FileLimit limit(2000);
    for (int k = 0; k < 5; ++k) file.line(std::string(3000, 'x'));
  }
  EXPECT_EQ(read_text(path_), "before\n") << "half a line";
  for (const char* text : {"after", "later"}) file.line(text);
  EXPECT_EQ(read_text(path_), "before\nafter\nlater\n");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("training goes on without it"), std::string::npos) << said;
  EXPECT_NE(said.find("is written again"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
}

TEST_F(RecordFileTest, EarlierLivesAreCountedOnce) {
  const std::string folder = folder_.path().string();
  EXPECT_EQ(read_earlier_lives(folder, 10).steps, 0u);
  EXPECT_LT(read_earlier_lives(folder, 10).accuracy, 0);
  // Steps 2 and 3 came again, with another loss; step 4 was missed.
  std::string rows =
      "step,epoch,loss,batch_accuracy,learning_rate,seconds,waiting_ms,findings,noise_rounds,bytes\n";
  for (const int step : {0, 1, 2, 3}) rows += std::to_string(step) + ",0,1.5,0.5,0.1,2.5,0,3,4,500\n";
  for (const int step : {2, 3, 5}) rows += std::to_string(step) + ",0,0.25,0.5,0.1,7.5,0,6,7,800\n";
  write_text(folder + kMetricsFile, rows + "9,damaged\n");
  write_text(folder + kEvaluationsFile, "steps_done,epochs_done,loss,accuracy,seconds\n3,1,0.5,0.75,2\n");
  write_text(folder + kRepairsFile,
             "{\"event\":\"began\",\"step\":0}\n{\"event\":\"repaired\",\"bytes\":100}\n{ damaged\n[1]\n"
             "{\"event\":\"began\",\"step\":4}\n{\"event\":\"repaired\",\"bytes\":20}\n");
  const EarlierLives lives = read_earlier_lives(folder, 4);
  EXPECT_EQ(lives.count, 2u);
  EXPECT_EQ(lives.steps, 6u);
  EXPECT_EQ(lives.seconds, 7.5);
  EXPECT_EQ(lives.findings, 6u);
  EXPECT_EQ(lives.noise_rounds, 7u);
  EXPECT_EQ(lives.bytes_sent, 800u);
  EXPECT_EQ(lives.accuracy, 0.75);
  EXPECT_EQ(lives.losses, (std::map<std::uint64_t, double>{{1, 1.5}, {2, 0.25}, {3, 0.25}, {5, 0.25}}));
  EXPECT_EQ(lives.events.at("repaired"), 2u);
  EXPECT_EQ(lives.repair_bytes, 120u);
}

}  // namespace
}  // namespace polydot::node
