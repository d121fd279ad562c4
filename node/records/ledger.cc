#include "node/records/ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "node/records/round_book.h"
#include "node/text/json_text.h"

namespace polydot::node {

Outcome Ledger::open(const std::string& path, Records records) {
  if (path.empty()) return Unit{};
  return file_.open(path, records);
}

// Writes what cannot recur any more, or has for long. Steps may come again, after a rollback.
template <typename Entries>
std::set<std::uint32_t> Ledger::write_what_ended(Entries& entries, std::uint32_t epoch, std::uint64_t step) {
  std::set<std::uint32_t> slots;
  for (auto at = entries.begin(); at != entries.end();) {
    const LedgerEntry& entry = at->second;
    const bool recurs = epoch == epoch_ && step > step_ && entry.last_step + 1 >= step &&
                        step / kStepsOfALine == entry.first_step / kStepsOfALine;
    if (!recurs) {
      slots.insert(entry.slot);
      write(entry);
    }
    at = recurs ? std::next(at) : entries.erase(at);
  }
  return slots;
}

std::set<std::uint32_t> Ledger::begin_step(std::uint32_t epoch, std::uint64_t step) {
  if (epoch == epoch_ && step == step_) return {};
  std::set<std::uint32_t> slots = write_what_ended(open_, epoch, step);
  write_what_ended(damaged_, epoch, step);
  epoch_ = epoch;
  step_ = step;
  return slots;
}

void Ledger::write_slot(std::uint32_t slot) {
  const auto first = open_.lower_bound({slot, std::numeric_limits<int>::min(), {}, 0});
  auto last = first;
  for (; last != open_.end() && std::get<0>(last->first) == slot; ++last) write(last->second);
  open_.erase(first, last);
}

// Whether an earlier attempt of the round has shown it.
bool Ledger::is_known(const Place& place, std::uint64_t step) const {
  const auto& [slot, peer, part, attempt] = place;
  for (std::uint32_t earlier = 0; earlier < attempt; ++earlier)
    if (const auto entry = open_.find({slot, peer, part, earlier});
        entry != open_.end() && entry->second.last_step == step)
      return true;
  return false;
}

void Ledger::note(const protocol::RoundReport& report, protocol::RoundPart part,
                  const codes::RoundVerdict& verdict) {
  // Whom a round that nobody can explain seems to name is as often right as wrong.
  if (verdict.state == codes::RoundState::kUnexplained) return;
  const codes::RoundKey& key = report.key;
  for (const codes::Finding& finding : verdict.findings) {
    const Place where{key.slot, finding.peer, part, key.attempt};
    const auto [place, is_new] = open_.try_emplace(where);
    LedgerEntry& entry = place->second;
    if (is_new)
      entry = {finding.peer, key.slot,        key.epoch, key.attempt, report.layer,
               report.pass,  report.training, part,      key.step,    key.step};
    findings_ += (is_new || key.step > entry.last_step) && !is_known(where, key.step);
    entry.last_step = key.step;
    entry.size_over_floor = std::max(entry.size_over_floor, finding.size_over_floor);
    entry.corrected = verdict.state == codes::RoundState::kChecked;
  }
}

void Ledger::on_round(const protocol::RoundReport& report) {
  begin_step(report.key.epoch, report.key.step);
  note(report, protocol::RoundPart::kProduct, *report.verdict);
  if (report.scrubs != nullptr)
    for (const protocol::ScrubReport& scrub : *report.scrubs) note(report, scrub.part, scrub.verdict);
  const bool corrected = report.verdict->state == codes::RoundState::kChecked;
  // What was found in an earlier attempt and is gone now.
  if (report.key.attempt > 0 && corrected)
    for (auto& [place, entry] : open_)
      if (std::get<0>(place) == report.key.slot && entry.last_step == report.key.step) entry.corrected = true;
}

void Ledger::on_wrong_checksum(std::uint32_t epoch, std::uint64_t step, std::uint32_t slot, int peer) {
  if (!file_.is_open()) return;
  begin_step(epoch, step);
  const auto [place, is_new] = damaged_.try_emplace({slot, peer});
  LedgerEntry& entry = place->second;
  if (is_new) {
    entry.peer = peer;
    entry.slot = slot;
    entry.epoch = epoch;
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
                         {"attempt", entry.attempt},
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
  file_.line(to_text(line));
}

}  // namespace polydot::node
