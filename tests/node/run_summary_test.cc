// The summary of a run, from records written by hand: what was injected against what was found.
#include "node/run_summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/run_folder.h"
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
      write_text(peer_folder(run(), p) + kMetricsFile, "rows of peer " + std::to_string(p) + "\n");
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
  EXPECT_EQ(counts.injected + counts.detected + counts.corrected + counts.missed + counts.false_alarms +
                counts.refused,
            0u);
}

TEST_F(RunSummaryTest, CountsInjectionsByTheirClass) {
  for (int peer : {1, 4}) {
    inject(peer, 3, 0, "above_floor");
    inject(peer, 4, 0, "below_floor");
    inject(peer, 5, 0, "below_floor");
    inject(peer, 6, 0, "masked");
  }
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.injected, 8u);
  EXPECT_EQ(counts.above_floor, 2u);
  EXPECT_EQ(counts.below_floor, 4u);
  EXPECT_EQ(counts.masked, 2u);
  EXPECT_EQ(counts.missed, 2u);
}

TEST_F(RunSummaryTest, AFindingOfManyPeersIsDetectedOnce) {
  inject(4, 7, 2, "above_floor");
  for (int finder = 0; finder < kPeers; ++finder) find(finder, 4, 7, 7, 2);
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.detected, 1u);
  EXPECT_EQ(counts.corrected, 1u);
  EXPECT_EQ(counts.missed, 0u);
  EXPECT_EQ(counts.false_alarms, 0u);
}

TEST_F(RunSummaryTest, AnotherPeerStepOrSlotIsAFalseAlarmAndTheFaultIsMissed) {
  inject(4, 7, 2, "above_floor");
  find(0, 5, 7, 7, 2);
  find(0, 4, 8, 8, 2);
  find(0, 4, 7, 7, 3);
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.detected, 0u);
  EXPECT_EQ(counts.corrected, 0u);
  EXPECT_EQ(counts.missed, 1u);
  EXPECT_EQ(counts.false_alarms, 3u);
}

TEST_F(RunSummaryTest, AFindingBelowTheFloorIsDetectedToo) {
  inject(4, 7, 2, "below_floor");
  find(3, 4, 7, 7, 2);
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.detected, 1u);
  EXPECT_EQ(counts.false_alarms + counts.missed, 0u);
}

TEST_F(RunSummaryTest, IsCorrectedOnlyIfItWasAtEveryFinder) {
  inject(4, 7, 2, "above_floor");
  inject(4, 8, 2, "above_floor");
  find(0, 4, 7, 7, 2, true);
  find(1, 4, 7, 7, 2, false);
  find(0, 4, 8, 8, 2, true);
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.detected, 2u);
  EXPECT_EQ(counts.corrected, 1u);
}

TEST_F(RunSummaryTest, AWrongShardExplainsWhatFollowsInItsLayer) {
  inject(4, 7, 2, "above_floor", "weights", 1);
  find(0, 4, 7, 16, 2, true, 1);   // ten steps
  find(0, 4, 9, 9, 4, true, 1);    // the other pass of the layer
  find(0, 4, 20, 20, 0, true, 0);  // another layer: not explained
  find(0, 4, 5, 6, 2, true, 1);    // before
  find(0, 5, 9, 9, 2, true, 1);    // another peer
  const FaultCounts counts = faults();
  EXPECT_EQ(counts.detected, 11u);
  EXPECT_EQ(counts.corrected, 11u);
  EXPECT_EQ(counts.false_alarms, 4u);
  EXPECT_EQ(counts.missed, 0u);
}

TEST_F(RunSummaryTest, TwoFaultsInOnePlaceAreMissedTwice) {
  inject(4, 7, 2, "above_floor");
  inject(4, 7, 2, "above_floor", "weights");
  EXPECT_EQ(faults().missed, 2u);
}

TEST_F(RunSummaryTest, TakesMediansSumsAndMaxima) {
  for (int p = 0; p < kPeers; ++p)
    write_summary_of(p, {{"bytes_sent", 1000 + p},
                         {"seconds_total", 12.0 + p},
                         {"noise_rounds", p},
                         {"test_accuracy", p == 3 ? 0.1 : 0.9},
                         {"largest_kappa", p == 5 ? 2e-4 : 1e-5},
                         {"refused", p < 2 ? 1 : 0},
                         {"exit_code", p < 2 ? 6 : 0}});
  const RunSummary summary = read();
  EXPECT_EQ(summary.peers_finished, 8);
  EXPECT_EQ(summary.bytes_sent, 10'045u);
  EXPECT_EQ(summary.noise_rounds, 9u);
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
  const json summary = json::parse(read_text(run() + kSummaryFile));
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
  EXPECT_EQ(read_text(run() + kMetricsFile).substr(0, 12), "rows of peer");
}

}  // namespace
}  // namespace polydot::node
