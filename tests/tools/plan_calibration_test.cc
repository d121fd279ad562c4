// Rates of the cost model: kept in a file and read back, measured here, and bad ones refused in a line. What
// the planner's command does with its flags, good and bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/tools/process.h"
#include "tools/calibration.h"
#include "tools/exit_code.h"
#include "tools/options.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

constexpr int kUsageExit = 2, kNotReachedExit = 1;

Ended plan(const Scratch& scratch, const Words& words) {
  return Process(scratch.path(), join({{POLYDOT_BINARY, "plan"}, words})).wait();
}

Outcome refused(const Words& words) {
  const auto request = parse_arguments(join({{"plan"}, words}));
  if (request) return Unit{};
  EXPECT_EQ(exit_code(request.failure().kind), kUsageExit);
  return request.failure();
}

#define EXPECT_REFUSED(words, text)                                     \
  do {                                                                  \
    const Outcome outcome = refused(words);                             \
    ASSERT_FALSE(outcome.ok());                                         \
    EXPECT_THAT(outcome.failure().message, HasSubstr(text));            \
    EXPECT_EQ(outcome.failure().message.find('\n'), std::string::npos); \
  } while (false)

TEST(CalibrationFile, ReadsBackTheSameValues) {
  const Scratch scratch;
  Calibration rates;
  rates.product_gflops = 1.0 / 3.0, rates.byte_ns = 1e-7, rates.wait_us = 0.0, rates.memory_gbs = 40.0;
  ASSERT_TRUE(write_calibration(rates, scratch / "rates.toml"));
  EXPECT_EQ(read_calibration(scratch / "rates.toml").value(), rates);
}

TEST(CalibrationFile, KeepsTheDefaultOfWhatItDoesNotName) {
  const Scratch scratch;
  write_file(scratch / "rates.toml", "[calibration]\nproduct_gflops = 7\n");
  Calibration wanted;
  wanted.product_gflops = 7.0;
  EXPECT_EQ(read_calibration(scratch / "rates.toml").value(), wanted);
}

TEST(CalibrationFile, BadOnesAreRefusedWithTheirLine) {
  const Scratch scratch;
  const std::pair<const char*, const char*> bad[] = {
      {"[calibration]\n\nproduct_gflop = 7\n",
       "rates.toml:3: no rate product_gflop; nearest: product_gflops"},
      {"[calibration]\nproduct_gflops = 0\n", "rates.toml:2: product_gflops must be a number"},
      {"[calibration]\nproduct_gflops = nan\n", "must be a number"},
      {"[calibration]\nbyte_ns = -1\n", "must be a number"},
      {"[calibration]\nbyte_ns = \"fast\"\n", "must be a number"},
      {"[calibration\n", "rates.toml:1: "},
      {"[fault]\n", "must be [calibration] only"},
      {"", "no [calibration]"},
  };
  for (const auto& [text, message] : bad) {
    write_file(scratch / "rates.toml", text);
    const auto read = read_calibration(scratch / "rates.toml");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.failure().message, HasSubstr(message));
    EXPECT_EQ(exit_code(read.failure().kind), kUsageExit);
  }
  EXPECT_FALSE(read_calibration(scratch / "none.toml").ok());
}

TEST(PlanOptions, RankUnlessACodeIsNamed) {
  const auto request = [](const Words& words) {
    return std::get<PlanRequest>(parse_arguments(join({{"plan"}, words})).value());
  };
  EXPECT_TRUE(request({}).rank);
  EXPECT_EQ(request({}).wishes.wrong, 1);
  EXPECT_EQ(request({"--missing", "2"}).wishes.wrong, 0);
  EXPECT_FALSE(request({"--grid", "2x2"}).rank);
  EXPECT_FALSE(request({"--peers=12"}).rank);
  EXPECT_FALSE(request({"--peers", "12"}).hardware.given);
  EXPECT_TRUE(request({"--peers", "12", "--cores", "4"}).hardware.given);
  const PlanRequest full =
      request({"--hosts", "9",           "--cores",     "4",           "--gflops", "80.5",      "--memory-gb",
               "16",      "--link-gbit", "10",          "--wrong",     "2",        "--missing", "1",
               "--slow",  "3",           "--lose-host", "--max-peers", "40",       "--top",     "7"});
  EXPECT_EQ(full.hosts, 9);
  EXPECT_EQ(full.hardware.gflops, 80.5);
  EXPECT_EQ(full.wishes.erased(), 4);
  EXPECT_TRUE(full.wishes.lose_host);
  EXPECT_EQ(full.wishes.top, 7);
}

TEST(PlanOptions, BadOnesAreRefusedByName) {
  EXPECT_REFUSED((Words{"--gflops", "fast"}), "--gflops = fast: must be a number");
  EXPECT_REFUSED((Words{"--gflops", "0"}), "--gflops = 0");
  EXPECT_REFUSED((Words{"--memory-gb", "nan"}), "--memory-gb");
  EXPECT_REFUSED((Words{"--link-gbit", "-1"}), "--link-gbit");
  EXPECT_REFUSED((Words{"--cores", "0"}), "--cores = 0");
  EXPECT_REFUSED((Words{"--wrong", "-1"}), "--wrong = -1");
  EXPECT_REFUSED((Words{"--max-peers", "1"}), "--max-peers = 1");
  EXPECT_REFUSED((Words{"--top", "0"}), "--top = 0");
  EXPECT_REFUSED((Words{"--hosts", "0"}), "--hosts = 0");
  EXPECT_REFUSED((Words{"--wrong", "1", "--grid", "2x2"}), "--wrong ranks plans, --grid describes one");
  EXPECT_REFUSED((Words{"--lose-host"}), "--hosts 3 or more");
  EXPECT_REFUSED((Words{"--wron", "1"}), "nearest: --wrong");
}

TEST(PlannerCommand, ReadsACalibrationThatItIsGiven) {
  const Scratch scratch;
  Calibration slow;
  slow.product_gflops = 1.0;
  ASSERT_TRUE(write_calibration(slow, scratch / "slow.toml"));
  const Ended ended = plan(scratch, {"--calibration", "slow.toml", "--hidden", "64", "--cores", "2"});
  EXPECT_EQ(ended.exit_code, kExitDone) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("slow.toml: products 1 GFLOP/s"));
  EXPECT_EQ(plan(scratch, {"--calibration", "none.toml"}).exit_code, kUsageExit);
}

TEST(PlannerCommand, PredictsOnePlanThatIsNamedIfTheHardwareIs) {
  const Scratch scratch;
  const Ended described = plan(scratch, {"--peers", "8", "--grid", "2x2"});
  EXPECT_EQ(described.out.find("predicted"), std::string::npos);
  const Ended predicted = plan(scratch, {"--peers", "8", "--grid", "2x2", "--cores", "2"});
  EXPECT_TRUE(predicted.out.starts_with(described.out));
  EXPECT_THAT(predicted.out, HasSubstr("predicted on 1 host of 2 cores"));
}

TEST(PlannerCommand, SaysWhenNothingMeetsTheWishes) {
  const Scratch scratch;
  const Ended ended = plan(scratch, {"--wrong", "9", "--max-peers", "10", "--cores", "2"});
  EXPECT_EQ(ended.exit_code, kNotReachedExit);
  EXPECT_THAT(ended.out, HasSubstr("no plan of at most 10 peers meets this"));
  EXPECT_EQ(lines_of(ended.err).size(), 1U);
}

// Starts peers; how long things take here is nobody's law, that the file reads back is.
TEST(PlannerCommand, MeasuresThisMachineAndReadsItBack) {
  const Scratch scratch;
  const Ended measured = plan(scratch, {"--measure", "--calibration", "here.toml", "--hidden", "64"});
  ASSERT_EQ(measured.exit_code, kExitDone) << measured.err;
  EXPECT_THAT(measured.out, HasSubstr("measured here"));
  const auto rates = read_calibration(scratch / "here.toml");
  ASSERT_TRUE(rates) << rates.failure().message;
  EXPECT_NE(*rates, Calibration{});
  const Ended again = plan(scratch, {"--calibration", "here.toml", "--hidden", "64"});
  EXPECT_EQ(again.exit_code, kExitDone) << again.err;
  // The same plans in the same order.
  EXPECT_EQ(measured.out.substr(measured.out.find("step ms")), again.out.substr(again.out.find("step ms")));
}

}  // namespace
}  // namespace polydot::tools
