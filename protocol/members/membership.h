// Who is live, late or gone: a pure function of what has been heard. No clock, no network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/decode/round_request.h"
#include "protocol/wire/message.h"

namespace polydot::protocol {

// Whether a peer is waited for. One that missed a round is not, until it was in time again, or nearly so for
// some rounds in a row: that many more each time it is missed again. So a slow peer costs the others their
// patience now and then, and ever more rarely.
class Punctuality {
 public:
  // After each round.
  void was_there(bool in_time);
  // Its contribution to the round before came while the next one was under way.
  void was_nearly_there();
  bool missed() const { return missed_; }

 private:
  static constexpr std::uint32_t kLongestTrial = 1024, kGoodConduct = 64;  // rounds
  bool missed_ = false;
  std::uint32_t trial_ = 1;                 // rounds nearly in time before it is waited for again
  std::uint32_t nearly_ = 0, in_time_ = 0;  // in a row
  bool nearly_now_ = false;                 // since the last round
};

// What one peer has been heard to do.
struct Heard {
  bool joined = false;                // its hello agreed with ours
  bool hears_us = false;              // its hello named us
  bool refused = false;               // its hello disagreed, and that was said
  std::string refusal;                // how, even if another process has its place since; empty if it agrees
  std::int64_t next_refusal_ms = 0;   // when that may be answered again
  std::uint16_t claimed_version = 0;  // of a frame that was refused for it
  std::int64_t last_message_ms = 0;
  std::int64_t next_asked_ms = 0;         // who is at its address, while another process claims to be it
  PeerMode mode = PeerMode::kNew;         // as its last hello said, unless contributions say better
  std::optional<codes::RoundKey> latest;  // the furthest round that it was heard to be at
  std::uint64_t abstained_step = 0;       // the last it could not contribute to
  Punctuality punctuality;
  std::optional<std::uint32_t> goodbye;  // its exit code
  std::uint64_t goodbye_step = 0;        // the steps it had done
};

struct MembershipOptions {
  int self = 0;
  std::int64_t patience_ms = 5000;
};

struct MembershipView {
  codes::PeerSet joined;     // agreed with us and hear us (and ourselves); did not fail
  codes::PeerSet live;       // waited for in every round
  codes::PeerSet late;       // missed a round: used when there, not waited for
  codes::PeerSet following;  // has nothing to contribute: not waited for
  codes::PeerSet gone;       // said goodbye
  codes::PeerSet absent;     // never heard of
};

// heard[k]: what was heard of peer k; the own entry is ignored.
MembershipView view_of(const std::vector<Heard>& heard, const MembershipOptions& options);

// "3 (silent for 2.1 s), 7 (disagreed, has lr = 0.2, here it is 0.1)": why each of `peers` is not there.
std::string describe(std::int64_t now_ms, const std::vector<Heard>& heard, const codes::PeerSet& peers);

// One line of what a peer knows of another.
struct Member {
  int peer = 0;
  const char* state = "";  // live, late, following, restored, quarantined, gone, joining
  std::string reason;
};

}  // namespace polydot::protocol
