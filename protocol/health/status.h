// One plain value that says how a peer is doing; it feeds logs, tables and files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/base/result.h"
#include "codes/decode/round_check.h"
#include "codes/decode/round_request.h"
#include "protocol/rounds/floors.h"
#include "protocol/wire/message.h"

namespace polydot::protocol {

enum class PeerPhase {
  kJoining,  // until enough peers have heard each other
  kRunning,
  kLingering,  // done; still answers until all said goodbye or patience is over
  kEnded,
};

// What soft errors a round can still take, once it is judged.
struct Budget {
  int present = 0;               // contributions
  codes::PeerSet suspects;       // located in this round, or quarantined
  codes::Index spare = 0;        // contributions beyond the threshold, without the suspects
  codes::Index any = 0;          // wrong peers in one entry, of any values, that can still be corrected ...
  codes::Index independent = 0;  // ... and with independent errors
  double kappa = 0.0;            // the largest relative error that could still hide
};

struct Status {
  PeerPhase phase = PeerPhase::kJoining;
  PeerMode mode = PeerMode::kNew;
  bool votes = false;          // on leaving an epoch; false while it joins, too (PROTOCOL.md, "Coming back")
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
  std::uint64_t unheard_messages = 0;  // of a second process under the index of a peer
  std::uint64_t wrong_checksums = 0;   // of frames: told apart from what the code locates
  std::uint64_t unexplained_scrubs = 0;
  std::uint64_t repairs = 0, rebuilds = 0, cleanings = 0;  // of this peer's own shards, done
  std::uint64_t repair_bytes = 0;                          // received for them
  std::uint64_t operands_recomputed = 0;                   // found wrong here, by this peer itself
  std::uint64_t rollbacks = 0;
  std::uint64_t follows = 0;  // times it lost its place and went on where the others were
  std::uint64_t resumes = 0;  // times all began again from checkpoints
  codes::PeerSet quarantined;
  Budget budget;  // of the last round
};

// What a peer keeps of and for others. PROTOCOL.md says what bounds it.
struct MemoryUse {
  std::size_t stored_rounds = 0, stored_bytes = 0;  // of contributions, whatever the attempt
  std::size_t most_stored_of_one = 0;               // bytes
  std::size_t sent_rounds = 0;                      // of its own contributions
  std::size_t due_requests = 0;                     // of others, for boundaries to come
  std::size_t given_pieces = 0, given_bytes = 0;
  std::size_t unsent_answers = 0;         // to requests for pieces
  std::size_t unsent_messages = 0;        // of any kind, not yet taken from the outbox
  std::size_t most_abstained_of_one = 0;  // rounds that one peer is known to abstain from
  std::size_t helped_rounds = 0;          // sent again under another attempt
  std::size_t decoder_bytes = 0;          // of set decoders kept for use again
};

// A scrub that rode on a round.
struct ScrubReport {
  RoundPart part = RoundPart::kWeights;
  double threshold = 0.0;
  codes::RoundVerdict verdict;
};

// Something a peer found out or did about itself or another.
struct PeerEvent {
  const char* name =
      "";  // a word of the records: repaired, rebuilt, cleaned, gave_up, operand_recomputed, ...
  std::uint64_t step = 0;
  std::uint32_t slot = 0, epoch = 0;
  int peer = -1;  // whom it is about; -1: the peer that tells
  codes::Index layer = 0, shard = 0;
  std::uint64_t lines = 0, bytes = 0;
  std::uint64_t boundary = 0;  // rolled_back: the steps done at the checkpoint
};

// What became of one judged round.
struct RoundReport {
  codes::RoundKey key;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  bool training = true;
  codes::PeerSet present;  // whose contributions there were
  double threshold = 0.0;
  std::int64_t waited_ms = 0;                    // between the own contribution and the verdict
  codes::PeerSet last;                           // who came last, after this peer itself
  const codes::RoundVerdict* verdict = nullptr;  // valid during the call
  const Budget* budget = nullptr;                // what the round could still take; null before it is done
  const std::vector<ScrubReport>* scrubs = nullptr;  // the same; null before the round is done
};

// Told as things happen; must not act on the peer.
class PeerObserver {
 public:
  virtual ~PeerObserver() = default;
  virtual void on_started(std::int64_t /*now_ms*/) {}  // it has joined those that are there
  virtual void on_round(const RoundReport&) {}
  virtual void on_event(const PeerEvent&) {}
  virtual void on_notice(const std::string& /*line*/) {}  // worth a line to the user
};

}  // namespace polydot::protocol
