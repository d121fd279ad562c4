// The folder of a run, as every reader and writer of it knows it.
//
//   polydot-run.json  what polydot made here: only that is ever replaced (tools/run_marker.h)
//                                                                        (the launcher)
//   config.toml       every effective value; runs again as it was        (the launcher)
//   cluster.toml      the same with cluster id and endpoints, for peers  (the launcher)
//   metrics.csv       a row a step, each once                            (whoever finishes last)
//   summary.json      the run as a whole                                 (whoever finishes last)
//   peer-00/ ...      what each peer wrote for itself:
//     metrics.csv evaluations.csv findings.jsonl rounds.jsonl injections.jsonl repairs.jsonl
//     summary.json log
//                                   of all its lives, one after the other
//     ballot.json lock                what it promised; who writes here
//     inputs.json                     how data become inputs (input_json.h)
//     checkpoints/checkpoint-EEEEE-BBBBBBBBBBBB.pdck   its coded state after B steps, the last two
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace polydot::node {

inline std::string peer_folder(const std::string& run, int index) {
  char name[32];
  std::snprintf(name, sizeof name, "/peer-%02d", index);
  return run + name;
}

inline constexpr const char* kMetricsFile = "/metrics.csv";
inline constexpr const char* kEvaluationsFile = "/evaluations.csv";
inline constexpr const char* kFindingsFile = "/findings.jsonl";
inline constexpr const char* kRoundsFile = "/rounds.jsonl";
inline constexpr const char* kInjectionsFile = "/injections.jsonl";
inline constexpr const char* kBallotFile = "ballot.json";  // on the Disk of the peer's folder
inline constexpr const char* kRepairsFile = "/repairs.jsonl";
inline constexpr const char* kSummaryFile = "/summary.json";
inline constexpr const char* kInputsFile = "/inputs.json";
inline constexpr const char* kConfigFile = "/config.toml";
inline constexpr const char* kClusterFile = "/cluster.toml";
inline constexpr const char* kLockFile = "/lock";
inline constexpr const char* kLogFile = "/log";
inline constexpr const char* kCheckpointsFolder = "/checkpoints";
inline constexpr const char* kMarkerFile = "/polydot-run.json";

// All of a run as a whole but the marker, and all in the folder of a peer but its checkpoints.
inline constexpr std::array kRunFiles{kConfigFile, kClusterFile, kMetricsFile, kSummaryFile};
inline constexpr std::array kPeerFiles{kMetricsFile,    kEvaluationsFile, kFindingsFile, kRoundsFile,
                                       kInjectionsFile, kRepairsFile,     kSummaryFile,  kInputsFile,
                                       kLogFile,        kLockFile,        "/ballot.json"};

}  // namespace polydot::node
