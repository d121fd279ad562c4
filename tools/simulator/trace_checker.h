// Checks a run by the messages that were sent and delivered, and by what is safe on the disks. Knows the
// frames' layout (PROTOCOL.md) and nothing of the peers' insides.
//
//   quorum    a peer that commits a step of epoch e has had, for each of its rounds, complete contributions
//             with exactly that epoch and key from as many peers as the round needs (its own counts, if it
//             sent one)
//   stale     a round of epoch e is judged by no contribution but those that came whole with exactly that
//   epoch
//             and key
//   promise   when a promise or an acceptance leaves a peer, its disk would still know it after a crash
//   history   an epoch is left for one target only; within a life, commits go forward
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "codes/base/peer_set.h"
#include "protocol/recovery/ballot.h"
#include "tools/simulator/sim_network.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

struct TraceCheckerOptions {
  int peers = 0;
  std::map<std::uint32_t, int> needed;  // contributions, by slot of the rounds of a training step
  // What this peer's disk would have left of its record after a crash now.
  std::function<std::optional<protocol::BallotRecord>(int)> durable_record;
};

class TraceChecker : public NetworkObserver {
 public:
  TraceChecker(TraceCheckerOptions options, Violations& violations);

  void on_send(const Frame& frame, std::span<const std::byte> payload) override;
  void on_deliver(const Frame& frame) override;
  // This peer judges an attempt at a round by the contributions of `present`, as it says.
  void on_round(std::int64_t at_ms, int peer, const codes::RoundKey& key, codes::PeerSet present);
  // This peer has committed a training step.
  void on_commit(std::int64_t at_ms, int peer, std::uint64_t step);
  // A new process: what was delivered to the old one is forgotten.
  void on_restart(int peer);
  // It lost its place: it goes on elsewhere, perhaps behind what it had decoded.
  void on_follow(int peer);

  // What the epoch is known to have been left for.
  std::optional<protocol::CheckpointId> decision(std::uint32_t leaves) const;
  // The epoch that this peer last worked in.
  std::uint32_t epoch_of(int peer) const { return seats_[static_cast<std::size_t>(peer)].epoch; }

 private:
  struct Arrival {
    codes::PeerSet complete;
    std::map<int, std::map<std::uint32_t, std::uint32_t>> parts;  // sender -> first column -> columns
  };
  struct Seat {
    std::uint32_t epoch = 0;
    std::map<codes::RoundKey, Arrival> arrived;
    std::set<codes::RoundKey> sent;
    std::optional<std::pair<std::uint32_t, std::uint64_t>> committed;  // the last: epoch, step
  };
  void look_at_ballot(const Frame& frame, const codes::RoundKey& key, std::uint32_t code,
                      std::span<const std::byte> payload);
  void look_at_release(const Frame& frame, std::uint32_t ballot, std::uint32_t leaves);
  void learn_decision(std::int64_t at_ms, std::uint32_t leaves, const protocol::CheckpointId& target,
                      int from);
  // The most contributions of any attempt at this round.
  int best_attempt(const Seat& seat, int peer, const codes::RoundKey& round) const;

  TraceCheckerOptions options_;
  Violations& violations_;
  std::vector<Seat> seats_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, protocol::CheckpointId>, codes::PeerSet> accepted_;
  std::map<std::uint32_t, protocol::CheckpointId> decided_;  // by the epoch that was left
};

}  // namespace polydot::simulator
