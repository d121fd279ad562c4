#include "node/ledger.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "node/round_book.h"

namespace polydot::node {

Outcome Ledger::open(const std::string& path, Records records) {
  if (path.empty()) return Unit{};
  return file_.open(path, records);
}

// Writes what cannot recur any more, or has for long. Steps may come again, after a rollback.
void Ledger::begin_step(std::uint64_t step) {
  if (step == step_) return;
  for (auto at = open_.begin(); at != open_.end();) {
    const LedgerEntry& entry = at->second;
    const bool recurs = step > step_ && entry.last_step + 1 >= step &&
                        step / kStepsOfALine == entry.first_step / kStepsOfALine;
    if (!recurs) write(entry);
    at = recurs ? std::next(at) : open_.erase(at);
  }
  step_ = step;
}

void Ledger::note(const protocol::RoundReport& report, protocol::RoundPart part,
                  const codes::RoundVerdict& verdict) {
  // Whom a round that nobody can explain seems to name is as often right as wrong.
  if (verdict.state == codes::RoundState::kUnexplained) return;
  const bool corrected = verdict.state == codes::RoundState::kChecked;
  for (const codes::Finding& finding : verdict.findings) {
    const auto [place, is_new] = open_.try_emplace({report.key.slot, finding.peer, part});
    LedgerEntry& entry = place->second;
    const bool is_of_before = !is_new && entry.epoch != report.key.epoch;  // all went back to this very step
    if (is_of_before) write(entry);
    if (is_new || is_of_before)
      entry = {finding.peer, report.key.slot, report.key.epoch, report.layer, report.pass, report.training,
               part,         report.key.step, report.key.step};
    findings_ += is_new || is_of_before || report.key.step > entry.last_step;
    entry.last_step = report.key.step;
    entry.size_over_floor = std::max(entry.size_over_floor, finding.size_over_floor);
    entry.corrected = corrected;  // of the last attempt
  }
}

void Ledger::on_round(const protocol::RoundReport& report) {
  begin_step(report.key.step);
  note(report, protocol::RoundPart::kProduct, *report.verdict);
  if (report.scrubs != nullptr)
    for (const protocol::ScrubReport& scrub : *report.scrubs) note(report, scrub.part, scrub.verdict);
  const bool corrected = report.verdict->state == codes::RoundState::kChecked;
  // What was found in an earlier attempt and is gone now.
  if (report.key.attempt > 0 && corrected)
    for (auto& [place, entry] : open_)
      if (std::get<0>(place) == report.key.slot && entry.last_step == report.key.step) entry.corrected = true;
}

void Ledger::on_wrong_checksum(std::uint64_t step, std::uint32_t slot, int peer) {
  if (!file_.is_open()) return;
  const nlohmann::json line = {{"peer", peer},        {"slot", slot},        {"layer", 0},
                               {"training", true},    {"first_step", step},  {"last_step", step},
                               {"by", "checksum"},    {"kind", "transient"}, {"corrected", true},
                               {"size_over_floor", 0}};
  file_.line(line.dump());
}

void Ledger::close() {
  for (const auto& [place, entry] : open_) write(entry);
  open_.clear();
}

void Ledger::write(const LedgerEntry& entry) {
  if (!file_.is_open()) return;
  nlohmann::json line = {{"peer", entry.peer},
                         {"slot", entry.slot},
                         {"epoch", entry.epoch},
                         {"layer", entry.layer},
                         {"pass", entry.pass == codes::PassKind::kForward ? "forward" : "backward"},
                         {"training", entry.training},
                         {"first_step", entry.first_step},
                         {"last_step", entry.last_step},
                         {"by", entry.part == protocol::RoundPart::kProduct ? "code" : "scrub"},
                         {"state", name_of(entry.part)},
                         {"kind", entry.count() > 1 ? "sticky" : "transient"},
                         {"corrected", entry.corrected}};
  if (std::isfinite(entry.size_over_floor))
    line["size_over_floor"] = entry.size_over_floor;
  else
    line["size_over_floor"] = "inf";
  file_.line(line.dump());
}

}  // namespace polydot::node
