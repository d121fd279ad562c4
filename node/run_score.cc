#include "node/run_score.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "node/earlier_lives.h"
#include "node/run_folder.h"

namespace polydot::node {

namespace {

using nlohmann::json;

using Step = std::uint64_t;
using PeerLayer = std::pair<int, int>;
// (step, slot, peer)
using Place = std::tuple<Step, std::uint32_t, int>;

// Calls visit for each line of a JSON-lines file; a missing file has none, a torn last line is skipped.
template <typename Visit>
void for_each_line(const std::string& path, Visit visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const json value = json::parse(line, nullptr, false); !value.is_discarded()) visit(value);
}

struct AboveFloor {
  int peer = 0;
  Step step = 0, found_step = 0;
  std::string stage;
};

struct Truth {
  std::set<std::pair<int, Step>> injected;                // (peer, step)
  std::map<PeerLayer, std::set<Step>> lasting;            // from when on something that stays must show
  std::map<PeerLayer, std::set<Step>> lingering;          // too small to be located, and so to be repaired
  std::map<PeerLayer, std::set<Step>> repaired, renewed;  // in part or whole; whole
  std::vector<AboveFloor> above;
  std::map<int, std::set<std::pair<Step, bool>>> quarantine;  // (step, it ends): of a peer, by the others

  // (first step, last step): of rounds that nobody could explain, computed again or rolled back.
  std::vector<std::pair<Step, Step>> undone;

  // (peer, steps it had done): what a peer had wrong when it was killed went with it.
  std::vector<std::pair<int, Step>> killed;

  bool is_undone(const AboveFloor& fault) const {
    for (const auto& [peer, steps] : killed)
      if (fault.peer == peer && fault.step <= steps && fault.found_step + 1 >= steps) return true;
    return std::any_of(undone.begin(), undone.end(), [&](const auto& steps) {
      return steps.first <= fault.found_step && fault.step <= steps.second;
    });
  }

  // Whether nobody listened to the peer in some round of the step.
  bool is_left_out(int peer, Step step) const {
    const auto of_peer = quarantine.find(peer);
    if (of_peer == quarantine.end()) return false;
    const auto next = of_peer->second.lower_bound({step, true});
    const bool ends_now = next != of_peer->second.end() && *next == std::pair(step, true);
    return ends_now || (next != of_peer->second.begin() && !std::prev(next)->second);
  }

  bool explains(int peer, int layer, Step step) const {
    if (injected.contains({peer, step}) || (step > 0 && injected.contains({peer, step - 1}))) return true;
    return lasts(lasting, repaired, {peer, layer}, step) || lasts(lingering, renewed, {peer, layer}, step);
  }

 private:
  using Steps = std::map<PeerLayer, std::set<Step>>;
  // Something began before `step` and was not ended before it.
  static bool lasts(const Steps& begun, const Steps& ended, const PeerLayer& place, Step step) {
    const auto since = begun.find(place);
    if (since == begun.end()) return false;
    const auto next = since->second.upper_bound(step);
    if (next == since->second.begin()) return false;
    const auto ends = ended.find(place);
    if (ends == ended.end()) return true;
    const auto end = ends->second.lower_bound(*std::prev(next));
    return end == ends->second.end() || *end >= step;
  }
};

bool stays(const json& line) {
  const std::string stage = line.at("stage");
  return stage == "weights" || stage == "optimizer" || stage == "update" || line.value("lasting", false) ||
         line.value("model", "") == "sticky";
}

void count(const std::string& fault, StageScore& score) {
  ++score.injected;
  score.above_floor += fault == "above_floor";
  score.below_floor += fault == "below_floor";
  score.masked += fault == "masked";
  score.erasures += fault == "erasure";
}

Truth read_truth(const std::string& run, int peers, FaultCounts& faults) {
  Truth truth;
  for (int p = 0; p < peers; ++p) {
    for_each_line(peer_folder(run, p) + kInjectionsFile, [&](const json& line) {
      const Step step = line.at("step");
      const int layer = line.at("layer");
      const std::string fault = line.at("class"), stage = line.at("stage");
      count(fault, faults.by_stage[stage]);
      truth.injected.emplace(p, step);
      if (stays(line))
        (fault == "above_floor" ? truth.lasting : truth.lingering)[{p, line.value("found_layer", layer)}]
            .insert(line.value("found_step", step));
      if (fault == "above_floor") truth.above.push_back({p, step, line.value("found_step", step), stage});
    });
    Step lived = 0;  // steps that it had done when its life began
    for_each_line(peer_folder(run, p) + kRepairsFile, [&](const json& line) {
      const std::string event = line.at("event");
      const int peer = line.value("peer", p);
      const Step step = line.at("step");
      if (event == "repaired" || event == "rebuilt")
        truth.repaired[{peer, line.at("layer").get<int>()}].insert(step);
      if (event == "cleaned" || event == "rebuilt")
        truth.renewed[{peer, line.at("layer").get<int>()}].insert(step);
      if (event == "computed_again") truth.undone.emplace_back(step, step);
      if (event == kBeganEvent && step > 0) truth.killed.emplace_back(p, lived = step);
      if (event == "rolled_back" || event == "resumed")
        truth.undone.emplace_back(line.at("boundary").get<Step>(), std::max(step, lived));
      if (event == "quarantined" || event == "released" || event == "late" || event == "in_time")
        truth.quarantine[peer].emplace(step, event == "released" || event == "in_time");
    });
  }
  return truth;
}

struct Found {
  int layer = 0;
  bool corrected = true;  // at every finder
};

struct Findings {
  std::map<Place, Found> places;
  std::map<int, std::set<Step>> steps_of_peer;
};

Findings read_findings(const std::string& run, int peers, FaultCounts& faults) {
  Findings findings;
  std::set<Place> by_checksum;
  for (int p = 0; p < peers; ++p)
    for_each_line(peer_folder(run, p) + kFindingsFile, [&](const json& line) {
      const int peer = line.at("peer"), layer = line.at("layer");
      const bool corrected = line.at("corrected");
      const Step last = line.at("last_step");
      for (Step step = line.at("first_step"); step <= last; ++step) {
        const Place place{step, line.at("slot"), peer};
        if (line.value("by", "code") == "checksum") {
          by_checksum.insert(place);
          continue;
        }
        Found& found = findings.places.try_emplace(place, Found{layer, true}).first->second;
        found.corrected = found.corrected && corrected;
        findings.steps_of_peer[peer].insert(step);
      }
    });
  faults.checksum_findings = by_checksum.size();
  return findings;
}

void score_findings(const Truth& truth, const Findings& findings, int peers, FaultCounts& faults) {
  for (const auto& [place, found] : findings.places) {
    const auto [step, slot, peer] = place;
    const bool explained = truth.explains(peer, found.layer, step);
    faults.detected += explained;
    faults.corrected += explained && found.corrected;
    faults.false_alarms += !explained;
    for (int other = 0; !explained && other < peers; ++other)
      if (other != peer && truth.explains(other, found.layer, step)) {
        ++faults.wrong_peer;
        break;
      }
  }
}

void score_injections(const Truth& truth, const Findings& findings, FaultCounts& faults) {
  for (const AboveFloor& fault : truth.above) {
    const auto steps = findings.steps_of_peer.find(fault.peer);
    const bool any = steps != findings.steps_of_peer.end();
    const auto first = any ? steps->second.lower_bound(fault.step) : std::set<Step>::const_iterator();
    if (any && first != steps->second.end() && *first <= fault.found_step + 1) {
      ++faults.by_stage[fault.stage].found;
      faults.steps_until_found += *first - fault.step;
    } else if (truth.is_undone(fault)) {
      ++faults.undone;
    } else {
      faults.left_out += truth.is_left_out(fault.peer, fault.found_step);
    }
  }
}

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::optional<double> FaultCounts::recall() const { return ratio(found, above_floor - left_out - undone); }
std::optional<double> FaultCounts::precision() const { return ratio(detected, detected + false_alarms); }
std::optional<double> FaultCounts::mean_steps_until_found() const { return ratio(steps_until_found, found); }

void score_run(const std::string& run, int peers, FaultCounts& faults) {
  const Truth truth = read_truth(run, peers, faults);
  const Findings findings = read_findings(run, peers, faults);
  score_findings(truth, findings, peers, faults);
  score_injections(truth, findings, faults);
  for (const auto& [stage, score] : faults.by_stage) {
    faults.injected += score.injected;
    faults.above_floor += score.above_floor;
    faults.below_floor += score.below_floor;
    faults.masked += score.masked;
    faults.erasures += score.erasures;
    faults.found += score.found;
  }
  faults.missed = faults.above_floor - faults.found - faults.left_out - faults.undone;
}

nlohmann::ordered_json to_json(const FaultCounts& faults) {
  const auto number = [](std::optional<double> value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json out = {{"injected", faults.injected},
                                {"above_floor", faults.above_floor},
                                {"detected", faults.detected},
                                {"corrected", faults.corrected},
                                {"refused", faults.refused},
                                {"false_alarms", faults.false_alarms},
                                {"below_floor", faults.below_floor},
                                {"masked", faults.masked},
                                {"missed", faults.missed},
                                {"left_out", faults.left_out},
                                {"undone", faults.undone},
                                {"recall", number(faults.recall())},
                                {"precision", number(faults.precision())},
                                {"wrong_peer", faults.wrong_peer},
                                {"mean_steps_until_found", number(faults.mean_steps_until_found())},
                                {"erasures", faults.erasures},
                                {"checksum_findings", faults.checksum_findings},
                                {"by_stage", nlohmann::ordered_json::object()}};
  for (const auto& [stage, score] : faults.by_stage)
    out["by_stage"][stage] = {{"injected", score.injected},       {"above_floor", score.above_floor},
                              {"below_floor", score.below_floor}, {"masked", score.masked},
                              {"erasures", score.erasures},       {"found", score.found}};
  return out;
}

}  // namespace polydot::node
