// One peer of a BallotExplorer: a Ballot with its disk, as a peer treats them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/recovery/ballot.h"
#include "tests/protocol/ballot_words.h"

namespace polydot::protocol::testing {

// How a peer behaves that has lost its disk: as peers do, or with a bug.
enum class Amnesia {
  kAbstains,
  kVotesAtOnce,
  kVotesBeyondTheStalest,  // abstains in epochs up to that of the one that is furthest back, whatever it
                           // learns
  kKeepsARecord,           // of decisions that it learned: after a crash nobody knows that it forgot
  kAnswersReleases,
};

// What becomes of a move: all is well; the peer crashes when its record is kept, before it hands itself what
// is its own; the record cannot be kept.
enum class Ending : std::uint8_t { kWell, kCrashes, kCannotWrite };

template <class AnyBallot>
struct ExploredPeer {
  struct Result {
    bool possible = true;
    std::vector<Vote> sent;
    std::optional<typename AnyBallot::Decision> decision;
    std::string violation;
  };

  int self = 0, peers = 0;
  AnyBallot ballot{0, 1, {}, {}};
  BallotRecord disk;
  bool has_record = true;
  bool unsaved = false;  // its last record could not be written
  int proposals = 0;
  std::optional<std::uint32_t> forgot;  // by a lost disk, in epochs up to this one at least

  // So that what is chosen depends on who is asked.
  std::vector<CheckpointId> held() const { return {{0, 0}, {0, 10 * static_cast<std::uint64_t>(self + 1)}}; }

  void start(Amnesia amnesia) {
    ballot = AnyBallot(self, peers, disk, [](const codes::PeerSet& holders) { return holders.size() > 0; });
    unsaved = false;
    if (!has_record && amnesia != Amnesia::kVotesAtOnce) ballot.abstain();
  }
  void lose_disk(std::uint32_t stalest, Amnesia amnesia) {
    disk = {};
    has_record = false;
    forgot = stalest;
    start(amnesia);
  }

  // The record, then the messages, then those to itself, and again for what these bring about.
  Result keep_and_send(Ending ending, Amnesia amnesia) {
    Result result;
    for (bool first = true;; first = false) {
      if (const auto decision = ballot.take_decision()) {
        result.decision = decision;
        on_decision(*decision, amnesia);
      }
      const auto record = ballot.take_record();
      const auto messages = ballot.take_messages();
      if (first && ending != Ending::kWell) result.possible = record.has_value();
      if (!result.possible) return result;
      if (record && ending == Ending::kCannotWrite) {
        unsaved = true;
        return result;
      }
      if (record) keep(*record, result);
      for (const auto& [to, message] : messages) {
        if (result.violation.empty()) result.violation = what_is_not_on_disk(to, message);
        if (to != self) result.sent.push_back({self, to, message});
      }
      if (ending == Ending::kCrashes) {
        start(amnesia);
        return result;
      }
      bool own = false;
      for (const auto& [to, message] : messages)
        if (to == self) {
          own = true;
          ballot.on_message(self, message, true, held());
        }
      if (!own) return result;
    }
  }

  // All that decides what it does from now on.
  std::vector<std::uint64_t> fingerprint() const {
    std::vector<std::uint64_t> all = ballot.fingerprint();
    all.insert(all.end(), {disk.epoch, disk.from.epoch, disk.from.boundary, disk.promised, disk.accepted,
                           disk.target.epoch, disk.target.boundary, disk.withdrawn, has_record, unsaved,
                           static_cast<std::uint64_t>(proposals), forgot ? std::uint64_t{*forgot} + 1 : 0,
                           static_cast<std::uint64_t>(self)});
    return all;
  }

 private:
  void keep(const BallotRecord& record, Result& result) {
    if (has_record && result.violation.empty()) result.violation = what_went_back(disk, record);
    disk = record;
    has_record = true;
    unsaved = false;
  }
  void on_decision(const typename AnyBallot::Decision& decision, Amnesia amnesia) {
    if (!forgot || ballot.votes()) return;
    if (amnesia == Amnesia::kVotesBeyondTheStalest && decision.epoch > *forgot) ballot.vote_again();
    if (amnesia != Amnesia::kKeepsARecord) return;
    disk = {};
    disk.epoch = decision.epoch;
    disk.from = decision.target;
    has_record = true;
  }

  // Promises go back by the loss of a disk only; an acceptance is given up only with all ballots up to it.
  static std::string what_went_back(const BallotRecord& old, const BallotRecord& now) {
    if (now.epoch != old.epoch) return now.epoch < old.epoch ? "an epoch comes again" : "";
    const bool given_up = now.accepted == 0 && now.withdrawn >= old.accepted;
    if (now.promised < old.promised || now.withdrawn < old.withdrawn ||
        (now.accepted < old.accepted && !given_up))
      return "a promise goes back";
    return {};
  }
  // Of what it says in the epoch of its record; of one that was left it says what was decided.
  std::string what_is_not_on_disk(int to, const Message& message) const {
    const std::uint32_t number = message.key.epoch;
    if (message.key.slot != disk.epoch || number == 0) return {};
    if (message.code == kPromise && message.key.attempt != 0xffffffff &&
        (!has_record || disk.promised < number))
      return "a promise that is not on disk";
    if (message.code == kAccepted && to == kEverybody && (!has_record || disk.accepted < number))
      return "an acceptance that is not on disk";
    if (message.code == kReleased && (!has_record || disk.withdrawn < number || disk.accepted != 0))
      return "a release that is not on disk";
    return {};
  }
};

}  // namespace polydot::protocol::testing
