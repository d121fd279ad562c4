#include "node/run_score.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "node/fault_truth.h"
#include "node/observers.h"
#include "node/run_folder.h"

namespace polydot::node {

namespace {

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

void count(const std::string& fault, StageScore& score) {
  ++score.injected;
  score.above_floor += fault == "above_floor";
  score.near_floor += fault == "near_floor";
  score.below_floor += fault == "below_floor";
  score.masked += fault == "masked";
  score.erasures += fault == "erasure";
}

enum class Sighting { kFound, kMissed, kUndone, kLeftOut };

// A later attempt holds the victim's earlier contribution still if the victim had done with the round then:
// it sends what it has.
bool is_new_in(const Observer& victim, const RoundPlace& place, std::uint32_t attempt) {
  const std::vector<JudgedRound> own = victim.judged(place);
  return own.empty() || std::any_of(own.begin(), own.end(),
                                    [&](const JudgedRound& round) { return round.attempt >= attempt; });
}

Sighting sighting_of(const InjectionRecord& fault, const Observer& victim, const Observer& observer,
                     const FaultTruth& truth) {
  const RoundPlace& place = fault.shows_at;
  const std::vector<JudgedRound> rounds = observer.judged(place);
  bool had_it = false, delivered = false;
  for (const JudgedRound& round : rounds) {
    if (round.missing.contains(fault.peer)) continue;
    had_it = true;
    const bool shows = fault.in_any_attempt || round.attempt == fault.attempt ||
                       (round.attempt > fault.attempt && !is_new_in(victim, place, round.attempt));
    delivered = delivered || (round.delivered && shows);
  }
  if (!had_it) return rounds.empty() && observer.judged_later(place) ? Sighting::kUndone : Sighting::kLeftOut;
  if (observer.located(fault.peer, place)) return Sighting::kFound;
  if (!delivered || truth.was_mended_before(fault)) return Sighting::kUndone;
  return Sighting::kMissed;
}

void add(Sighting sighting, Sightings& sightings) {
  sightings.found += sighting == Sighting::kFound;
  sightings.missed += sighting == Sighting::kMissed;
  sightings.undone += sighting == Sighting::kUndone;
  sightings.left_out += sighting == Sighting::kLeftOut;
}

void score_injections(const FaultTruth& truth, const std::vector<Observer>& observers, FaultCounts& faults) {
  for (const InjectionRecord& fault : truth.injections()) {
    StageScore& score = faults.by_stage[fault.stage];
    count(fault.fault, score);
    const bool is_above = fault.fault == "above_floor";
    if (!is_above && fault.fault != "near_floor") continue;
    const auto victim = static_cast<std::size_t>(fault.peer);
    for (std::size_t o = 0; o < observers.size(); ++o) {
      if (o == victim) continue;
      const Sighting sighting = sighting_of(fault, observers[victim], observers[o], truth);
      add(sighting, is_above ? score.above : score.near);
      if (is_above && sighting == Sighting::kFound)
        score.steps_until_found += fault.shows_at.step - fault.step;
    }
  }
}

void score_findings(const FaultTruth& truth, const std::vector<Observer>& observers, FaultCounts& faults) {
  const int peers = static_cast<int>(observers.size());
  std::set<std::tuple<std::uint64_t, std::uint32_t, int>> by_checksum;
  for (const Observer& observer : observers) {
    by_checksum.insert(observer.by_checksum().begin(), observer.by_checksum().end());
    for (const auto& [place_and_peer, located] : observer.all_located()) {
      const auto& [place, peer] = place_and_peer;
      const Explanation explanation = truth.explain(peer, place, located.layer);
      const bool explained = explanation != Explanation::kNone;
      faults.detected += explained;
      faults.by_what_stays += explanation == Explanation::kStays;
      faults.corrected += explained && located.corrected;
      faults.false_alarms += !explained;
      for (int other = 0; !explained && other < peers; ++other)
        if (truth.explain(other, place, located.layer) != Explanation::kNone) {
          ++faults.wrong_peer;
          break;
        }
    }
  }
  faults.checksum_findings = by_checksum.size();
}

}  // namespace

std::optional<double> Sightings::recall() const { return ratio(found, due()); }

Sightings& Sightings::operator+=(const Sightings& other) {
  found += other.found, missed += other.missed;
  undone += other.undone, left_out += other.left_out;
  return *this;
}

StageScore& StageScore::operator+=(const StageScore& other) {
  injected += other.injected, above_floor += other.above_floor, near_floor += other.near_floor;
  below_floor += other.below_floor, masked += other.masked, erasures += other.erasures;
  above += other.above, near += other.near;
  steps_until_found += other.steps_until_found;
  return *this;
}

std::optional<double> FaultCounts::precision() const { return ratio(detected, detected + false_alarms); }
std::optional<double> FaultCounts::mean_steps_until_found() const {
  return ratio(steps_until_found, above.found);
}

void score_run(const std::string& run, int peers, FaultCounts& faults) {
  const FaultTruth truth(run, peers);
  std::vector<Observer> observers;
  for (int p = 0; p < peers; ++p) observers.emplace_back(peer_folder(run, p));
  score_findings(truth, observers, faults);
  score_injections(truth, observers, faults);
  for (const auto& [stage, score] : faults.by_stage) static_cast<StageScore&>(faults) += score;
}

nlohmann::ordered_json to_json(const FaultCounts& faults) {
  const auto number = [](std::optional<double> value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json out = {{"injected", faults.injected},
                                {"above_floor", faults.above_floor},
                                {"near_floor", faults.near_floor},
                                {"below_floor", faults.below_floor},
                                {"masked", faults.masked},
                                {"erasures", faults.erasures},
                                {"observations", faults.above.due()},
                                {"found", faults.above.found},
                                {"missed", faults.above.missed},
                                {"undone", faults.above.undone},
                                {"left_out", faults.above.left_out},
                                {"recall", number(faults.recall())},
                                {"near_floor_observations", faults.near.due()},
                                {"near_floor_found", faults.near.found},
                                {"near_floor_recall", number(faults.near.recall())},
                                {"detected", faults.detected},
                                {"by_what_stays", faults.by_what_stays},
                                {"corrected", faults.corrected},
                                {"false_alarms", faults.false_alarms},
                                {"wrong_peer", faults.wrong_peer},
                                {"precision", number(faults.precision())},
                                {"mean_steps_until_found", number(faults.mean_steps_until_found())},
                                {"checksum_findings", faults.checksum_findings},
                                {"refused", faults.refused},
                                {"by_stage", nlohmann::ordered_json::object()}};
  for (const auto& [stage, score] : faults.by_stage)
    out["by_stage"][stage] = {{"injected", score.injected},
                              {"above_floor", score.above_floor},
                              {"near_floor", score.near_floor},
                              {"below_floor", score.below_floor},
                              {"masked", score.masked},
                              {"erasures", score.erasures},
                              {"observations", score.above.due()},
                              {"found", score.above.found}};
  return out;
}

}  // namespace polydot::node
