#include "node/fault_truth.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/record_lines.h"
#include "node/run_folder.h"

namespace polydot::node {

namespace {

using Step = std::uint64_t;

bool is_stored(const std::string& stage) {
  return stage == "weights" || stage == "optimizer" || stage == "update";
}
// A peer's operands and gradients: read by a round and by the update of the same step.
bool is_operand(const std::string& stage) {
  return stage == "batch" || stage == "decode" || stage == "activation" || stage == "loss" ||
         stage == "hadamard";
}
bool is_finding(const InjectionRecord& injection) {
  return injection.fault != "masked" && injection.fault != "erasure";
}

// Something began by `step` and was not ended before it.
bool lasts(const std::map<std::pair<int, int>, std::set<Step>>& begun,
           const std::map<std::pair<int, int>, std::set<Step>>& ended, const std::pair<int, int>& place,
           Step step) {
  const auto since = begun.find(place);
  if (since == begun.end()) return false;
  const auto next = since->second.upper_bound(step);
  if (next == since->second.begin()) return false;
  const auto ends = ended.find(place);
  if (ends == ended.end()) return true;
  const auto end = ends->second.lower_bound(*std::prev(next));
  return end == ends->second.end() || *end >= step;
}

}  // namespace

FaultTruth::FaultTruth(const std::string& run, int peers) {
  for (int p = 0; p < peers; ++p) {
    for_each_line(peer_folder(run, p) + kInjectionsFile,
                  [&](const nlohmann::json& line) { read_injection(p, line); });
    for_each_line(peer_folder(run, p) + kRepairsFile,
                  [&](const nlohmann::json& line) { read_repair(p, line); });
  }
  find_what_stays();
}

void FaultTruth::read_injection(int peer, const nlohmann::json& line) {
  InjectionRecord one;
  one.peer = peer;
  one.step = line.at("step");
  one.slot = line.at("slot");
  one.stage = line.at("stage");
  one.fault = line.at("class");
  one.layer = line.at("layer");
  one.found_layer = line.value("found_layer", one.layer);
  one.shows_at = {line.value("found_step", one.step), line.value("found_epoch", 0U),
                  line.value("found_slot", one.slot)};
  one.attempt = line.value("found_attempt", 0U);
  // A machine whose bit is stuck is wrong anew in each attempt, and each is written down.
  one.in_any_attempt =
      is_stored(one.stage) || (line.value("lasting", false) && line.value("model", "") != "sticky");
  by_step_[{peer, one.step}].push_back(injections_.size());
  if (one.shows_at.step != one.step) by_step_[{peer, one.shows_at.step}].push_back(injections_.size());
  injections_.push_back(std::move(one));
}

void FaultTruth::read_repair(int peer, const nlohmann::json& line) {
  const std::string event = line.at("event");
  const Step step = line.at("step");
  if (event == "operand_recomputed") recomputed_.emplace(peer, step);
  if (event != "repaired" && event != "rebuilt" && event != "cleaned") return;
  const PeerLayer place{line.value("peer", -1) < 0 ? peer : line.at("peer").get<int>(), line.at("layer")};
  if (event != "cleaned") repaired_[place].insert(step);
  if (event != "repaired") renewed_[place].insert(step);
}

void FaultTruth::find_what_stays() {
  for (const InjectionRecord& one : injections_) {
    if (!is_finding(one)) continue;
    if (one.in_any_attempt)
      (one.fault == "above_floor" ? surely_ : perhaps_)[{one.peer, one.found_layer}].insert(
          one.shows_at.step);
    if (is_operand(one.stage) && !recomputed_.contains({one.peer, one.step}))
      for (const int layer : {one.layer, one.found_layer}) perhaps_[{one.peer, layer}].insert(one.step + 1);
  }
}

Explanation FaultTruth::explain(int peer, const RoundPlace& place, int layer) const {
  if (const auto of_step = by_step_.find({peer, place.step}); of_step != by_step_.end())
    for (const std::size_t k : of_step->second) {
      const InjectionRecord& one = injections_[k];
      if (!is_finding(one)) continue;
      if (one.shows_at == place) return Explanation::kShowsThere;
      const bool reads_it = is_operand(one.stage) && one.step == place.step && one.slot < place.slot &&
                            (layer == one.layer || layer == one.found_layer);
      if (reads_it) return Explanation::kShowsThere;
    }
  const bool stays = lasts(surely_, repaired_, {peer, layer}, place.step) ||
                     lasts(perhaps_, renewed_, {peer, layer}, place.step);
  return stays ? Explanation::kStays : Explanation::kNone;
}

bool FaultTruth::was_mended_before(const InjectionRecord& injection) const {
  if (injection.shows_at.step <= injection.step) return false;
  for (const auto* mended : {&repaired_, &renewed_})
    if (const auto steps = mended->find({injection.peer, injection.found_layer}); steps != mended->end()) {
      const auto next = steps->second.lower_bound(injection.step);
      if (next != steps->second.end() && *next <= injection.shows_at.step) return true;
    }
  return false;
}

}  // namespace polydot::node
