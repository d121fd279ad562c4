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
template <typename Entries>
void Ledger::write_what_ended(Entries& entries, std::uint64_t step) {
  for (auto at = entries.begin(); at != entries.end();) {
    const LedgerEntry& entry = at->second;
    const bool recurs = step > step_ && entry.last_step + 1 >= step &&
                        step / kStepsOfALine == entry.first_step / kStepsOfALine;
    if (!recurs) write(entry);
    at = recurs ? std::next(at) : entries.erase(at);
  }
}

void Ledger::begin_step(std::uint64_t step) {
  if (step == step_) return;
  write_what_ended(open_, step);
  write_what_ended(damaged_, step);
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
  begin_step(step);
  const auto [place, is_new] = damaged_.try_emplace({slot, peer});
  LedgerEntry& entry = place->second;
  if (is_new) {
    entry.peer = peer;
    entry.slot = slot;
    entry.first_step = step;
    entry.by_checksum = true;
  }
  entry.last_step = step;
  ++entry.frames;
}

void Ledger::close() {
  for (const auto& [place, entry] : open_) write(entry);
  for (const auto& [link, entry] : damaged_) write(entry);
  open_.clear();
  damaged_.clear();
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
                         {"by", entry.by_checksum                             ? "checksum"
                                : entry.part == protocol::RoundPart::kProduct ? "code"
                                                                              : "scrub"},
                         {"kind", entry.count() > 1 ? "sticky" : "transient"},
                         {"corrected", entry.corrected}};
  if (entry.by_checksum)
    line["frames"] = entry.frames;
  else
    line["state"] = name_of(entry.part);
  if (std::isfinite(entry.size_over_floor))
    line["size_over_floor"] = entry.size_over_floor;
  else
    line["size_over_floor"] = "inf";
  file_.line(line.dump());
}

}  // namespace polydot::node
