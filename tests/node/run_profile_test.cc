#include "node/records/run_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "node/files/run_layout.h"
#include "node/system/work_clock.h"

namespace polydot::node {
namespace {

using ::testing::HasSubstr;

class RunProfileTest : public ::testing::Test {
 protected:
  RunProfileTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("profile" + std::to_string(::getpid()) +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~RunProfileTest() override { std::filesystem::remove_all(folder_); }

  std::string run() const { return folder_.string(); }
  void write(int peer, const std::string& rows, const std::string& more = ",process_cpu_ms") {
    const std::string folder = peer_folder(run(), peer);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + kMetricsFile) << "step,seconds,bytes_sent,waiting_for,encode_ms,product_ms,decode_"
                                            "ms,check_ms,activation_ms,update_ms,"
                                            "receive_ms,send_ms,other_ms,idle_ms,thread_cpu_ms"
                                         << more << "\n"
                                         << rows;
  }

  std::filesystem::path folder_;
};

TEST_F(RunProfileTest, IsAMeanOverStepsAndPeers) {
  write(0,
        "0,0,7,1,99,99,99,99,99,99,99,99,99,99,99,99\n"  // skipped
        "1,1.0,100,1,1,2,3,4,5,6,7,8,9,10,40,50\n"
        "2,1.5,150,1,3,2,3,4,5,6,7,8,9,20,60,70\n");
  write(1,
        "0,0,7,-1,99,99,99,99,99,99,99,99,99,99,99,99\n"
        "1,2.0,200,0,5,2,3,4,5,6,7,8,9,30,10,20\n"
        "2,2.3,270,-1,7,2,3,4,5,6,7,8,9,40,30,40\n");
  const auto profile = read_profile(run(), 2, 1);
  ASSERT_TRUE(profile) << profile.failure().message;
  EXPECT_EQ(profile->steps, 2u);
  EXPECT_NEAR(profile->wall_ms, 400.0, 1e-9);
  EXPECT_NEAR(profile->sent_bytes, 60.0, 1e-9);
  EXPECT_NEAR(profile->work_ms[static_cast<std::size_t>(codes::Work::kEncode)], 4.0, 1e-9);
  EXPECT_NEAR(profile->work_ms[static_cast<std::size_t>(codes::Work::kSend)], 8.0, 1e-9);
  EXPECT_NEAR(profile->work_ms[static_cast<std::size_t>(codes::Work::kIdle)], 25.0, 1e-9);
  EXPECT_NEAR(profile->thread_cpu_ms, 70.0, 1e-9);
  EXPECT_NEAR(profile->process_cpu_ms, 90.0, 1e-9);
  ASSERT_EQ(profile->waited_for.size(), 2u);
  EXPECT_NEAR(profile->waited_for[0], 0.25, 1e-9);
  EXPECT_NEAR(profile->waited_for[1], 0.5, 1e-9);
}

TEST_F(RunProfileTest, SaysWhatIsMissing) {
  write(0, "0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n");
  const auto few = read_profile(run(), 1, 0);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.failure().kind, FailureKind::kData);
  EXPECT_THAT(few.failure().message, HasSubstr("nothing to show"));
  write(0, "0,0,1,1,1,1,1,1,1,1,1,1,1,1,1\n", "");
  EXPECT_THAT(read_profile(run(), 1, 0).failure().message, HasSubstr("another version"));
  EXPECT_THAT(read_profile(run(), 2, 0).failure().message, HasSubstr(kMetricsFile));
}

TEST(WorkClock, OfTheProcessorMovesWithWorkAndThatOfTheWallAlways) {
  const double thread = work_clock(codes::Work::kProduct), wall = work_clock(codes::Work::kIdle);
  const double process = process_cpu_seconds();
  while (work_clock(codes::Work::kProduct) < thread + 0.002) {
  }
  EXPECT_GE(work_clock(codes::Work::kIdle) - wall, 0.0015);
  EXPECT_GE(process_cpu_seconds() - process, 0.0015);
}

}  // namespace
}  // namespace polydot::node
