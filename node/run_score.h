// What was injected against what was found: the score of a run, from the records of its peers. Reads files
// only.
//
// A finding names a peer in a step. An injection at that peer explains it if it was made in that step or the
// one before; and one that stays (in a stored shard, in a broken machine) explains every later finding in its
// layer, until the peer repairs or rebuilds that layer. An injection above the floor is found if somebody
// names its peer between its step and the step after the one in which it must show.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace polydot::node {

struct StageScore {
  std::uint64_t injected = 0, above_floor = 0, below_floor = 0, masked = 0, erasures = 0;
  std::uint64_t found = 0;  // of those above the floor
};

struct FaultCounts {
  std::uint64_t injected = 0;
  std::uint64_t above_floor = 0, below_floor = 0, masked = 0;  // by the injector alone
  std::uint64_t erasures = 0;  // injected after the checksum: no question of floors
  std::uint64_t found = 0;     // above the floor, and found
  std::uint64_t undone =
      0;  // above the floor, computed again, rolled back, or gone with a peer that was killed
  std::uint64_t left_out = 0;  // above the floor, not found, at a peer that nobody listened to or waited for
  std::uint64_t missed = 0;    // above the floor, and neither
  // Findings are counted once for each (step, slot, peer), whoever made them.
  std::uint64_t detected = 0;           // explained by an injection
  std::uint64_t corrected = 0;          // of those, in rounds that were decoded all the same
  std::uint64_t false_alarms = 0;       // explained by none
  std::uint64_t wrong_peer = 0;         // of those, while another peer had one that would have
  std::uint64_t checksum_findings = 0;  // of damaged frames; in none of the above
  std::uint64_t refused = 0;            // peers that refused to go on
  std::uint64_t steps_until_found = 0;  // sum over `found`
  std::map<std::string, StageScore> by_stage;

  std::optional<double> recall() const;     // of what is above the floor and was listened to
  std::optional<double> precision() const;  // of the findings
  std::optional<double> mean_steps_until_found() const;
};

// Adds to `faults` what the peers of the run left. May throw nlohmann::json::exception: a damaged record.
void score_run(const std::string& run, int peers, FaultCounts& faults);
// The documented JSON (README, "summary.json": faults).
nlohmann::ordered_json to_json(const FaultCounts& faults);

}  // namespace polydot::node
