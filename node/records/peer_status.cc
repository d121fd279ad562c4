#include "node/records/peer_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/text/json_text.h"

namespace polydot::node {

namespace {

using nlohmann::json;

const char* name_of(protocol::PeerPhase phase) {
  switch (phase) {
    case protocol::PeerPhase::kJoining:
      return "joining";
    case protocol::PeerPhase::kRunning:
      return "running";
    case protocol::PeerPhase::kLingering:
      return "lingering";
    case protocol::PeerPhase::kEnded:
      return "ended";
  }
  return "?";
}

// What a peer sends goes to a terminal.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char letter) { return letter < ' ' || letter > '~'; }, ' ');
  return text;
}

}  // namespace

std::string status_text(int self, const protocol::Status& status,
                        const std::vector<protocol::Member>& members, std::int64_t now_ms) {
  json others = json::array();
  for (const protocol::Member& member : members)
    others.push_back({member.peer, member.state, printable(member.reason)});
  const bool waits = !status.waiting_for.empty();
  const json text = {{"peer", self},
                     {"phase", name_of(status.phase)},
                     {"mode", protocol::name_of(status.mode)},
                     {"epoch", status.key.epoch},
                     {"step", status.key.step},
                     {"waits_for", waits ? printable(status.waiting_text) : ""},
                     {"waits_ms", waits ? now_ms - status.waiting_since_ms : 0},
                     {"others", others}};
  return to_text(text);
}

std::optional<PeerStatus> parse_status(std::string_view text) {
  try {
    const auto parsed = parse_bounded_json(text, {3, 20'000});
    if (!parsed) return std::nullopt;
    const json& from = *parsed;
    PeerStatus status;
    status.peer = from.at("peer");
    status.phase = printable(from.at("phase"));
    status.mode = printable(from.at("mode"));
    status.epoch = from.at("epoch");
    status.step = from.at("step");
    status.waits_for = printable(from.at("waits_for"));
    status.waits_ms = from.at("waits_ms");
    for (const json& other : from.at("others"))
      status.others.push_back({other.at(0), printable(other.at(1)), printable(other.at(2))});
    return status;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace polydot::node
