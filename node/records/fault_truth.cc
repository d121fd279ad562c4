#include "node/records/fault_truth.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "node/files/run_layout.h"
#include "node/text/json_text.h"

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

// The floor is 64 roundings (codes/decode/noise_floor.h): what is smaller than one is nothing that anybody
// finds.
constexpr double kOneRounding = 1.0 / 64;

double size_of(const nlohmann::json& line) {
  const auto size = line.find("size_over_floor");
  if (size == line.end()) return 0.0;
  return size->is_number() ? size->get<double>() : std::numeric_limits<double>::infinity();
}

// What follows from it beyond the round by which it was judged.
Explanation beyond_its_round(const InjectionRecord& injection) {
  if (injection.fault != "below_floor") return Explanation::kStays;
  const bool is_unknown = injection.size_over_floor == 0.0;
  if (is_operand(injection.stage) && !injection.in_any_attempt)
    return is_unknown ? Explanation::kUnclear : Explanation::kNone;
  const bool may_be_seen = is_unknown || injection.size_over_floor >= kOneRounding;
  return may_be_seen ? Explanation::kUnclear : Explanation::kNone;
}

}  // namespace

FaultTruth::FaultTruth(const std::string& run, int peers) : peers_(peers) {
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
  one.shard = is_operand(one.stage) ? kAnyShard : line.value("shard", 0);
  one.size_over_floor = size_of(line);
  one.row = line.value("row", 0);
  one.col = line.value("col", 0);
  one.count = line.value("count", 0);
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
  const std::uint32_t epoch = line.value("epoch", 0U);
  if (event == "operand_recomputed") recomputed_.emplace(peer, epoch, step);
  if (event == "rolled_back" || event == "resumed")
    rollbacks_[peer].push_back({epoch, line.at("boundary").get<Step>()});
  if (event != "repaired" && event != "rebuilt" && event != "cleaned") return;
  const int of = line.value("peer", -1) < 0 ? peer : line.at("peer").get<int>();
  repairs_[{of, line.at("layer")}].push_back({{epoch, step, line.value("slot", 0U)},
                                              line.value("shard", 0),
                                              event == "repaired",
                                              event == "cleaned"});
}

FaultTruth::Time FaultTruth::struck_at(const InjectionRecord& injection) {
  return {injection.shows_at.epoch, injection.step, injection.slot};
}

// The last moment at which it may be in a shard of this layer; in_part: if a repair in part ends it.
FaultTruth::Time FaultTruth::end_of(const InjectionRecord& injection, int layer, bool in_part) const {
  constexpr Time kNever{~std::uint32_t{0}, ~Step{0}, ~std::uint32_t{0}};
  Time end = kNever;
  if (const auto repairs = repairs_.find({injection.peer, layer}); repairs != repairs_.end())
    for (const Repair& repair : repairs->second) {
      const bool same_shard = injection.shard == kAnyShard || repair.shard == injection.shard;
      const bool ends_it = same_shard && (in_part || !repair.in_part) &&
                           !(repair.of_drift && injection.fault == "above_floor");
      if (ends_it && repair.at > struck_at(injection)) end = std::min(end, repair.at);
    }
  if (const auto rollbacks = rollbacks_.find(injection.peer); rollbacks != rollbacks_.end())
    for (const Rollback& rollback : rollbacks->second)
      if (rollback.epoch > injection.shows_at.epoch && rollback.boundary <= injection.step)
        end = std::min(end, Time{rollback.epoch - 1, ~Step{0}, ~std::uint32_t{0}});
  return end;
}

void FaultTruth::stays(const InjectionRecord& injection, int layer, Time first, Explanation as) {
  first = std::max(first, struck_at(injection));
  const Time last = end_of(injection, layer);
  if (as != Explanation::kNone && first <= last)
    staying_[{injection.peer, layer}].push_back({first, last, as});
  if (as == Explanation::kNone || injection.fault == "above_floor") return;
  if (const Time whole = end_of(injection, layer, false);
      last < whole && was_for_another(injection, layer, last))
    staying_[{injection.peer, layer}].push_back({last, whole, Explanation::kUnclear});
}

// Whether another fault was in the shard until this repair in part.
bool FaultTruth::was_for_another(const InjectionRecord& injection, int layer, Time repair) const {
  return std::any_of(injections_.begin(), injections_.end(), [&](const InjectionRecord& other) {
    const bool in_a_shard = is_finding(other) && (other.in_any_attempt || is_operand(other.stage));
    return in_a_shard && &other != &injection && other.peer == injection.peer && other.found_layer == layer &&
           struck_at(other) < repair && end_of(other, layer) >= repair;
  });
}

void FaultTruth::find_what_stays() {
  for (const InjectionRecord& one : injections_) {
    if (!is_finding(one)) continue;
    const std::uint32_t epoch = one.shows_at.epoch;
    const Explanation as = beyond_its_round(one);
    if (one.in_any_attempt) stays(one, one.found_layer, {epoch, one.shows_at.step, 0}, as);
    if (is_operand(one.stage) && !recomputed_.contains({one.peer, epoch, one.step}))
      for (const int layer : std::set{one.layer, one.found_layer})
        stays(one, layer, {epoch, one.step + 1, 0}, as);
  }
}

// What was judged by another round explains here.
Explanation FaultTruth::lingers(int peer, const RoundPlace& place, int layer) const {
  Explanation best = Explanation::kNone;
  if (const auto of_step = by_step_.find({peer, place.step}); of_step != by_step_.end())
    for (const std::size_t k : of_step->second) {
      const InjectionRecord& one = injections_[k];
      const bool reads_it = is_finding(one) && is_operand(one.stage) && one.step == place.step &&
                            one.shows_at.epoch == place.epoch && one.slot < place.slot &&
                            (layer == one.layer || layer == one.found_layer);
      if (!reads_it) continue;
      const Explanation beyond = beyond_its_round(one);
      best = std::max(best, beyond == Explanation::kStays ? Explanation::kShowsThere : beyond);
    }
  const Time at{place.epoch, place.step, place.slot};
  if (const auto staying = staying_.find({peer, layer}); staying != staying_.end())
    for (const Staying& one : staying->second)
      if (one.first <= at && at <= one.last) best = std::max(best, one.as);
  return best;
}

Explanation FaultTruth::explain(int peer, const RoundPlace& place, int layer) const {
  if (const auto of_step = by_step_.find({peer, place.step}); of_step != by_step_.end())
    for (const std::size_t k : of_step->second)
      if (is_finding(injections_[k]) && injections_[k].shows_at == place) return Explanation::kShowsThere;
  return lingers(peer, place, layer);
}

bool FaultTruth::is_alone(const InjectionRecord& injection) const {
  const RoundPlace& place = injection.shows_at;
  const auto is_one_value = [](const InjectionRecord& one) {
    return one.stage == "product" && one.count == 1;
  };
  for (int other = 0; other < peers_; ++other) {
    if (other == injection.peer) continue;
    if (lingers(other, place, injection.found_layer) != Explanation::kNone) return false;
    const auto of_step = by_step_.find({other, place.step});
    if (of_step == by_step_.end()) continue;
    for (const std::size_t k : of_step->second) {
      const InjectionRecord& one = injections_[k];
      if (!is_finding(one) || one.shows_at != place) continue;
      const bool elsewhere = is_one_value(one) && is_one_value(injection) &&
                             std::pair(one.row, one.col) != std::pair(injection.row, injection.col);
      if (!elsewhere) return false;
    }
  }
  return true;
}

bool FaultTruth::was_mended_before(const InjectionRecord& injection) const {
  const RoundPlace& shows = injection.shows_at;
  const Time shows_at{shows.epoch, shows.step, shows.slot};
  const auto repairs = repairs_.find({injection.peer, injection.found_layer});
  if (repairs == repairs_.end()) return false;
  return std::any_of(repairs->second.begin(), repairs->second.end(), [&](const Repair& repair) {
    const bool same_shard = injection.shard == kAnyShard || repair.shard == injection.shard;
    return same_shard && repair.at > struck_at(injection) && repair.at < shows_at;
  });
}

}  // namespace polydot::node
