// What was injected against what was found: the score of a run, from the records of its peers. Reads files
// only.
//
// Unit of recall: an injection and an observer, that is a peer other than its victim. It is
//   due       if the injection is of the class above_floor, which the injector gives it by the analytic
//   floor,
//             and the observer delivered the round in which it must show, in the attempt in which it must
//             show, from a set with the victim's contribution in it;
//   found     if it is due and the observer located the victim in that very round and attempt (in its product
//             or in a scrub that rides on it);
//   missed    if it is due and the observer did not, whatever others located. Of these, though_sure: those in
//             which the class keeps what it promises: the fault was alone in its entry (fault_truth.h), all
//             peers had all contributions in that step, and it is not one of momentum, whose scrub may be as
//             loud as what earlier steps left in it;
//   undone    not due: this observer did not deliver that attempt, but computed the round again or went back
//             behind it, whatever it had located in an attempt in vain; or it did not locate the victim,
//             whose shard was put right before the fault could show;
//   left out  not due: this observer did not have the victim's contribution, or did not judge the round.
// recall = found / (found + missed). The same is counted for the class near_floor, apart.
//
// Unit of precision: an observer, a round and a peer that the observer located there. It is explained only by
// an injection at that peer which shows there (fault_truth.h), else a false alarm; what nobody can tell, for
// a fault below the floor may still be in that shard, is unclear.
// precision = detected / (detected + false alarms).
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace polydot::node {

// Pairs of injection and observer.
struct Sightings {
  std::uint64_t found = 0, missed = 0, undone = 0, left_out = 0;
  std::uint64_t though_sure = 0;  // of those missed

  std::uint64_t due() const { return found + missed; }
  std::optional<double> recall() const;
  Sightings& operator+=(const Sightings& other);
};

struct StageScore {
  // Injections, by their class.
  std::uint64_t injected = 0, above_floor = 0, near_floor = 0, below_floor = 0, masked = 0, erasures = 0;
  Sightings above, near;
  std::uint64_t steps_until_found = 0;  // sum over above.found

  StageScore& operator+=(const StageScore& other);
};

struct FaultCounts : StageScore {
  // Places at which an observer located a peer.
  std::uint64_t detected = 0;           // explained by an injection
  std::uint64_t by_what_stays = 0;      // of those, only by one that stays in a shard
  std::uint64_t corrected = 0;          // of `detected`, in rounds that were decoded all the same
  std::uint64_t false_alarms = 0;       // explained by none
  std::uint64_t unclear = 0;            // neither
  std::uint64_t wrong_peer = 0;         // of the false alarms, while an injection at another peer shows there
  std::uint64_t checksum_findings = 0;  // (step, slot, peer) of damaged frames; in none of the above
  std::uint64_t refused = 0;            // peers that refused to go on
  std::map<std::string, StageScore> by_stage;

  std::optional<double> recall() const { return above.recall(); }
  std::optional<double> precision() const;
  std::optional<double> mean_steps_until_found() const;
};

// Adds to `faults` what the peers of the run left. May throw nlohmann::json::exception: a damaged record.
void score_run(const std::string& run, int peers, FaultCounts& faults);
// The documented JSON (README, "summary.json": faults).
nlohmann::ordered_json to_json(const FaultCounts& faults);

}  // namespace polydot::node
