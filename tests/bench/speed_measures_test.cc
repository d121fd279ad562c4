// Every measure of speed runs, with real processes and a network of no size; what it measures is not tested.
#include "tools/bench/speed_measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

namespace polydot::bench {
namespace {

using ::testing::HasSubstr;

SpeedOptions tiny() {
  return {.size = SpeedSize::kTiny, .program = POLYDOT_BINARY, .ddp_script = "/nowhere"};
}

using Measure = Result<Measured> (*)(const SpeedBench&);

class SpeedMeasure : public ::testing::TestWithParam<std::pair<const char*, Measure>> {};

TEST_P(SpeedMeasure, Measures) {
  std::string folder;
  {
    const auto bench = SpeedBench::open(tiny());
    ASSERT_TRUE(bench) << bench.failure().message;
    folder = bench->folder();
    const auto measured = GetParam().second(*bench);
    ASSERT_TRUE(measured) << measured.failure().message;
    ASSERT_FALSE(measured->rows.empty());
    for (const RatioRow& row : measured->rows) {
      EXPECT_TRUE(std::isfinite(row.ratio.value)) << row.measure;
      EXPECT_GT(row.ratio.beside, 0.0) << row.measure;
    }
    EXPECT_FALSE(std::filesystem::exists(folder + "/run"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

INSTANTIATE_TEST_SUITE_P(
    All, SpeedMeasure,
    ::testing::Values(std::pair{"cpu", &measure_cpu}, std::pair{"faulty", &measure_faulty},
                      std::pair{"copies", &measure_copies}, std::pair{"kernel", &measure_kernel},
                      std::pair{"bytes", &measure_bytes}, std::pair{"memory", &measure_memory},
                      std::pair{"planner", &measure_planner}),
    [](const auto& param) { return param.param.first; });

TEST(Rivals, WithACrippledProductAreNone) {
  EXPECT_TRUE(check_rival(150.0, 160.0));
  EXPECT_TRUE(check_rival(80.0, 160.0));
  const Outcome crippled = check_rival(4.0, 160.0);
  ASSERT_FALSE(crippled);
  EXPECT_EQ(crippled.failure().kind, FailureKind::kUsage);
  EXPECT_THAT(crippled.failure().message, HasSubstr("no fair rival"));
}

TEST(Rivals, NeedTheirScript) {
  const auto bench = SpeedBench::open(tiny());
  ASSERT_TRUE(bench);
  EXPECT_FALSE(measure_rivals(*bench));
}

TEST(Network, IsMeasuredOrSaysWhatIsMissing) {
  SpeedOptions options = tiny();
  options.netlab = POLYDOT_SOURCE_DIR "/tools/netlab/run";
  const auto bench = SpeedBench::open(options);
  ASSERT_TRUE(bench);
  const auto measured = measure_network(*bench);
  if (!measured) {
    EXPECT_EQ(measured.failure().kind, FailureKind::kUsage) << measured.failure().message;
    EXPECT_THAT(measured.failure().message, HasSubstr("netlab: "));
    return;
  }
  ASSERT_EQ(measured->rows.size(), 3u);
  EXPECT_LE(measured->rows[0].ratio.value, measured->rows[1].ratio.value);
  EXPECT_GT(measured->rows[0].ratio.value, 0.0);
}

TEST(SpeedBench, NamesTheProgramThatIsMissing) {
  SpeedOptions options = tiny();
  options.program = "/nowhere/polydot";
  const auto bench = SpeedBench::open(options);
  ASSERT_FALSE(bench);
  EXPECT_EQ(bench.failure().kind, FailureKind::kUsage);
  EXPECT_THAT(bench.failure().message, HasSubstr("/nowhere/polydot"));
}

TEST(SpeedBench, TellsWhyARunFailed) {
  const auto bench = SpeedBench::open(tiny());
  ASSERT_TRUE(bench);
  const auto run = bench->run({.grid = {2, 2, 1}, .peers = 3, .hidden = {8}, .steps = 10});
  ASSERT_FALSE(run);
  EXPECT_THAT(run.failure().message, HasSubstr("code 2"));
  EXPECT_THAT(run.failure().message, HasSubstr("at least"));
}

TEST(ChildProcess, IsGoneWithItsOwner) {
  const auto scratch = ScratchFolder::make();
  ASSERT_TRUE(scratch);
  const std::string out = scratch->path() + "/out";
  std::string pid;
  {
    auto child =
        ChildProcess::start({{"sh", "-c", "echo $$; sleep 1000"}, {}, out, scratch->path() + "/err"});
    ASSERT_TRUE(child);
    while (pid.empty() && !child->poll()) pid = last_line(read_text(out));
    EXPECT_TRUE(std::filesystem::exists("/proc/" + pid));
  }
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid));
}

TEST(ChildProcess, HasItsEnvironmentAndItsExitCode) {
  const auto scratch = ScratchFolder::make();
  ASSERT_TRUE(scratch);
  const std::string out = scratch->path() + "/out", err = scratch->path() + "/err";
  auto child = ChildProcess::start({{"sh", "-c", "echo $HOME; exit 5"}, {"HOME=here"}, out, err});
  ASSERT_TRUE(child);
  EXPECT_EQ(*child->wait(), 5);
  EXPECT_EQ(last_line(read_text(out)), "here");
  auto missing = ChildProcess::start({{"/nowhere/program"}, {}, out, err});
  ASSERT_TRUE(missing);
  EXPECT_EQ(*missing->wait(), 127);
}

}  // namespace
}  // namespace polydot::bench
