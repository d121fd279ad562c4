// Repair: putting this peer's shard back onto the code, from what the others hold, while training goes on;
// and giving others what they need for theirs. One path for a flipped weight (one line), a lost shard (all
// lines) and cleaning (all lines, drift only). PROTOCOL.md, "Repair".
//
// Everything is asked for as of a boundary: every peer's state between two steps, named by the steps done
// before it. Who had passed it when the request came says so; when too many have, it is asked for again, at
// a boundary further ahead. A large shard is rebuilt chunk by chunk, each as of a boundary of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codes/decode/shard_check.h"
#include "codes/decode/shard_part.h"
#include "protocol/members/answer_rate.h"
#include "protocol/rounds/contribution_store.h"
#include "protocol/rounds/job.h"
#include "protocol/wire/message.h"

namespace polydot::protocol {

// What became of a repair.
struct RepairReport {
  enum class Event { kRepaired, kRebuilt, kCleaned, kGaveUp };
  Event event = Event::kRepaired;
  std::uint64_t boundary = 0, finished_at = 0;  // steps done
  codes::Index layer = 0, shard = 0;
  std::size_t lines = 0;             // that were replaced
  std::uint64_t bytes_received = 0;  // of pieces
  codes::PeerSet from;
  codes::PeerSet wrong;  // located among those who gave pieces
};
const char* name_of(RepairReport::Event event);

class Repairs {
 public:
  // Boundaries that a request may lie ahead of who sends it.
  static constexpr std::uint64_t kLongestLead = 64;

  // `code` and `state` outlive this; state may be null: then nothing is repaired or given.
  Repairs(const codes::ProductCode& code, int self, CodedState* state, std::int64_t patience_ms);
  ~Repairs();

  // These lines are wrong, all of them if none is named. What is wanted already stays wanted. faintly: some
  // of them, by so little that they are better than zeros until the right ones are there.
  void damaged(const codes::ShardPart& part, bool faintly = false);
  // Nothing of this shard is there: it is zero.
  void lose(const codes::ShardPart& part);
  // Put all lines of this shard back onto the code: they are right but for drift.
  void clean(const codes::ShardPart& part);

  // Where this peer stands when somebody asks.
  struct Moment {
    std::int64_t now_ms = 0;
    std::uint32_t epoch = 0;
    std::uint64_t boundary = 0;
    bool may_give = true;  // else requests only wait, for as long as their boundary is to come
    bool last = false;     // no boundary comes after it
  };
  // Answered at once if it can be: what is due now, and what can be had here no more.
  void on_request(int from, const Message& message, const Moment& at);
  // There will be no other boundary: requests that wait for one are refused.
  void refuse_what_is_due();
  void on_piece(int from, const Message& message);
  void on_no_piece(int from, const Message& message);
  // The state is at `boundary`; anything that is due happens. `others`: whom to ask; `late`: whom as well if
  // those are not enough. Messages go to `send`.
  void work(std::int64_t now_ms, std::uint32_t epoch, std::uint64_t boundary, const codes::PeerSet& others,
            const codes::PeerSet& late);
  std::vector<std::pair<int, Message>> take_messages() { return std::exchange(messages_, {}); }
  std::vector<RepairReport> take_reports() { return std::exchange(reports_, {}); }

  // Lost until it is rebuilt to the last line: its contributions are worth nothing.
  bool is_lost(codes::Index layer, codes::Index shard) const { return lost_.contains({layer, shard}); }
  bool anything_lost() const { return !lost_.empty(); }
  // Nothing to do, for oneself or for others.
  bool idle() const {
    return open_.empty() && wanted_.empty() && lost_.empty() && due_.empty() && reports_.empty() &&
           messages_.empty();
  }
  // Requests of others that wait; what was given to others.
  std::size_t due_requests() const { return due_.size(); }
  std::size_t given_pieces() const { return given_.size(); }
  std::size_t given_bytes() const;
  std::size_t unsent_messages() const { return messages_.size(); }
  std::size_t decoder_bytes() const;
  // Another process is in this peer's place: what the one before it asked for is nobody's, and numbers of its
  // requests come again.
  void forget_peer(int peer);
  // Everything under way belongs to a past that a rollback undid.
  void forget();

 private:
  using Place = std::pair<codes::Index, codes::Index>;  // layer, shard
  struct Wanted {
    codes::ShardPart part;
    bool keep = false;  // what is there stays until the right lines are there
    bool own = false;   // and counts as well: the others' are not better
    int tries = 0;
    std::uint64_t not_before = 0;    // boundary
    std::int64_t not_before_ms = 0;  // who was refused asks again after a while
  };
  struct Lost {
    codes::ShardPart whole;
    std::uint32_t rebuilt = 0;  // lines
    std::uint64_t bytes = 0;    // received so far
  };
  struct Open;
  struct Given {
    int to = 0;
    codes::RoundKey key;
    std::vector<Message> slices;
    std::size_t bytes = 0;
    AnswerRate again;
  };
  // What one peer may still be given, in bytes of pieces; it grows with time.
  struct Allowance {
    double bytes = 0.0;
    std::int64_t at_ms = 0;
  };

  void begin(const Wanted& wanted, std::int64_t now_ms, std::uint32_t epoch, std::uint64_t boundary,
             const codes::PeerSet& others);
  void start(Open& open);
  void ask(Open& open, std::int64_t now_ms);
  bool finish(Open& open, std::int64_t now_ms, std::uint64_t boundary);
  void report(const Open& open, std::uint64_t boundary, const codes::PeerSet& present,
              const codes::PeerSet& wrong);
  void report_given_up(const Open& open, std::uint64_t boundary);
  bool is_stale(const Open& open, std::int64_t now_ms, std::uint64_t boundary);
  bool can_be_built_from(codes::Index shard, const codes::PeerSet& holders);
  codes::ShardPart next_chunk(const Lost& lost) const;
  void give(int to, const Message& request, std::int64_t now_ms);
  void refuse(int to, const Message& request);
  void give_due(std::int64_t now_ms, std::uint64_t boundary);
  bool is_possible(const Message& request) const;
  bool may_take(int peer, const Message& request, std::int64_t now_ms);
  void forget_what_was_given();
  std::int64_t ask_pause_ms() const;
  codes::PeerSet enough_of(codes::Index shard, codes::PeerSet others, int tries);
  codes::DecoderCache& cache(codes::Index shard) { return *caches_[static_cast<std::size_t>(shard)]; }

  const codes::ProductCode& code_;
  int self_;
  CodedState* state_;
  std::int64_t patience_ms_;
  std::vector<codes::Pass> passes_;  // by shard: its weight code
  std::vector<std::unique_ptr<codes::DecoderCache>> caches_;
  std::map<Place, Wanted> wanted_;
  std::map<Place, std::unique_ptr<Open>> open_;
  std::map<Place, Lost> lost_;
  std::vector<std::pair<int, Message>> due_;  // requests of others for boundaries to come
  std::deque<Given> given_;                   // lately, for those that a slice did not reach
  std::map<int, Allowance> allowances_;       // by peer that was given something
  std::vector<std::pair<int, Message>> messages_;
  std::vector<RepairReport> reports_;
  std::uint32_t serial_ = 0;
};

}  // namespace polydot::protocol
