#include "node/records/run_score.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "node/files/run_layout.h"
#include "node/records/fault_truth.h"
#include "node/records/observers.h"

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
bool is_new_in(const InjectionRecord& fault, std::uint32_t attempt) {
  return !fault.own_attempt || *fault.own_attempt >= attempt;
}

Sighting sighting_of(const InjectionRecord& fault, const Observer& observer, const FaultTruth& truth) {
  const RoundPlace& place = fault.shows_at;
  const std::vector<JudgedRound> rounds = observer.judged(place);
  bool had_it = false, delivered = false, found = false;
  for (const JudgedRound& round : rounds) {
    if (round.missing.contains(fault.peer)) continue;
    had_it = true;
    const bool shows = fault.in_any_attempt || round.attempt == fault.attempt ||
                       (round.attempt > fault.attempt && !is_new_in(fault, round.attempt));
    if (!round.delivered || !shows) continue;
    delivered = true;
    found = found || observer.located(fault.peer, place, round.attempt);
  }
  if (!had_it) return rounds.empty() && observer.judged_later(place) ? Sighting::kUndone : Sighting::kLeftOut;
  if (!delivered) return Sighting::kUndone;
  if (found) return Sighting::kFound;
  return truth.was_mended_before(fault) ? Sighting::kUndone : Sighting::kMissed;
}

void add(Sighting sighting, bool is_sure, Sightings& sightings) {
  sightings.found += sighting == Sighting::kFound;
  sightings.missed += sighting == Sighting::kMissed;
  sightings.though_sure += sighting == Sighting::kMissed && is_sure;
  sightings.undone += sighting == Sighting::kUndone;
  sightings.left_out += sighting == Sighting::kLeftOut;
}

// What the peers' books say of the rounds in which injections must show.
void look_at_rounds(int peer, const Observer& observer, FaultTruth& truth) {
  for (InjectionRecord& fault : truth.injections()) {
    const RoundPlace& place = fault.shows_at;
    fault.somebody_lacked_any = fault.somebody_lacked_any || observer.lacked_any(place.epoch, place.step);
    if (fault.peer != peer) continue;
    for (const JudgedRound& round : observer.judged(place))
      fault.own_attempt = std::max(fault.own_attempt.value_or(0), round.attempt);
  }
}

void score_injections(int self, const FaultTruth& truth, const Observer& observer, FaultCounts& faults) {
  for (const InjectionRecord& fault : truth.injections()) {
    StageScore& score = faults.by_stage[fault.stage];
    const bool is_above = fault.fault == "above_floor";
    if (fault.peer == self || (!is_above && fault.fault != "near_floor")) continue;
    const Sighting sighting = sighting_of(fault, observer, truth);
    const bool is_sure = is_above && sighting == Sighting::kMissed && !fault.somebody_lacked_any &&
                         fault.stage != "optimizer" && truth.is_alone(fault);
    add(sighting, is_sure, is_above ? score.above : score.near);
    if (is_above && sighting == Sighting::kFound) score.steps_until_found += fault.shows_at.step - fault.step;
  }
}

void score_findings(int peers, const FaultTruth& truth, const Observer& observer, FaultCounts& faults) {
  for (const auto& [place_and_peer, located] : observer.all_located()) {
    const auto& [place, peer] = place_and_peer;
    const Explanation explanation = truth.explain(peer, place, located.layer);
    const bool explained = explanation >= Explanation::kStays, alarm = explanation == Explanation::kNone;
    faults.detected += explained;
    faults.by_what_stays += explanation == Explanation::kStays;
    faults.corrected += explained && located.corrected;
    faults.unclear += explanation == Explanation::kUnclear;
    faults.false_alarms += alarm;
    for (int other = 0; alarm && other < peers; ++other)
      if (truth.explain(other, place, located.layer) >= Explanation::kStays) {
        ++faults.wrong_peer;
        break;
      }
  }
}

}  // namespace

std::optional<double> Sightings::recall() const { return ratio(found, due()); }

Sightings& Sightings::operator+=(const Sightings& other) {
  found += other.found, missed += other.missed;
  undone += other.undone, left_out += other.left_out;
  though_sure += other.though_sure;
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

// One peer's records at a time are in memory, however many there are.
void score_run(const std::string& run, int peers, FaultCounts& faults) {
  FaultTruth truth(run, peers);
  for (int p = 0; p < peers && !truth.injections().empty(); ++p)
    look_at_rounds(p, Observer(peer_folder(run, p)), truth);
  for (const InjectionRecord& fault : truth.injections()) count(fault.fault, faults.by_stage[fault.stage]);
  std::set<std::tuple<std::uint64_t, std::uint32_t, int>> by_checksum;
  for (int p = 0; p < peers; ++p) {
    const Observer observer(peer_folder(run, p));
    score_findings(peers, truth, observer, faults);
    score_injections(p, truth, observer, faults);
    by_checksum.insert(observer.by_checksum().begin(), observer.by_checksum().end());
  }
  faults.checksum_findings = by_checksum.size();
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
                                {"missed_though_sure", faults.above.though_sure},
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
                                {"unclear", faults.unclear},
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
