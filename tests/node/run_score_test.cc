// The score of a run, from records written by hand: what was injected against what was found.
#include "node/run_score.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/run_folder.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using nlohmann::json;

class RunScore : public ::testing::Test {
 protected:
  RunScore() {
    for (int p = 0; p < kPeers; ++p) std::filesystem::create_directories(peer_folder(run(), p));
  }
  static constexpr int kPeers = 10;
  std::string run() const { return folder_.path().string(); }

  void inject(int peer, std::uint64_t step, const std::string& fault, const std::string& stage = "product",
              const json& more = json::object()) {
    json line = {{"peer", peer},   {"step", step}, {"slot", 2},
                 {"stage", stage}, {"layer", 0},   {"class", fault}};
    line.update(more);
    append(peer, kInjectionsFile, line);
  }
  void find(int finder, int peer, std::uint64_t first, std::uint64_t last,
            const json& more = json::object()) {
    json line = {{"peer", peer},        {"slot", 2},         {"layer", 0},
                 {"first_step", first}, {"last_step", last}, {"corrected", true}};
    line.update(more);
    append(finder, kFindingsFile, line);
  }
  void repair(int peer, std::uint64_t step, int layer, const std::string& event = "repaired") {
    append(peer, kRepairsFile, {{"step", step}, {"layer", layer}, {"shard", 0}, {"event", event}});
  }
  FaultCounts score() {
    FaultCounts counts;
    score_run(run(), kPeers, counts);
    return counts;
  }
  void append(int peer, const std::string& file, const json& line) {
    std::ofstream(peer_folder(run(), peer) + file, std::ios::app) << line.dump() << "\n";
  }

 private:
  ScratchFolder folder_;
};

TEST_F(RunScore, CountsInjectionsByTheirClassAndStage) {
  for (int peer : {1, 4}) {
    inject(peer, 3, "above_floor");
    inject(peer, 4, "below_floor");
    inject(peer, 5, "below_floor", "decode");
    inject(peer, 6, "masked");
    inject(peer, 7, "erasure", "contribution");
  }
  const FaultCounts counts = score();
  EXPECT_EQ(counts.injected, 10u);
  EXPECT_EQ(counts.above_floor, 2u);
  EXPECT_EQ(counts.below_floor, 4u);
  EXPECT_EQ(counts.masked, 2u);
  EXPECT_EQ(counts.erasures, 2u);
  EXPECT_EQ(counts.missed, 2u);
  EXPECT_EQ(counts.recall(), 0.0);
  EXPECT_FALSE(counts.precision());
  EXPECT_FALSE(counts.mean_steps_until_found());
  const json out = to_json(counts);
  EXPECT_EQ(out.at("by_stage").at("product"), (json{{"injected", 6},
                                                    {"above_floor", 2},
                                                    {"below_floor", 2},
                                                    {"masked", 2},
                                                    {"erasures", 0},
                                                    {"found", 0}}));
  EXPECT_EQ(out.at("by_stage").at("decode").at("injected"), 2);
  EXPECT_EQ(out.at("by_stage").at("contribution").at("erasures"), 2);
  EXPECT_EQ(out.at("recall"), 0.0);
  EXPECT_TRUE(out.at("precision").is_null());
}

TEST_F(RunScore, AFindingOfManyPeersIsDetectedOnce) {
  inject(4, 7, "above_floor");
  for (int finder = 0; finder < kPeers; ++finder) find(finder, 4, 7, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 1u);
  EXPECT_EQ(counts.corrected, 1u);
  EXPECT_EQ(counts.missed + counts.false_alarms + counts.wrong_peer, 0u);
  EXPECT_EQ(counts.recall(), 1.0);
  EXPECT_EQ(counts.precision(), 1.0);
  EXPECT_EQ(counts.mean_steps_until_found(), 0.0);
  EXPECT_EQ(counts.by_stage.at("product").found, 1u);
}

TEST_F(RunScore, ExplainedIsItInItsStepAndTheNextAndAtItsPeer) {
  inject(4, 7, "above_floor");
  find(0, 4, 6, 6);                 // before
  find(0, 4, 7, 7, {{"slot", 3}});  // another round of the step
  find(0, 4, 8, 8);
  find(0, 4, 9, 9);  // too late
  find(0, 5, 8, 8);  // another peer, while 4 had one
  find(0, 5, 20, 20);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 2u);
  EXPECT_EQ(counts.false_alarms, 4u);
  EXPECT_EQ(counts.wrong_peer, 1u);
  EXPECT_EQ(counts.missed, 0u);
  EXPECT_DOUBLE_EQ(*counts.precision(), 2.0 / 6.0);
}

TEST_F(RunScore, FoundIsItUntilTheStepAfterTheOneInWhichItMustShow) {
  inject(1, 7, "above_floor", "update", {{"found_step", 8}});
  inject(2, 7, "above_floor", "update", {{"found_step", 8}});
  inject(3, 7, "above_floor");
  inject(4, 7, "above_floor");
  find(0, 1, 9, 9);
  find(0, 2, 10, 10);
  find(0, 3, 8, 8);
  find(0, 4, 9, 9);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.found, 2u);
  EXPECT_EQ(counts.missed, 2u);
  EXPECT_DOUBLE_EQ(*counts.mean_steps_until_found(), 1.5);
  EXPECT_DOUBLE_EQ(*counts.recall(), 0.5);
}

TEST_F(RunScore, AFindingBelowTheFloorIsDetectedToo) {
  inject(4, 7, "below_floor");
  find(3, 4, 7, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 1u);
  EXPECT_EQ(counts.false_alarms + counts.missed, 0u);
  EXPECT_FALSE(counts.recall());
}

TEST_F(RunScore, IsCorrectedOnlyIfItWasAtEveryFinder) {
  inject(4, 7, "above_floor");
  inject(4, 9, "above_floor");
  find(0, 4, 7, 7);
  find(1, 4, 7, 7, {{"corrected", false}});
  find(0, 4, 9, 9);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 2u);
  EXPECT_EQ(counts.corrected, 1u);
}

TEST_F(RunScore, WhatStaysExplainsWhatFollowsInItsLayerUntilItIsRepaired) {
  for (const json& kind : {json{{"stage", "weights"}}, json{{"stage", "optimizer"}},
                           json{{"stage", "update"}}, json{{"model", "sticky"}}, json{{"lasting", true}}}) {
    SCOPED_TRACE(kind.dump());
    for (int p = 0; p < kPeers; ++p)
      for (const char* file : {kInjectionsFile, kFindingsFile, kRepairsFile})
        std::filesystem::remove(peer_folder(run(), p) + file);
    inject(4, 7, "above_floor", "product", [&] {
      json more = kind;
      more["layer"] = 1;
      return more;
    }());
    find(0, 4, 7, 16, {{"layer", 1}});                // ten steps
    find(0, 4, 12, 12, {{"layer", 1}, {"slot", 4}});  // the other pass of the layer
    find(0, 4, 20, 20);                               // another layer
    find(0, 5, 12, 12, {{"layer", 1}});               // another peer
    EXPECT_EQ(score().detected, 11u);
    EXPECT_EQ(score().false_alarms, 2u);
    EXPECT_EQ(score().wrong_peer, 1u);
    repair(4, 12, 0);               // another layer
    repair(4, 12, 1, "announced");  // no repair
    EXPECT_EQ(score().detected, 11u);
    repair(4, 12, 1, "rebuilt");
    EXPECT_EQ(score().detected, 7u);  // 7 .. 12, both slots at 12
    inject(4, 14, "above_floor", "weights", {{"layer", 1}});
    EXPECT_EQ(score().detected, 10u);  // and from 14 on
  }
}

TEST_F(RunScore, TheLayerThatItReachedCountsAndARepairBeforeItShowsIsNone) {
  inject(4, 7, "above_floor", "decode",
         {{"layer", 1}, {"found_layer", 0}, {"found_step", 8}, {"lasting", true}});
  repair(4, 7, 0);
  find(0, 4, 8, 12);
  EXPECT_EQ(score().detected, 5u);
}

TEST_F(RunScore, FindingsByChecksumAreCountedApart) {
  inject(4, 7, "erasure", "contribution");
  find(0, 4, 7, 7, {{"by", "checksum"}});
  find(1, 4, 7, 7, {{"by", "checksum"}});
  find(1, 6, 7, 7, {{"by", "scrub"}, {"state", "momentum"}});
  const FaultCounts counts = score();
  EXPECT_EQ(counts.checksum_findings, 1u);
  EXPECT_EQ(counts.erasures, 1u);
  EXPECT_EQ(counts.detected, 0u);
  EXPECT_EQ(counts.false_alarms, 1u);
}

// Nobody listens to a peer in quarantine: there is nothing to be found.
TEST_F(RunScore, WhatAPeerInQuarantineDoesIsNotMissed) {
  for (std::uint64_t step = 3; step < 30; ++step) inject(4, step, "above_floor");
  find(0, 4, 3, 6);
  find(0, 4, 20, 21);
  for (int p : {0, 1}) {
    append(p, kRepairsFile, {{"step", 6}, {"layer", 0}, {"event", "quarantined"}, {"peer", 4}});
    append(p, kRepairsFile, {{"step", 19}, {"layer", 0}, {"event", "released"}, {"peer", 4}});
    append(p, kRepairsFile, {{"step", 25}, {"layer", 0}, {"event", "quarantined"}, {"peer", 4}});
  }
  const FaultCounts counts = score();
  EXPECT_EQ(counts.found, 4u + 3u);      // 3 .. 6, 19 .. 21
  EXPECT_EQ(counts.left_out, 12u + 5u);  // 7 .. 18, 25 .. 29
  EXPECT_EQ(counts.missed, 3u);          // 22 .. 24
  EXPECT_DOUBLE_EQ(*counts.recall(), 0.7);
}

// What was wrong when a peer was killed, nobody saw; what all began again from checkpoints for, is undone.
TEST_F(RunScore, WhatWentWithAKilledPeerIsUndone) {
  for (const std::uint64_t step : {5, 8, 9, 10, 20}) inject(4, step, "above_floor", "weights");
  inject(5, 9, "above_floor", "weights");
  append(4, kRepairsFile, {{"step", 0}, {"event", "began"}});
  append(4, kRepairsFile, {{"step", 10}, {"event", "began"}});
  append(5, kRepairsFile, {{"step", 0}, {"event", "began"}});
  FaultCounts counts = score();
  EXPECT_EQ(counts.undone, 2u);  // 9 and 10, by peer 4
  EXPECT_EQ(counts.missed, 4u);
  append(4, kRepairsFile, {{"step", 0}, {"event", "resumed"}, {"boundary", 7}});
  counts = score();
  EXPECT_EQ(counts.undone, 4u);  // 8 .. 10 of peer 4, 9 of peer 5
  EXPECT_EQ(counts.missed, 2u);
}

TEST_F(RunScore, TwoFaultsInOnePlaceAreMissedTwice) {
  inject(4, 7, "above_floor");
  inject(4, 7, "above_floor", "weights");
  EXPECT_EQ(score().missed, 2u);
}

}  // namespace
}  // namespace polydot::node
