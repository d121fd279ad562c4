// Every state that a few peers can come to in which one votes: breadth first, over the real Ballot. Nothing
// is drawn at random; what may happen how often is bounded, and then every order of it is looked at.
//
// A message that was sent may arrive at any time, any number of times, or never: those sent are a set that
// only grows, so that loss, repetition and reordering need no moves of their own. A peer keeps its record
// before its messages leave, and hands itself what is its own after that. It may crash at any time, and
// between keeping and handing; with its disk or without. Whether it is stuck is no state: prepare and accept
// reach it when it is, a release when it is not.
//
// Acceptances are heard together, when they are enough for this peer to see a decision: one that is counted
// before, without effect, could as well have come then.
//
// A Ballot depends on nothing but its own state and what it is handed. So each pair of a peer's state and a
// move is carried out once, and a state of the world is three numbers of peers' states and a set of messages.
// A visited one is known by 64 bits: of 10^7 states two share them by a chance of 1 in
// 370,000.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/recovery/ballot.h"
#include "tests/protocol/ballot_explorer_peer.h"
#include "tests/protocol/visited_set.h"

namespace polydot::protocol::testing {

struct WhatMayHappen {
  std::array<std::uint32_t, 3> epochs{};  // in which peers begin
  codes::PeerSet proposers = codes::PeerSet::of({0, 2});
  int proposals = 2;                                   // by each of them
  int crashes = 1, disks_lost = 1, writes_failed = 1;  // all together
  std::uint32_t last_epoch = 0;                        // nobody proposes in a later one
  bool withdrawals = true, asks = true;
  Amnesia amnesia = Amnesia::kAbstains;
  int depth = 1000;               // moves
  std::size_t states = 1u << 30;  // a level that would exceed it is not begun
};

struct Explored {
  std::size_t states = 0, moves = 0, peer_states = 0, messages = 0;
  std::size_t decided = 0, released = 0, forgotten = 0;  // states in which some target is decided, and so on
  int depth = 0;                                         // all states at that distance were reached
  bool everything = false;                               // there are none further away
  std::string violation;                                 // the moves that lead to it, one a line; empty: none
};

template <class AnyBallot>
class BallotExplorer {
 public:
  static constexpr int kPeers = 3;
  explicit BallotExplorer(WhatMayHappen may) : may_(may) {}

  Explored run() {
    Explored explored = search(false);
    // Once more, with a note of where each state came from.
    if (!explored.violation.empty()) explored.violation = BallotExplorer(may_).search(true).violation;
    return explored;
  }

 private:
  static constexpr std::size_t kMostMessages = 512;
  using MessageSet = std::bitset<kMostMessages>;
  enum class Kind : std::uint8_t {
    kHear,
    kLearn,
    kPropose,
    kRepeat,
    kWithdraw,
    kAskRelease,
    kAsk,
    kCrash,
    kLoseDisk
  };

  static constexpr std::size_t kKinds = 9, kEndings = 3;

  using One = ExploredPeer<AnyBallot>;

  struct Move {
    int peer = 0;
    Kind kind = Kind::kCrash;
    Ending ending = Ending::kWell;
    std::uint32_t what = 0;  // kDeliver: the message; kLoseDisk: the epoch of the stalest
  };
  struct Outcome {
    bool possible = true;
    std::uint32_t next = 0;
    MessageSet sent;
    std::optional<typename AnyBallot::Decision> decision;
    std::string violation;
  };
  struct World {
    std::array<std::uint32_t, kPeers> peers{};
    std::uint8_t crashes = 0, disks_lost = 0, writes_failed = 0;
    MessageSet sent;
    std::uint64_t hash() const {
      std::uint64_t hash = mix(peers[0] | std::uint64_t{peers[1]} << 32);
      hash = mix(hash ^ (peers[2] | std::uint64_t{crashes} << 32 | std::uint64_t{disks_lost} << 40 |
                         std::uint64_t{writes_failed} << 48));
      for (std::uint64_t word : std::bit_cast<std::array<std::uint64_t, kMostMessages / 64>>(sent))
        hash = mix(hash ^ word);
      return hash;
    }
  };
  struct From {
    std::uint32_t state = 0;
    Move move;
  };

  // ---- the search

  Explored search(bool with_trace) {
    std::vector<World> level{beginning()}, next;
    visited_.insert(level[0].hash());
    explored_.states = 1;
    if (with_trace) from_.push_back({});
    std::uint32_t first = 0;  // number of the level's first state
    while (!level.empty() && explored_.depth < may_.depth && explored_.states + level.size() < may_.states) {
      for (std::size_t k = 0; k < level.size(); ++k) {
        look_at(level[k]);
        moves_of(level[k]);
        for (const Move& move : moves_) {
          World after = level[k];
          std::string wrong = carry_out(after, move);
          ++explored_.moves;
          if (!wrong.empty()) {
            explored_.violation =
                wrong + "\n" + (with_trace ? trace(first + static_cast<std::uint32_t>(k), move) : "");
            return finish(level);
          }
          if (!visited_.insert(after.hash())) continue;
          ++explored_.states;
          if (with_trace) from_.push_back({first + static_cast<std::uint32_t>(k), move});
          next.push_back(after);
        }
      }
      first += static_cast<std::uint32_t>(level.size());
      level = std::exchange(next, {});
      if (!level.empty()) ++explored_.depth;
    }
    return finish(level);
  }
  Explored finish(const std::vector<World>& level) {
    explored_.everything = level.empty();
    explored_.peer_states = ones_.size();
    explored_.messages = messages_.size();
    return explored_;
  }
  void look_at(const World& world) {
    explored_.decided += std::any_of(acceptances_.begin(), acceptances_.end(),
                                     [&](const auto& one) { return is_majority(one.second & world.sent); });
    explored_.released += (world.sent & released_).any();
    explored_.forgotten += world.disks_lost > 0;
  }

  World beginning() {
    World world;
    for (int p = 0; p < kPeers; ++p) {
      One one;
      one.self = p;
      one.peers = kPeers;
      one.disk.epoch = may_.epochs[static_cast<std::size_t>(p)];
      if (one.disk.epoch > 0) one.disk.from = {0, 5};
      // What led to later epochs was accepted by all; not all know that.
      for (std::uint32_t left = 0; left < *std::max_element(may_.epochs.begin(), may_.epochs.end()); ++left)
        world.sent.set(number_of({p, kEverybody, ballot_message(kAccepted, 3, left, {{0, 5}})}));
      one.start(may_.amnesia);
      world.peers[static_cast<std::size_t>(p)] = number_of(std::move(one));
    }
    return world;
  }

  void moves_of(const World& world) {
    moves_.clear();
    for (int p = 0; p < kPeers; ++p) {
      const One& one = ones_[world.peers[static_cast<std::size_t>(p)]];
      const MessageSet arriving = world.sent & receivers_[static_cast<std::size_t>(p)];
      for (std::size_t m = arriving._Find_first(); m < kMostMessages; m = arriving._Find_next(m))
        add_moves(world, {p, Kind::kHear, Ending::kWell, static_cast<std::uint32_t>(m)});
      for (std::uint32_t vote = 0; vote < votes_.size(); ++vote)
        if (const std::uint32_t by = sent_by(world, vote) & ~(1u << p); by != 0)
          add_moves(world, {p, Kind::kLearn, Ending::kWell, vote << kPeers | by});
      const bool early = one.ballot.epoch() <= may_.last_epoch;
      if (early && may_.proposers.contains(p) && one.proposals < may_.proposals)
        add_moves(world, {p, Kind::kPropose});
      if (one.unsaved) add_moves(world, {p, Kind::kRepeat});
      if (early && may_.asks) add_moves(world, {p, Kind::kAsk});
      if (may_.withdrawals && one.ballot.bound()) {
        add_moves(world, {p, Kind::kWithdraw});
        add_moves(world, {p, Kind::kAskRelease});
      }
      if (world.crashes < may_.crashes) moves_.push_back({p, Kind::kCrash});
      if (world.disks_lost < may_.disks_lost)
        moves_.push_back({p, Kind::kLoseDisk, Ending::kWell, stalest(world, p)});
    }
  }
  void add_moves(const World& world, Move move) {
    moves_.push_back(move);
    move.ending = Ending::kCrashes;
    if (world.crashes < may_.crashes) moves_.push_back(move);
    move.ending = Ending::kCannotWrite;
    if (world.writes_failed < may_.writes_failed) moves_.push_back(move);
  }
  // By whom this acceptance was sent, a bit each.
  std::uint32_t sent_by(const World& world, std::uint32_t vote) const {
    std::uint32_t by = 0;
    for (int p = 0; p < kPeers; ++p)
      if (const std::uint32_t m = votes_[vote][static_cast<std::size_t>(p)];
          m < kMostMessages && world.sent[m])
        by |= 1u << p;
    return by;
  }
  std::uint32_t stalest(const World& world, int but) const {
    std::uint32_t epoch = ~0u;
    for (int p = 0; p < kPeers; ++p)
      if (p != but) epoch = std::min(epoch, ones_[world.peers[static_cast<std::size_t>(p)]].ballot.epoch());
    return epoch;
  }

  // Not empty: what is wrong with it.
  std::string carry_out(World& world, const Move& move) {
    std::uint32_t& peer = world.peers[static_cast<std::size_t>(move.peer)];
    const Outcome& outcome = outcome_of(peer, move);
    if (!outcome.possible) return {};
    if (!outcome.violation.empty()) return outcome.violation;
    peer = outcome.next;
    world.crashes += move.kind == Kind::kCrash || move.ending == Ending::kCrashes;
    world.disks_lost += move.kind == Kind::kLoseDisk;
    world.writes_failed += move.ending == Ending::kCannotWrite;
    const MessageSet before = world.sent;
    world.sent |= outcome.sent;
    if (world.sent == before && !outcome.decision) return {};
    return what_is_wrong(world, outcome, outcome.sent & ~before);
  }

  // ---- what must hold

  static bool is_majority(const MessageSet& acceptances) { return 2 * acceptances.count() > kPeers; }
  bool is_decided(const World& world, std::uint32_t leaves, const CheckpointId& target) const {
    return std::any_of(acceptances_.begin(), acceptances_.end(), [&](const auto& one) {
      return std::get<0>(one.first) == leaves && std::get<2>(one.first) == target &&
             is_majority(one.second & world.sent);
    });
  }
  // At most one target of an epoch, whether anybody knows that it is decided or not; and nobody believes
  // another, or says that another was.
  std::string what_is_wrong(const World& world, const Outcome& outcome, const MessageSet& fresh) const {
    std::map<std::uint32_t, CheckpointId> decided;
    for (const auto& [vote, by] : acceptances_) {
      if (!is_majority(by & world.sent)) continue;
      const auto [at, is_new] = decided.try_emplace(std::get<0>(vote), std::get<2>(vote));
      if (at->second != std::get<2>(vote))
        return "two targets are decided for epoch " + std::to_string(at->first);
    }
    if (const auto& decision = outcome.decision; decision) {
      const auto at = decided.find(decision->epoch - 1);
      if (at == decided.end() || at->second != decision->target) return "a peer believes what nobody decided";
    }
    for (std::uint32_t m = 0; m < messages_.size(); ++m) {
      if (!fresh[m]) continue;
      const Message& message = messages_[m].message;
      const bool tells = (message.code == kAccepted && messages_[m].to != kEverybody) ||
                         (message.code == kPromise && message.key.attempt == 0xffffffff);
      if (tells && !is_decided(world, message.key.slot, *first_name(message)))
        return "a peer tells what nobody decided";
      if (message.code != kAccept) continue;
      for (std::uint32_t other = 0; other < messages_.size(); ++other)
        if (const Message& old = messages_[other].message; world.sent[other] && old.code == kAccept &&
                                                           old.key == message.key &&
                                                           first_name(old) != first_name(message))
          return "one number, two proposals";
    }
    return {};
  }
  // ---- what a peer does

  const Outcome& outcome_of(std::uint32_t peer, const Move& move) {
    if (outcomes_.size() <= peer) outcomes_.resize(peer + 1);
    // A place for each kind, in turn for each of what it is about.
    const std::size_t at =
        (std::size_t{move.what} * kKinds + static_cast<std::size_t>(move.kind)) * kEndings +
        static_cast<std::size_t>(move.ending);
    if (outcomes_[peer].size() <= at) outcomes_[peer].resize(at + 1, nullptr);
    if (outcomes_[peer][at] == nullptr) {
      const Outcome* made = &made_.emplace_back(make_outcome(ones_[peer], move));
      outcomes_[peer].resize(std::max(outcomes_[peer].size(), at + 1), nullptr);
      outcomes_[peer][at] = made;
    }
    return *outcomes_[peer][at];
  }

  Outcome make_outcome(One one, const Move& move) {
    Outcome outcome;
    const bool releases = may_.amnesia == Amnesia::kAnswersReleases && one.forgot && !one.ballot.votes();
    switch (move.kind) {
      case Kind::kHear: {
        const auto& [from, to, message] = messages_[move.what];
        if (releases && message.code == kRelease) one.ballot.vote_again();
        one.ballot.on_message(from, message, message.code != kRelease, one.held());
        break;
      }
      case Kind::kLearn: {
        const std::uint32_t epoch = one.ballot.epoch();
        for (int p = 0; p < kPeers; ++p)
          if (move.what >> p & 1)
            one.ballot.on_message(p,
                                  messages_[votes_[move.what >> kPeers][static_cast<std::size_t>(p)]].message,
                                  true, one.held());
        outcome.possible = one.ballot.epoch() != epoch;
        if (!outcome.possible) return outcome;
        break;
      }
      case Kind::kPropose:
        ++one.proposals;
        one.ballot.propose();
        break;
      case Kind::kRepeat:
        one.ballot.repeat();
        break;
      case Kind::kWithdraw:
        one.ballot.withdraw();
        break;
      case Kind::kAskRelease:
        one.ballot.ask_release();
        break;
      case Kind::kAsk:
        one.ballot.ask();
        break;
      case Kind::kCrash:
        one.start(may_.amnesia);
        break;
      case Kind::kLoseDisk:
        one.lose_disk(move.what, may_.amnesia);
        break;
    }
    const auto result = one.keep_and_send(move.ending, may_.amnesia);
    outcome.possible = result.possible;
    outcome.decision = result.decision;
    outcome.violation = result.violation;
    for (const Vote& vote : result.sent) outcome.sent.set(number_of(vote));
    if (releases && !one.has_record) one.ballot.abstain();
    outcome.next = number_of(std::move(one));
    return outcome;
  }
  // ---- numbers instead of values

  std::uint32_t number_of(One one) {
    const auto [at, is_new] =
        one_numbers_.try_emplace(one.fingerprint(), static_cast<std::uint32_t>(ones_.size()));
    if (is_new) ones_.push_back(std::move(one));
    return at->second;
  }
  std::uint32_t number_of(const Vote& vote) {
    std::vector<std::uint64_t> key{static_cast<std::uint64_t>(vote.from),
                                   static_cast<std::uint64_t>(vote.to + 2),
                                   vote.message.code,
                                   vote.message.key.epoch,
                                   vote.message.key.slot,
                                   vote.message.key.attempt};
    const std::vector<std::uint64_t> names = words_of(vote.message);
    key.insert(key.end(), names.begin(), names.end());
    const auto [at, is_new] =
        message_numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(messages_.size()));
    if (!is_new) return at->second;
    POLYDOT_CHECK(messages_.size() < kMostMessages);
    messages_.push_back(vote);
    const Message& message = vote.message;
    if (message.code == kReleased) released_.set(at->second);
    if (message.code == kAccepted) add_acceptance(vote, at->second);
    for (int p = 0; p < kPeers && message.code != kAccepted; ++p)
      if (p != vote.from && (vote.to == kEverybody || vote.to == p))
        receivers_[static_cast<std::size_t>(p)].set(at->second);
    return at->second;
  }

  // Told to one who asked, or to all: it is heard alike. Only what is told to all is a voice of its own.
  void add_acceptance(const Vote& vote, std::uint32_t number) {
    const Message& message = vote.message;
    const std::tuple key{message.key.slot, message.key.epoch, *first_name(message)};
    const auto [at, is_new] = vote_numbers_.try_emplace(key, votes_.size());
    if (is_new) votes_.emplace_back().fill(kMostMessages);
    std::uint32_t& known = votes_[at->second][static_cast<std::size_t>(vote.from)];
    if (known == kMostMessages || vote.to == kEverybody) known = number;
    if (message.key.epoch != 0 && vote.to == kEverybody) acceptances_[key].set(number);
  }

  std::string trace(std::uint32_t state, const Move& last) const {
    std::vector<Move> moves{last};
    for (; state != 0; state = from_[state].state) moves.push_back(from_[state].move);
    std::string text;
    static const char* const kEndingNames[] = {"", ", and crashes after that was kept",
                                               ", and cannot keep it"};
    static const char* const kKindNames[] = {"hears of ", "learns from ",      "proposes",
                                             "repeats",   "goes on if it may", "asks for a release",
                                             "asks",      "crashes",           "loses its disk"};
    for (auto move = moves.rbegin(); move != moves.rend(); ++move) {
      text += "  peer " + std::to_string(move->peer) + " " + kKindNames[static_cast<int>(move->kind)];
      if (move->kind == Kind::kHear)
        text += std::to_string(messages_[move->what].from) + ": " + text_of(messages_[move->what].message);
      for (int p = 0; p < kPeers && move->kind == Kind::kLearn; ++p)
        if (move->what >> p & 1)
          text += std::to_string(p) + " " +
                  text_of(messages_[votes_[move->what >> kPeers][static_cast<std::size_t>(p)]].message) +
                  "; ";
      text += std::string(kEndingNames[static_cast<int>(move->ending)]) + "\n";
    }
    return text;
  }

  WhatMayHappen may_;
  Explored explored_;
  VisitedSet visited_;
  std::vector<Move> moves_;  // of the state at hand
  std::vector<From> from_;
  std::deque<One> ones_;
  std::map<std::vector<std::uint64_t>, std::uint32_t> one_numbers_;
  std::vector<std::vector<const Outcome*>> outcomes_;  // by peer's state and move; null: not yet made
  std::deque<Outcome> made_;
  std::vector<Vote> messages_;
  std::map<std::vector<std::uint64_t>, std::uint32_t> message_numbers_;
  std::array<MessageSet, kPeers> receivers_;
  MessageSet released_;
  // By the epoch that is left, ballot and target: a number, and for each peer the message that says so; and
  // those that are voices.
  std::map<std::tuple<std::uint32_t, std::uint32_t, CheckpointId>, std::size_t> vote_numbers_;
  std::vector<std::array<std::uint32_t, kPeers>> votes_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, CheckpointId>, MessageSet> acceptances_;
};

}  // namespace polydot::protocol::testing
