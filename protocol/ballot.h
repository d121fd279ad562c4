// The ballot on which checkpoint to return to: single-decree Paxos, one decision for each epoch that is left.
// Pure: no clock, no network, no disk; the peer drives it and says whom the messages go to.
//
//   prepare(b) -> promise(b, accepted before, checkpoints held) -> accept(b, target) -> accepted(b, target)
//   prepare(b) -> holds(b, checkpoints held), of who may not vote: what it has helps the others to return
//
// What is decided leads from the epoch that is left to the one after it: two ballots that find their majority
// one after the other can only decide the same, and lead to the same epoch. A promise is kept on disk before
// it is sent (take_record), and whoever promised contributes no more to the epoch that is left. What a peer
// says to itself goes the same way as what it says to others, so that it counts no earlier. A peer
// promises only if it cannot go on itself (`stuck`), so nobody alone can force a rollback; a majority
// decides, so nobody alone can stop one.
//
// Source   Lamport, "Paxos made simple", 2001
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "codes/peer_set.h"
#include "protocol/checkpoint_id.h"
#include "protocol/message.h"

namespace polydot::protocol {

// What must survive a crash of this peer.
struct BallotRecord {
  std::uint32_t epoch = 0;      // at hand: as many were left
  CheckpointId from;            // where it began
  std::uint32_t promised = 0;   // the highest ballot promised, of those that leave it; 0: none
  std::uint32_t accepted = 0;   // the highest ballot accepted; 0: none
  CheckpointId target;          // of `accepted`
  std::uint32_t withdrawn = 0;  // ballots up to this one are promised to nobody any more, and never accepted
  friend bool operator==(const BallotRecord&, const BallotRecord&) = default;
};

class Ballot {
 public:
  struct Decision {
    std::uint32_t epoch = 0;
    CheckpointId target;
  };
  // Whether these peers' checkpoints of one name can be decoded.
  using Usable = std::function<bool(const codes::PeerSet&)>;

  Ballot(int self, int peers, BallotRecord record, Usable usable);

  // This peer wants to return to a checkpoint. Sends prepare to all.
  void propose();
  // The same again, for those that did not hear it.
  void repeat();
  // Whoever knows how the epoch at hand was left says so. Proposes and promises nothing.
  void ask();
  // stuck: this peer cannot go on in the epoch at hand; `held`: its checkpoints.
  void on_message(int from, const Message& message, bool stuck, const std::vector<CheckpointId>& held);

  std::optional<Decision> take_decision();
  // To be on disk before take_messages is sent. Those to oneself are handed to on_message then; if the record
  // cannot be kept, they are lost like the others.
  std::optional<BallotRecord> take_record();
  std::vector<std::pair<int, Message>> take_messages() { return std::exchange(messages_, {}); }

  std::uint32_t epoch() const { return record_.epoch; }
  // Has promised to leave the epoch at hand: contributes to it no more.
  bool bound() const { return record_.promised > record_.withdrawn; }
  // The epoch at hand goes on without this ballot: promises are taken back, as by a promise to a higher
  // ballot that nobody will ever propose. False: one was accepted, and may be decided yet.
  bool withdraw();
  // Asks those that go on whether what this peer accepted can still be decided; once a majority has said that
  // it cannot, withdraw() succeeds.
  void ask_release();
  // Nothing is promised or accepted that leaves an epoch up to this one: a lost disk may hold promises.
  void abstain_through(std::uint32_t epoch) { no_vote_through_ = epoch; }
  bool votes() const { return !no_vote_through_ || record_.epoch > *no_vote_through_; }
  void vote_again() { no_vote_through_.reset(); }
  // The record as it is, to be kept although nothing was promised: its absence means a lost disk.
  void touch() { dirty_ = true; }
  // Promises so far to the own proposal; empty when there is none.
  codes::PeerSet promised_by() const;

 private:
  enum class Step : std::uint32_t { kPrepare = 1, kPromise, kAccept, kAccepted, kRelease, kReleased, kHolds };
  struct Promise {
    std::uint32_t accepted = 0;
    CheckpointId target;
  };
  void send(int to, Step step, std::uint32_t ballot, const std::vector<CheckpointId>& names,
            std::uint32_t accepted = 0);
  void tell_who_is_behind(int from, const Message& message);
  void on_prepare(int from, std::uint32_t ballot, const std::vector<CheckpointId>& held);
  void on_promise(int from, const Message& message);
  void accept_if_chosen();
  void on_accept(int from, std::uint32_t ballot, const CheckpointId& target);
  void on_release(int from, std::uint32_t ballot);
  void on_accepted(int from, std::uint32_t leaves, std::uint32_t ballot, const CheckpointId& target);
  std::optional<CheckpointId> choose() const;
  bool is_majority(const codes::PeerSet& peers) const;

  int self_, peers_;
  BallotRecord record_;
  Usable usable_;
  bool dirty_ = false;
  std::optional<std::uint32_t> no_vote_through_;
  std::uint32_t proposal_ = 0;  // own ballot under way; 0: none
  std::map<int, Promise> promises_;
  std::map<int, std::vector<CheckpointId>> held_by_;  // also by those that do not vote
  std::optional<CheckpointId> proposed_;
  codes::PeerSet released_by_;  // from the acceptance at hand
  // By the epoch that is left, ballot and target.
  std::map<std::tuple<std::uint32_t, std::uint32_t, CheckpointId>, codes::PeerSet> accepted_by_;
  std::optional<Decision> decision_;
  std::vector<std::pair<int, Message>> messages_;
};

}  // namespace polydot::protocol
