// The run as a whole, from the records of its peers: RUN/summary.json and RUN/metrics.csv. Written by whoever
// finds the records of all peers complete, and by the launcher when some are missing for good. Reads files
// only.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config.h"
#include "node/records/certificate.h"
#include "node/records/run_score.h"

namespace polydot::node {

struct RunSummary {
  int peers_finished = 0;
  std::optional<double> test_accuracy, train_loss;  // medians over peers
  std::uint64_t steps = 0;
  double seconds = 0.0, seconds_total = 0.0;
  std::uint64_t bytes_sent = 0, noise_rounds = 0, recomputed_rounds = 0, unchecked_rounds = 0;
  double largest_kappa = 0.0;
  // What peers did about their own faults, all together; rollbacks are everybody's.
  std::uint64_t operands_recomputed = 0, repairs = 0, rebuilds = 0, cleanings = 0, repair_bytes = 0,
                rollbacks = 0;
  // Processes that came back, peers that lost their place and were rebuilt; the run, from its checkpoints.
  std::uint64_t restarts = 0, follows = 0, resumes = 0;
  FaultCounts faults;
  std::optional<Certificate> certificate;  // of the launcher, if it was asked for one
};

// From whatever records there are. Failure: kData, no peer left a summary, or a record is damaged.
Result<RunSummary> read_run(const Config& config, const std::string& run);
// The documented JSON (README, "summary.json").
nlohmann::ordered_json to_json(const RunSummary& summary, const Config& config);
// Writes summary.json and metrics.csv into the run folder.
Outcome write_summary(const RunSummary& summary, const Config& config, const std::string& run);
// Reads and writes if the records of all peers are there.
Outcome summarize_if_complete(const Config& config);

}  // namespace polydot::node
