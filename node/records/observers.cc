#include "node/records/observers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/files/run_layout.h"
#include "node/records/round_book.h"
#include "node/text/json_text.h"

namespace polydot::node {

Observer::Observer(const std::string& folder) {
  for_each_line(folder + kRoundsFile, [&](const nlohmann::json& line) { read_rounds(line); });
  for_each_line(folder + kFindingsFile, [&](const nlohmann::json& line) { read_finding(line); });
}

void Observer::read_rounds(const nlohmann::json& line) {
  Line one;
  one.epoch = line.at("epoch");
  one.round.attempt = line.at("attempt");
  one.round.delivered = line.at("delivered");
  for (const int peer : line.at("missing").get<std::vector<int>>()) one.round.missing.insert(peer);
  auto& of_slot = lines_[line.at("slot").get<std::uint32_t>()];
  for (const auto& range : line.at("steps")) {
    one.first_step = range.at(0);
    one.last_step = range.at(1);
    for (std::uint64_t block = one.first_step / kStepsOfALine; block <= one.last_step / kStepsOfALine;
         ++block)
      of_slot[block].push_back(one);
  }
}

void Observer::read_finding(const nlohmann::json& line) {
  const int peer = line.at("peer"), layer = line.at("layer");
  const std::uint64_t last = line.at("last_step");
  const bool corrected = line.at("corrected"), checksum = line.value("by", "code") == "checksum";
  RoundPlace place{line.at("first_step"), line.value("epoch", 0U), line.at("slot")};
  for (; place.step <= last; ++place.step) {
    if (checksum) {
      by_checksum_.emplace_back(place.step, place.slot, peer);
      continue;
    }
    LocatedPeer& located = located_.try_emplace({place, peer}, LocatedPeer{layer, true, {}}).first->second;
    located.corrected = located.corrected && corrected;
    located.attempts.insert(line.value("attempt", 0U));
  }
}

const std::vector<Observer::Line>& Observer::lines_of(const RoundPlace& place) const {
  static const std::vector<Line> kNone;
  const auto of_slot = lines_.find(place.slot);
  if (of_slot == lines_.end()) return kNone;
  const auto found = of_slot->second.find(place.step / kStepsOfALine);
  return found == of_slot->second.end() ? kNone : found->second;
}

std::vector<JudgedRound> Observer::judged(const RoundPlace& place) const {
  std::vector<JudgedRound> rounds;
  for (const Line& line : lines_of(place))
    if (line.first_step <= place.step && place.step <= line.last_step && line.epoch == place.epoch)
      rounds.push_back(line.round);
  return rounds;
}

bool Observer::lacked_any(std::uint32_t epoch, std::uint64_t step) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const auto& slot_and_lines) {
    const std::vector<JudgedRound> rounds = judged({step, epoch, slot_and_lines.first});
    return std::any_of(rounds.begin(), rounds.end(),
                       [](const JudgedRound& round) { return !round.missing.empty(); });
  });
}

bool Observer::located(int peer, const RoundPlace& place, std::uint32_t attempt) const {
  const auto found = located_.find({place, peer});
  return found != located_.end() && found->second.attempts.contains(attempt);
}

bool Observer::judged_later(const RoundPlace& place) const {
  const std::vector<Line>& lines = lines_of(place);
  return std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
    return line.first_step <= place.step && place.step <= line.last_step && line.epoch > place.epoch;
  });
}

}  // namespace polydot::node
