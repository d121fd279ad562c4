#include "node/records/round_book.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/text/json_text.h"

namespace polydot::node {

Outcome RoundBook::open(const std::string& path, Records records, int peers) {
  everybody_ = codes::PeerSet::all(peers);
  if (path.empty()) return Unit{};
  return file_.open(path, records);
}

// Steps may come again, after a rollback.
std::set<std::uint32_t> RoundBook::begin_step(std::uint32_t epoch, std::uint64_t step) {
  std::set<std::uint32_t> slots;
  const bool goes_on = epoch == epoch_ && step >= step_ && step / kStepsOfALine == step_ / kStepsOfALine;
  epoch_ = epoch;
  step_ = step;
  if (goes_on) return slots;
  for (const auto& [slot, lines] : open_) {
    slots.insert(slot);
    write(slot, lines);
  }
  open_.clear();
  return slots;
}

void RoundBook::on_round(const protocol::RoundReport& report) {
  if (!report.training || !file_.is_open()) return;
  const std::uint64_t step = report.key.step;
  begin_step(report.key.epoch, step);
  std::vector<Line>& lines =
      open_[report.key.slot][{report.key.epoch, report.key.attempt, report.scrubs != nullptr}];
  const codes::PeerSet missing = everybody_ - report.present;
  auto line =
      std::find_if(lines.begin(), lines.end(), [&](const Line& one) { return one.missing == missing; });
  if (line == lines.end()) line = lines.insert(line, Line{missing, {}});
  auto& steps = line->steps;
  if (steps.empty() || steps.back().second + 1 < step)
    steps.emplace_back(step, step);
  else
    steps.back().second = step;
}

void RoundBook::write_slot(std::uint32_t slot) {
  const auto lines = open_.find(slot);
  if (lines == open_.end()) return;
  write(slot, lines->second);
  open_.erase(lines);
}

void RoundBook::close() {
  for (const auto& [slot, lines] : open_) write(slot, lines);
  open_.clear();
}

void RoundBook::write(std::uint32_t slot, const Slot& kinds) {
  for (const auto& [kind, lines] : kinds)
    for (const Line& line : lines) {
      const auto& [epoch, attempt, delivered] = kind;
      const nlohmann::json json = {{"slot", slot},
                                   {"epoch", epoch},
                                   {"attempt", attempt},
                                   {"delivered", delivered},
                                   {"missing", line.missing.members()},
                                   {"steps", line.steps}};
      file_.line(to_text(json));
    }
}

}  // namespace polydot::node
