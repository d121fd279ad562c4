// Peers that vote, as values, under a scheduler that loses, repeats, reorders and holds back messages and
// crashes peers down to what they have on disk. It watches what Paxos promises.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/recovery/ballot.h"
#include "tests/protocol/ballot_words.h"

namespace polydot::protocol::testing {

using codes::PeerSet;

class BallotWorld {
 public:
  struct Voter {
    std::unique_ptr<Ballot> ballot;
    BallotRecord disk;
    bool stuck = false;
    std::vector<CheckpointId> held{{0, 0}};
    std::uint64_t done = 0;  // rounds of its epoch
  };

  explicit BallotWorld(int peers, int needed_holders = 2)
      : voters(static_cast<std::size_t>(peers)), needed_holders_(needed_holders) {
    for (int p = 0; p < peers; ++p) start(p);
  }

  int size() const { return static_cast<int>(voters.size()); }
  int majority() const { return size() / 2 + 1; }
  Voter& voter(int p) { return voters[static_cast<std::size_t>(p)]; }
  Ballot& ballot(int p) { return *voter(p).ballot; }

  // From what is on disk.
  void start(int p) {
    voter(p).ballot = std::make_unique<Ballot>(p, size(), voter(p).disk, [this](const PeerSet& holders) {
      return holders.size() >= needed_holders_;
    });
  }
  void get_stuck(int p) {
    voter(p).stuck = true;
    stuck_in[ballot(p).epoch()].insert(p);
  }
  void propose(int p) {
    note(p, "proposes");
    ballot(p).propose();
    after(p);
  }
  void repeat(int p) {
    ballot(p).repeat();
    after(p);
  }
  // Goes on in its epoch, or asks whether it may. True: it does.
  bool withdraw(int p) {
    const bool withdrawn = ballot(p).withdraw();
    note(p, withdrawn ? "goes on" : "asks whether it may go on");
    if (withdrawn)
      voter(p).stuck = false;
    else
      ballot(p).ask_release();
    after(p);
    return withdrawn;
  }
  void hand(const Vote& vote) {
    note(vote.to, "hears of " + std::to_string(vote.from) + " " + text_of(vote.message));
    ballot(vote.to).on_message(vote.from, vote.message, voter(vote.to).stuck, voter(vote.to).held);
    after(vote.to);
  }
  // All that is under way of these kinds, to these, until nothing of it is left.
  void settle(const std::function<bool(const Vote&)>& wanted = [](const Vote&) { return true; }) {
    for (std::size_t at = 0; at < queue.size();) {
      if (!wanted(queue[at])) {
        ++at;
        continue;
      }
      const Vote vote = queue[at];
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
      hand(vote);
      at = 0;
    }
  }
  // What is not on disk is gone.
  void crash(int p) {
    note(p, "crashes");
    voter(p).stuck = false;
    start(p);
  }

  // The rounds of training, in short: who is not bound contributes; a majority of contributions is a round.
  void work(int p) {
    Voter& one = voter(p);
    if (one.ballot->bound()) return;
    PeerSet& set = contributions[{one.ballot->epoch(), one.done}];
    set.insert(p);
    if (set.size() < majority()) return;
    // What was under way may still end; nothing begins any more.
    if (const auto last = last_round.find(one.ballot->epoch()); last != last_round.end())
      EXPECT_LE(one.done, last->second) << "an epoch that was left goes on\n" << trace();
    ++one.done;
    if (progress.insert(one.ballot->epoch()).second)
      note(p, "is the first to make progress in epoch " + std::to_string(one.ballot->epoch()));
  }

  std::string trace() const {
    std::ostringstream text;
    for (const std::string& line : log_) text << "  " << line << "\n";
    return text.str();
  }

  std::vector<Voter> voters;
  std::vector<Vote> queue;
  std::function<bool()> crashes_now = [] { return false; };  // asked between disk and network
  std::function<bool()> disk_works = [] { return true; };    // else what needs the record is not sent
  std::map<std::pair<std::uint32_t, std::uint64_t>, PeerSet> contributions;
  std::set<std::uint32_t> progress;                         // epochs in which a round was finished
  std::map<std::uint32_t, std::set<CheckpointId>> targets;  // decided, by the epoch that is left
  std::map<std::uint32_t, std::uint64_t> last_round;        // begun when it was decided to leave
  std::map<std::uint32_t, CheckpointId> target_of;          // by the epoch that began there
  std::map<std::uint32_t, PeerSet> stuck_in;                // by epoch
  std::map<std::tuple<std::uint32_t, std::uint32_t, CheckpointId>, PeerSet> accepted;  // leaves, ballot
  std::map<std::pair<std::uint32_t, std::uint32_t>, CheckpointId> proposed;            // by leaves, ballot
  int decisions = 0;

 private:
  void note(int p, const std::string& what) {
    log_.push_back(std::to_string(p) + " (epoch " + std::to_string(ballot(p).epoch()) + ") " + what);
  }
  // Disk first, then the network; a decision ends being stuck.
  void after(int p) {
    Voter& one = voter(p);
    const std::uint32_t left = one.disk.epoch;
    const auto record = one.ballot->take_record();
    if (record && !disk_works()) {
      note(p, "cannot keep its record");
      (void)one.ballot->take_messages();
    } else if (record) {
      one.disk = *record;
      if (record->accepted > 0) accept(p, *record);
    }
    const auto messages = one.ballot->take_messages();
    for (const auto& [to, message] : messages) check_before_sending(p, message);
    if (const auto decision = one.ballot->take_decision()) decide(p, left, *decision);
    if (crashes_now()) return crash(p);
    for (const auto& [to, message] : messages)
      for (int other = 0; other < size(); ++other)
        if (other != p && (to == kEverybody || to == other)) queue.push_back({p, other, message});
    for (const auto& [to, message] : messages)
      if (to == p) hand({p, p, message});
  }
  void accept(int p, const BallotRecord& record) {
    PeerSet& by = accepted[{record.epoch, record.accepted, record.target}];
    by.insert(p);
    if (by.size() < majority() || !targets[record.epoch].insert(record.target).second) return;
    std::uint64_t& last = last_round[record.epoch];
    for (const auto& [round, set] : contributions)
      if (round.first == record.epoch) last = std::max(last, round.second);
  }
  void check_before_sending(int p, const Message& message) {
    const BallotRecord& disk = voter(p).disk;
    // What is decided may be said by whoever knows it.
    const auto known = target_of.find(message.key.slot + 1);
    if (message.code == kAccepted && known != target_of.end() && first_name(message) == known->second) return;
    EXPECT_FALSE(message.code == kAccepted && message.key.epoch == 0) << "tells what nobody decided\n"
                                                                      << trace();
    if (message.key.slot < disk.epoch && message.code != kAccepted) {
      EXPECT_EQ(first_name(message), disk.from) << "another target than was decided\n" << trace();
    } else if (message.code == kPromise && message.key.attempt == 0xffffffff) {
      ASSERT_NE(known, target_of.end()) << "tells what nobody decided\n" << trace();
      EXPECT_EQ(first_name(message), known->second) << trace();
    } else if (message.code == kPromise) {
      EXPECT_GE(disk.promised, message.key.epoch) << "a promise that is not on disk\n" << trace();
      EXPECT_TRUE(voter(p).stuck) << "who is not stuck promises\n" << trace();
    }
    if (message.code == kAccept) {
      const auto [one, is_new] =
          proposed.try_emplace({message.key.slot, message.key.epoch}, *first_name(message));
      EXPECT_EQ(one->second, *first_name(message)) << "one number, two proposals\n" << trace();
    }
    if (message.code == kReleased) {
      EXPECT_GE(disk.withdrawn, message.key.epoch) << "a release that is not on disk\n" << trace();
      EXPECT_EQ(disk.accepted, 0u) << trace();
    }
    if (message.code == kAccepted && message.key.slot == disk.epoch) {
      EXPECT_EQ(disk.accepted, message.key.epoch) << "accepted, and not on disk\n" << trace();
      EXPECT_EQ(disk.target, first_name(message)) << trace();
      accept(p, disk);
    }
  }
  void decide(int p, std::uint32_t left, const Ballot::Decision& decision) {
    note(p, "goes to epoch " + std::to_string(decision.epoch));
    ++decisions;
    EXPECT_GT(decision.epoch, left);
    const auto [known, is_new] = target_of.try_emplace(decision.epoch, decision.target);
    EXPECT_EQ(known->second, decision.target) << "two beginnings of one epoch\n" << trace();
    // Nobody leaves an epoch unless a majority could not go on in it, or in a later one.
    bool asked_for = false;
    for (std::uint32_t epoch = left; epoch < decision.epoch; ++epoch)
      if (const auto stuck = stuck_in.find(epoch); stuck != stuck_in.end())
        asked_for |= stuck->second.size() >= majority();
    EXPECT_TRUE(asked_for) << "left epoch " << left << ", in which no majority was stuck\n" << trace();
    Voter& one = voter(p);
    one.stuck = false;
    one.done = 0;
    one.held = {{0, 0}, decision.target};
    // A checkpoint of the new epoch comes later.
    one.held.push_back({decision.epoch, decision.target.boundary + 10});
  }

  int needed_holders_;
  std::vector<std::string> log_;
};

}  // namespace polydot::protocol::testing
