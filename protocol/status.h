// One plain value that says how a peer is doing; it feeds logs, tables and files.
#pragma once

#include <cstdint>
#include <string>

#include "codes/peer_set.h"
#include "codes/result.h"
#include "codes/round_check.h"
#include "codes/round_request.h"

namespace polydot::protocol {

enum class PeerPhase {
  kJoining,  // until all peers have heard each other
  kRunning,
  kLingering,  // done; still answers until all said goodbye or patience is over
  kEnded,
};

struct Status {
  PeerPhase phase = PeerPhase::kJoining;
  codes::RoundKey key;         // the round at hand
  codes::PeerSet waiting_for;  // empty: nobody
  std::int64_t waiting_since_ms = 0;
  std::string waiting_text;  // for whom, and since when each is silent
  std::uint64_t rounds = 0;  // delivered
  std::uint64_t rounds_with_findings = 0;
  std::uint64_t noise_rounds = 0;
  std::uint64_t recomputed_rounds = 0;  // attempts beyond the first
  std::uint64_t unchecked_rounds = 0;   // decoded without a spare row (a code that has none)
  std::uint64_t dropped_messages = 0;
};

// What became of one judged round.
struct RoundReport {
  codes::RoundKey key;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  bool training = true;
  int present = 0;
  double threshold = 0.0;
  std::int64_t waited_ms = 0;                    // between the own contribution and the verdict
  const codes::RoundVerdict* verdict = nullptr;  // valid during the call
};

// Told as things happen; must not act on the peer.
class PeerObserver {
 public:
  virtual ~PeerObserver() = default;
  virtual void on_started(std::int64_t /*now_ms*/) {}  // all peers have joined
  virtual void on_round(const RoundReport&) {}
  virtual void on_notice(const std::string& /*line*/) {}  // worth a line to the user
};

}  // namespace polydot::protocol
