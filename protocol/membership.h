// Who is live, late or gone: a pure function of what has been heard. No clock, no network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codes/peer_set.h"

namespace polydot::protocol {

// What one peer has been heard to do.
struct Heard {
  bool joined = false;    // its hello agreed with ours
  bool hears_us = false;  // its hello named us
  std::int64_t last_message_ms = 0;
  std::uint64_t latest_step = 0;         // of its contributions
  bool contributed = false;              // ever
  bool missed = false;                   // the last round it was waited for went on without it
  std::optional<std::uint32_t> goodbye;  // its exit code
  std::uint64_t goodbye_step = 0;        // the steps it had done
};

struct MembershipOptions {
  int self = 0;
  std::int64_t patience_ms = 5000;
};

struct MembershipView {
  codes::PeerSet joined;  // agreed with us and hear us (and ourselves)
  codes::PeerSet live;    // waited for in every round
  codes::PeerSet late;    // missed a round: used when there, not waited for
  codes::PeerSet gone;    // said goodbye
};

// heard[k]: what was heard of peer k; the own entry is ignored.
MembershipView view_of(const std::vector<Heard>& heard, const MembershipOptions& options);

// "3 (silent for 2.1 s), 7 (late)": why each of `peers` is not there.
std::string describe(std::int64_t now_ms, const std::vector<Heard>& heard, const codes::PeerSet& peers);

}  // namespace polydot::protocol
