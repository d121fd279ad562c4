#include "node/round_book.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace polydot::node {

Outcome RoundBook::open(const std::string& path, Records records, int peers) {
  everybody_ = codes::PeerSet::all(peers);
  if (path.empty()) return Unit{};
  return file_.open(path, records);
}

// Writes what does not go on. Steps may come again, after a rollback.
void RoundBook::begin_step(std::uint64_t step) {
  if (step == step_) return;
  for (auto at = open_.begin(); at != open_.end();) {
    const Line& line = at->second;
    const bool goes_on =
        step == line.last_step + 1 && step / kStepsOfALine == line.first_step / kStepsOfALine;
    const bool at_hand = step == line.last_step;
    if (!goes_on && !at_hand) write(at->first, line);
    at = goes_on || at_hand ? std::next(at) : open_.erase(at);
  }
  step_ = step;
}

void RoundBook::on_round(const protocol::RoundReport& report) {
  if (!report.training || !file_.is_open()) return;
  begin_step(report.key.step);
  const Kind kind{report.key.slot, report.key.epoch, report.key.attempt, report.scrubs != nullptr};
  const codes::PeerSet missing = everybody_ - report.present;
  const auto [place, is_new] = open_.try_emplace(kind, Line{report.key.step, report.key.step, missing});
  if (is_new) return;
  Line& line = place->second;
  if (line.missing != missing) {
    write(kind, line);
    line = {report.key.step, report.key.step, missing};
  }
  line.last_step = report.key.step;
}

void RoundBook::close() {
  for (const auto& [kind, line] : open_) write(kind, line);
  open_.clear();
}

void RoundBook::write(const Kind& kind, const Line& line) {
  const auto& [slot, epoch, attempt, delivered] = kind;
  const nlohmann::json json = {{"slot", slot},
                               {"first_step", line.first_step},
                               {"last_step", line.last_step},
                               {"epoch", epoch},
                               {"attempt", attempt},
                               {"delivered", delivered},
                               {"missing", line.missing.members()}};
  file_.line(json.dump());
}

}  // namespace polydot::node
