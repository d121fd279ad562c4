// The summary of a run, from records written by hand. The score: run_score_test.cc.
#include "node/records/run_summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/files/run_layout.h"
#include "node/text/json_text.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using nlohmann::json;

class RunSummaryTest : public ::testing::Test {
 protected:
  RunSummaryTest() {
    for (int p = 0; p < kPeers; ++p) {
      std::filesystem::create_directories(peer_folder(run(), p));
      write_summary_of(p, json::object());
      write_text(peer_folder(run(), p) + kMetricsFile, "step,loss\n0," + std::to_string(p) + "\n");
    }
  }

  static constexpr int kPeers = 10;
  std::string run() const { return folder_.path().string(); }

  void write_summary_of(int peer, const json& changes) {
    json summary = {{"index", peer},         {"exit_code", 0},         {"steps", 100},
                    {"seconds", 10.0},       {"seconds_total", 12.0},  {"bytes_sent", 1000},
                    {"noise_rounds", 0},     {"recomputed_rounds", 0}, {"refused", 0},
                    {"largest_kappa", 1e-5}, {"train_loss", 0.5},      {"test_accuracy", 0.9}};
    summary.update(changes);
    write_text(peer_folder(run(), peer) + kSummaryFile, summary.dump());
  }
  void inject(int peer, std::uint64_t step, std::uint32_t slot, const std::string& fault,
              const std::string& stage = "product", int layer = 0) {
    append(peer, kInjectionsFile,
           {{"peer", peer},
            {"step", step},
            {"slot", slot},
            {"stage", stage},
            {"layer", layer},
            {"class", fault}});
  }
  void find(int finder, int peer, std::uint64_t first, std::uint64_t last, std::uint32_t slot,
            bool corrected = true, int layer = 0) {
    append(finder, kFindingsFile,
           {{"peer", peer},
            {"slot", slot},
            {"layer", layer},
            {"first_step", first},
            {"last_step", last},
            {"corrected", corrected}});
  }
  RunSummary read() {
    auto summary = read_run(config_, run());
    EXPECT_TRUE(summary.ok());
    return *summary;
  }
  FaultCounts faults() { return read().faults; }
  void append(int peer, const std::string& file, const json& line) {
    append_text(peer, file, line.dump() + "\n");
  }
  void append_text(int peer, const std::string& file, const std::string& text) {
    std::ofstream(peer_folder(run(), peer) + file, std::ios::app) << text;
  }

  ScratchFolder folder_;
  Config config_;
};

TEST_F(RunSummaryTest, NothingInjectedAndNothingFound) {
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.injected + counts.detected + counts.corrected + counts.above.missed + counts.false_alarms +
                counts.refused,
            0u);
}

TEST_F(RunSummaryTest, TakesMediansSumsAndMaxima) {
  for (int p = 0; p < kPeers; ++p)
    write_summary_of(p, {{"bytes_sent", 1000 + p},
                         {"seconds_total", 12.0 + p},
                         {"noise_rounds", p},
                         {"unchecked_rounds", 2 * p},
                         {"test_accuracy", p == 3 ? 0.1 : 0.9},
                         {"largest_kappa", p == 5 ? 2e-4 : 1e-5},
                         {"refused", p < 2 ? 1 : 0},
                         {"exit_code", p < 2 ? 6 : 0}});
  const RunSummary summary = read();
  EXPECT_EQ(summary.peers_finished, 8);
  EXPECT_EQ(summary.bytes_sent, 10'045u);
  EXPECT_EQ(summary.noise_rounds, 9u);
  EXPECT_EQ(summary.unchecked_rounds, 18u);
  EXPECT_DOUBLE_EQ(summary.seconds_total, 21.0);
  EXPECT_DOUBLE_EQ(summary.largest_kappa, 2e-4);
  EXPECT_DOUBLE_EQ(summary.test_accuracy.value(), 0.9);
  EXPECT_EQ(summary.faults.refused, 2u);
  EXPECT_EQ(summary.steps, 100u);
}

TEST_F(RunSummaryTest, PeersThatLeftNoSummaryAreLeftOut) {
  inject(9, 7, 2, "above_floor");  // it died later; what it injected counts
  find(0, 9, 7, 7, 2);
  for (int p : {3, 9}) std::filesystem::remove(peer_folder(run(), p) + kSummaryFile);
  const RunSummary summary = read();
  EXPECT_EQ(summary.peers_finished, 8);
  EXPECT_EQ(summary.faults.detected, 1u);
  EXPECT_FALSE(std::filesystem::exists(run() + kSummaryFile));
}

TEST_F(RunSummaryTest, ATornLastLineIsSkipped) {
  inject(4, 7, 2, "above_floor");
  append_text(4, kInjectionsFile, "{\"peer\": 4, \"st");
  EXPECT_EQ(faults().injected, 1u);
}

TEST_F(RunSummaryTest, ADamagedOrMissingRecordIsSaid) {
  append_text(4, kFindingsFile, "{\"peer\": 4}\n");
  expect_data_failure(read_run(config_, run()), {"damaged"});
  ScratchFolder empty;
  expect_data_failure(read_run(config_, empty.path().string()), {"no peer left a summary.json"});
}

TEST_F(RunSummaryTest, IsWrittenOnceAllRecordsAreThere) {
  config_.local.out = run();
  inject(4, 7, 2, "above_floor");
  find(0, 4, 7, 7, 2);
  const std::string last = peer_folder(run(), 6) + kSummaryFile;
  const std::string text = read_text(last);
  std::filesystem::remove(last);
  ASSERT_TRUE(summarize_if_complete(config_).ok());
  EXPECT_FALSE(std::filesystem::exists(run() + kSummaryFile));
  write_text(last, text);
  ASSERT_TRUE(summarize_if_complete(config_).ok());
  const json summary = parse_json(read_text(run() + kSummaryFile));
  EXPECT_EQ(summary.at("code"), "polydot");
  EXPECT_EQ(summary.at("peers"), 10);
  EXPECT_EQ(summary.at("grid"), json({2, 2, 1}));
  EXPECT_EQ(summary.at("recovery_threshold"), json({{"forward", 5}, {"backward", 6}}));
  EXPECT_EQ(summary.at("steps"), 100);
  EXPECT_DOUBLE_EQ(summary.at("steps_per_second").get<double>(), 9.9);
  EXPECT_EQ(summary.at("bytes_sent"), 10'000);
  const json& counts = summary.at("faults");
  EXPECT_EQ(counts.at("injected"), 1);
  EXPECT_EQ(counts.at("above_floor"), 1);
  EXPECT_EQ(counts.at("detected"), 1);
  EXPECT_EQ(counts.at("corrected"), 1);
  EXPECT_EQ(counts.at("refused"), 0);
  EXPECT_EQ(counts.at("false_alarms"), 0);
  EXPECT_EQ(read_text(run() + kMetricsFile), "step,loss\n0,0\n");
}

}  // namespace
}  // namespace polydot::node
