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
// What others say is believed within limits that hold for whoever keeps to the protocol, for one name may be
// posed as by anybody: only the owner of a ballot proposes by its number; no number is believed that is
// further above the others' than proposals can have led (ballot_window); what one peer says takes no room of
// another's.
//
// Source   Lamport, "Paxos made simple", 2001
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codes/base/peer_set.h"
#include "protocol/wire/checkpoint_id.h"
#include "protocol/wire/message.h"

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

// Ballots are numbered from 1; peer p owns those that leave p over when divided by the number of peers.
inline constexpr std::uint32_t kMostBallotNumber = 0xefffffff;
// Epochs are numbered from 0; a checkpoint's name on the wire has 24 bits for its own.
inline constexpr std::uint32_t kMostEpoch = 0xffffff;

// How far a number may be above those that others were heard to name. Whoever gets nowhere ends after 12
// patiences, proposes once a patience until then, and goes up by at most `peers` each time: so far ahead are
// the others of a peer that lost everything they said.
constexpr std::uint32_t ballot_window(int peers) {
  const auto count = static_cast<std::uint32_t>(peers);
  return 13 * count * count;
}

class Ballot {
 public:
  struct Decision {
    std::uint32_t epoch = 0;
    CheckpointId target;
  };
  // Whether these peers' checkpoints of one name can be decoded.
  using Usable = std::function<bool(const codes::PeerSet&)>;

  Ballot(int self, int peers, BallotRecord record, Usable usable);

  // Why a peer cannot have kept this record; empty: it can.
  static std::string impossible(const BallotRecord& record);

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
  // Nothing is proposed, promised, accepted or released, and no record is given: a lost disk may have held
  // promises. In any epoch, for whichever is learned next the same may be true.
  void abstain() { votes_ = false; }
  bool votes() const { return votes_; }
  void vote_again() { votes_ = true; }
  // No checkpoint of more steps is believed in.
  void limit_boundaries(std::uint64_t most) { most_boundary_ = most; }
  // The record as it is, to be kept although nothing was promised: its absence means a lost disk.
  void touch() { dirty_ = true; }
  // Promises so far to the own proposal; empty when there is none.
  codes::PeerSet promised_by() const;
  // Acceptances of others that are kept to be counted, of all peers together.
  std::size_t acceptances() const;
  // All that it remembers, messages not yet taken apart; of two that have the same nothing differs that they
  // do, as long as every number that is named is within the window above 0.
  std::vector<std::uint64_t> fingerprint() const;

 private:
  enum class Step : std::uint32_t { kPrepare = 1, kPromise, kAccept, kAccepted, kRelease, kReleased, kHolds };
  struct Promise {
    std::uint32_t accepted = 0;
    CheckpointId target;
  };
  void send(int to, Step step, std::uint32_t ballot, const std::vector<CheckpointId>& names,
            std::uint32_t accepted = 0);
  struct Acceptance {
    std::uint32_t leaves = 0, number = 0;
    CheckpointId target;
    friend auto operator<=>(const Acceptance&, const Acceptance&) = default;
  };
  void tell_who_is_behind(int from, const Message& message);
  bool owns(int peer, std::uint32_t number) const;
  bool hear_number(int from, std::uint32_t number);
  bool is_possible(const CheckpointId& name, std::uint32_t leaves) const;
  void forget_proposal();
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
  bool votes_ = true;
  std::uint64_t most_boundary_;
  std::uint32_t proposal_ = 0;  // own ballot under way; 0: none
  std::map<int, Promise> promises_;
  std::map<int, std::vector<CheckpointId>> held_by_;  // also by those that do not vote
  std::optional<CheckpointId> proposed_;
  codes::PeerSet released_by_;  // from the acceptance at hand
  // By peer: the highest number that it named in the epoch at hand, as far as that is believed.
  std::vector<std::uint32_t> named_;
  // By peer: what it said last that it accepted, the latest behind.
  std::vector<std::vector<Acceptance>> accepted_by_;
  std::optional<Decision> decision_;
  std::vector<std::pair<int, Message>> messages_;
};

}  // namespace polydot::protocol
