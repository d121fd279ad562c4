// Records of a run, written by hand, and their score.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "node/files/run_layout.h"
#include "node/records/run_score.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {

using nlohmann::json;

class RunScore : public ::testing::Test {
 protected:
  RunScore() {
    for (int p = 0; p < kPeers; ++p) std::filesystem::create_directories(peer_folder(run(), p));
  }
  static constexpr int kPeers = 10;
  static constexpr std::uint64_t kOthers = kPeers - 1;
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
  void find_at_all_but(const std::set<int>& blind, int peer, std::uint64_t step,
                       const json& more = json::object()) {
    for (int finder = 0; finder < kPeers; ++finder)
      if (finder != peer && !blind.contains(finder)) find(finder, peer, step, step, more);
  }
  // A peer judged the rounds of these steps.
  void judge(int observer, std::uint64_t first, std::uint64_t last, const json& more = json::object()) {
    json line = {{"slot", 2},
                 {"epoch", 0},
                 {"attempt", 0},
                 {"delivered", true},
                 {"missing", json::array()},
                 {"steps", {{first, last}}}};
    line.update(more);
    append(observer, kRoundsFile, line);
  }
  void all_judge(std::uint64_t first, std::uint64_t last, const json& more = json::object()) {
    for (int p = 0; p < kPeers; ++p) judge(p, first, last, more);
  }
  void repair(int peer, std::uint64_t step, int layer, const std::string& event = "repaired",
              const json& more = json::object()) {
    json line = {{"step", step}, {"slot", 2}, {"layer", layer}, {"shard", 0}, {"event", event}};
    line.update(more);
    append(peer, kRepairsFile, line);
  }
  FaultCounts score() {
    FaultCounts counts;
    score_run(run(), kPeers, counts);
    return counts;
  }
  void append(int peer, const std::string& file, const json& line) {
    std::ofstream(peer_folder(run(), peer) + file, std::ios::app) << line.dump() << "\n";
  }
  void forget(const std::vector<const char*>& files) {
    for (int p = 0; p < kPeers; ++p)
      for (const char* file : files) std::filesystem::remove(peer_folder(run(), p) + file);
  }

 private:
  ScratchFolder folder_;
};

}  // namespace polydot::node
