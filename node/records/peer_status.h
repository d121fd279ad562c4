// How a peer is doing and how it sees the others, as the answer to the order "status"
// (node/transport/control.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/health/status.h"
#include "protocol/members/membership.h"

namespace polydot::node {

inline constexpr std::string_view kStatusOrder = "status";

struct SeenPeer {
  int peer = 0;
  std::string state;   // protocol::Member::state
  std::string reason;  // printable
};

struct PeerStatus {
  int peer = 0;
  std::string phase;  // joining, running, lingering, ended
  std::string mode;   // new, restored, following, active
  std::uint64_t epoch = 0, step = 0;
  std::string waits_for;  // for whom, and since when each is silent; empty: nobody
  std::int64_t waits_ms = 0;
  std::vector<SeenPeer> others;
};

// One line of JSON, printable; at most kMaxAnswerBytes (node/transport/control.h).
std::string status_text(int self, const protocol::Status& status,
                        const std::vector<protocol::Member>& members, std::int64_t now_ms);
// Nothing: that is no status.
std::optional<PeerStatus> parse_status(std::string_view text);

}  // namespace polydot::node
