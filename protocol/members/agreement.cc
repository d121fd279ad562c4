#include "protocol/members/agreement.h"

#include <algorithm>

namespace polydot::protocol {

std::string to_text(const SharedLines& lines) {
  std::string text;
  for (const auto& [key, value] : lines) text += key + " = " + value + "\n";
  return text;
}

SharedLines parse_lines(std::string_view text) {
  constexpr std::string_view kEquals = " = ";
  SharedLines lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = line.find(kEquals);
    if (equals != std::string_view::npos)
      lines.emplace(line.substr(0, equals), line.substr(equals + kEquals.size()));
  }
  return lines;
}

std::optional<Difference> first_difference(const SharedLines& mine, const SharedLines& theirs) {
  auto a = mine.begin(), b = theirs.begin();
  while (a != mine.end() || b != theirs.end()) {
    if (b == theirs.end() || (a != mine.end() && a->first < b->first))
      return Difference{a->first, a->second, ""};
    if (a == mine.end() || b->first < a->first) return Difference{b->first, "", b->second};
    if (a->second != b->second) return Difference{a->first, a->second, b->second};
    ++a, ++b;
  }
  return std::nullopt;
}

std::string describe(const Difference& difference) {
  const auto side = [](const std::string& value) { return value.empty() ? std::string("absent") : value; };
  return "has " + difference.key + " = " + side(difference.theirs) + ", here it is " + side(difference.mine);
}

Failure disagreement(int peer, const Difference& difference) {
  return {FailureKind::kDisagreement, "peer " + std::to_string(peer) + " " + describe(difference) +
                                          ": start all peers from the same file, data and version"};
}

int least_to_begin(const codes::ProductCode& code, int margin) {
  const int peers = static_cast<int>(code.peers());
  int least = peers / 2 + 1;
  for (const codes::Pass& pass : code.passes)
    least = std::max(least, static_cast<int>(pass.code.recovery_threshold) + margin);
  return std::min(least, peers);
}

}  // namespace polydot::protocol
