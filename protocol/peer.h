// A peer: one of P equals that run a job of coded products together. No master: every peer sends its
// contribution to all, and decodes, checks and corrects for itself.
//
// The peer does no I/O and reads no clock. on_message stores; advance does one bounded piece of work (encode,
// a slice of a product, a decode) and fills the outbox; `now_ms` is handed in. node/process/pump.h drives it
// over a Transport, tools/simulator over a simulated network.
//
// Life: joining (who is there, and all agree on what is shared) -> running -> lingering (done, answers until
// all said goodbye) -> ended. A peer that runs is active, or it follows: it has lost its shards or its place,
// decodes every round and is rebuilt from the others. PROTOCOL.md, "Rounds, attempts, lateness", "Coming
// back".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/decode/set_decoder.h"
#include "protocol/health/offenders.h"
#include "protocol/health/status.h"
#include "protocol/members/agreement.h"
#include "protocol/members/answer_rate.h"
#include "protocol/members/membership.h"
#include "protocol/recovery/ballot.h"
#include "protocol/recovery/repairs.h"
#include "protocol/rounds/contribution_store.h"
#include "protocol/rounds/floors.h"
#include "protocol/rounds/job.h"
#include "protocol/rounds/place.h"
#include "protocol/wire/contribution.h"
#include "protocol/wire/message.h"
#include "protocol/wire/wire.h"

namespace polydot::protocol {

struct PeerOptions {
  int self = 0;
  int peers = 1;
  // What must be equal at all peers, by key (configuration, data digest, wire version).
  SharedLines shared;
  // How long the first rounds wait for a missing peer; every other time derives from it.
  std::int64_t patience_ms = 5000;
  int margin = 1;                 // contributions beyond K that a round waits for
  std::uint64_t clean_every = 0;  // steps between two cleanings of every shard; 0: when its floor asks for it

  std::uint64_t incarnation = 0;  // of this process: random, another each time

  // What an earlier life of this peer kept; none: its first life, or its disk was lost.
  std::optional<BallotRecord> record;

  static constexpr std::uint32_t kMaxAttempts = 3;
  static constexpr int kMaxRollbacks = 5;  // from one and the same step
  std::int64_t request_interval_ms() const { return std::max<std::int64_t>(20, patience_ms / 10); }
  std::int64_t least_patience_ms() const { return std::max<std::int64_t>(1, patience_ms / 50); }
  // Without any progress, and without anybody who is heard again.
  std::int64_t give_up_ms() const { return 12 * patience_ms; }
};

// Bytes that contributions of one peer may take, books included: room for the round at hand and the one
// before it under every attempt, whatever else comes, and for the training steps ahead, within kAheadBytes of
// all peers together.
inline constexpr std::size_t kAheadBytes = std::size_t{256} << 20;
std::size_t store_quota_bytes(const Job& job, int peers);

class FirstReading;

struct Outgoing {
  int to = kEverybody;  // may be the peer itself, of a ballot message: to be handed back
  Message message;
};

class Peer {
 public:
  // `job` outlives this. tap and observer may be null.
  Peer(PeerOptions options, Job& job, codes::FaultTap* tap, PeerObserver* observer);
  ~Peer();

  void on_message(std::int64_t now_ms, int from, Message message);
  // A frame that the codec refused; a foreign wire version is a disagreement worth a line. incarnation: as
  // its connection says, if it does.
  void on_refused_frame(int from, WireError error, std::uint16_t claimed_version,
                        std::optional<std::uint64_t> incarnation = std::nullopt);
  // One bounded piece of work. True: call again at once; false: nothing to do before next_deadline_ms or a
  // message.
  bool advance(std::int64_t now_ms);
  std::int64_t next_deadline_ms() const { return deadline_ms_; }
  std::vector<Outgoing> take_outbox();

  // To be kept where a crash does not lose it, before any ballot message of take_outbox is sent, or handed
  // back. If it cannot be kept, these are not sent at all.
  std::optional<BallotRecord> take_record() { return ballot_.take_record(); }

  // Finish the step at hand, say goodbye with `code`, linger, end.
  void stop_after_step(std::uint32_t code);

  const Status& status() const { return status_; }
  // Of every other peer: how it is seen from here, and why.
  std::vector<Member> members(std::int64_t now_ms) const;
  MemoryUse memory() const;
  const Floors& floors() const { return floors_; }
  // Why it ended other than done; read when the phase is lingering or ended.
  const std::optional<Failure>& failure() const { return failure_; }
  bool stopped() const { return stop_code_.has_value() && !failure_; }

 private:
  struct Round;  // the round at hand

  // Which process is meant (peer_incarnation.cc)
  bool is_believed(std::int64_t now_ms, int from, const Message& message);
  void ask_who_is_there(std::int64_t now_ms, int peer);

  // The verdict on a round (peer_check.cc)
  double loudness_of_operand(int peer) const;
  double loudness_of_operands(const codes::PeerSet& present) const;
  double usual_loudness(const codes::PeerSet& present) const;
  codes::PeerSet with_usual_operands(const codes::PeerSet& present) const;
  codes::PeerSet without_poor_operands(const codes::PeerSet& present) const;
  codes::RoundQuestion question_of(const codes::PeerSet& present, double loudness);
  codes::RoundVerdict check(const codes::PeerSet& present, FirstReading& reading);

  // Joining and leaving (peer_join.cc)
  bool advance_joining(std::int64_t now_ms);
  bool anybody_trains() const;
  void note_start_trouble(int peer, Failure failure);
  void forget_start_trouble(int peer);
  bool ends_the_start(std::int64_t now_ms, const MembershipView& view);
  bool may_begin(std::int64_t now_ms, const MembershipView& view) const;
  void begin(std::int64_t now_ms);
  void on_hello(int from, const Message& message);
  void send_hello(int to, bool hears_it = true);
  void greet_strangers(std::int64_t now_ms);
  void leave(std::int64_t now_ms, std::uint32_t code);
  void fail(std::int64_t now_ms, Failure failure);
  bool advance_lingering(std::int64_t now_ms);

  // Rounds (peer_round.cc)
  void on_contribution(std::int64_t now_ms, int from, const Message& message);
  void answer_request(std::int64_t now_ms, int to, const codes::RoundKey& key);
  bool is_past(const codes::RoundKey& key) const;
  void on_abstain(int from, codes::RoundKey key);
  codes::PeerSet abstaining() const;  // from the round at hand
  bool must_abstain() const;
  bool advance_running(std::int64_t now_ms);
  bool start_round(std::int64_t now_ms);
  void make_own(std::uint32_t attempt);
  void take_part_after_all();
  void contribute();
  void help_again(std::int64_t now_ms, int to, const codes::RoundKey& key);
  void forget_what_was_sent();
  bool is_operand_in_doubt(const codes::RoundVerdict& verdict) const;
  bool judge(std::int64_t now_ms);
  void compute_again(std::uint32_t attempt);
  void try_again_or_refuse(std::int64_t now_ms, const codes::RoundVerdict& verdict);
  void finish_round(std::int64_t now_ms, const codes::PeerSet& present, codes::RoundVerdict verdict);
  void drop_damaged(const codes::PeerSet& peers);
  void learn(const FloorKind& kind, const codes::RoundVerdict& verdict, codes::Index entries);
  void keep_loudness();
  void note_who_was_there();
  void report(std::int64_t now_ms, const codes::RoundVerdict& verdict, const codes::PeerSet& present,
              const std::vector<ScrubReport>* scrubs) const;

  // Waiting, for whom and how long (peer_wait.cc)
  bool wait_on(std::int64_t now_ms, const codes::PeerSet& missing);
  bool give_up_waiting(std::int64_t now_ms, std::int64_t waited, const codes::PeerSet& missing);
  void request(std::int64_t now_ms, const codes::PeerSet& missing);
  std::int64_t patience_at_hand() const;
  void learn_pace(std::int64_t now_ms);
  codes::PeerSet answering(std::int64_t now_ms) const;
  codes::PeerSet heard_lately(std::int64_t now_ms) const;
  std::int64_t stood_ms(std::int64_t now_ms) const;
  bool others_have_finished() const;
  void fail_as_left_behind(std::int64_t now_ms);
  void lose_quorum(std::int64_t now_ms, const codes::PeerSet& gone);

  // Losing the place and finding it again (peer_follow.cc)
  PeerMode mode() const;
  std::optional<codes::RoundKey> majority_key() const;
  bool majority_is_beyond() const;
  int ahead_by_epochs() const;
  void follow(std::int64_t now_ms, std::uint64_t boundary);
  bool catch_up(std::int64_t now_ms);
  void lose_shards();
  void leave_rounds(const codes::RoundKey& next);
  bool leave_what_others_have_decoded(std::int64_t now_ms);
  void look_whether_whole();

  // Faults: whose they are, and what is done about one's own (peer_faults.cc)
  void prepare_scrub();
  void follow_weights(const codes::PeerSet& present, bool before_check);
  double own_scrub_scale(std::size_t column) const;
  double weight_scale() const;
  double least_scrub_scale(std::size_t column) const;
  double scrub_threshold(std::size_t column, double scale);
  double analytic_scrub_threshold(std::size_t column, double scale) const;
  double moving_momentum() const;
  codes::ShardQuestion scrub_question(std::size_t column, const codes::PeerSet& present);
  std::vector<ScrubReport> check_scrubs(const codes::PeerSet& present, bool complete);
  void look_at_own_shard(const std::vector<ScrubReport>& scrubs);
  void accuse_own_shard(std::size_t column, const codes::RoundVerdict& verdict,
                        const codes::Finding& finding);
  void diagnose_product();
  std::shared_ptr<const codes::Matrix> remake_operand();
  bool recompute_operand();
  void note_offenders(const codes::PeerSet& present, const codes::RoundVerdict& verdict);
  void note_noise(RoundPart part, const codes::RoundVerdict& verdict);
  bool is_noisy(const codes::ShardPart& shard) const;
  void clean_if_drifted();
  void work_on_repairs(std::int64_t now_ms);
  void on_repair_request(std::int64_t now_ms, int from, const Message& message);
  bool may_give_pieces() const;
  void send_repairs();
  void tell(PeerEvent event);

  // When computing again does not help (peer_rollback.cc)
  void refuse_or_roll_back(std::int64_t now_ms, Failure failure, const codes::RoundVerdict& verdict);
  bool advance_stuck(std::int64_t now_ms);
  bool go_on_with_the_others(std::int64_t now_ms);
  void vote(std::int64_t now_ms);
  bool is_stuck(std::int64_t now_ms) const;
  void on_ballot(std::int64_t now_ms, int from, const Message& message);
  bool roll_back(const Ballot::Decision& decision);
  codes::PeerSet louder_than(const codes::VectorD& limits) const;
  double growth_of_own_weights() const;
  std::optional<double> excessive_growth() const;
  std::optional<std::string> has_diverged();
  void send_ballot();
  void vote_from_now_on();
  void look_whether_it_votes(std::int64_t now_ms);
  std::vector<CheckpointId> checkpoints_worth_it() const;
  bool can_return_with(const codes::PeerSet& holders);

  void send(int to, Message message) {
    message.incarnation = options_.incarnation;
    outbox_.push_back({to, std::move(message)});
  }
  void send_to_all(Message message) { send(kEverybody, std::move(message)); }
  int needed() const;  // contributions without which no round proceeds
  std::size_t decoder_bytes() const;
  codes::DecoderCache& cache(codes::PassKind pass) const { return *caches_[static_cast<std::size_t>(pass)]; }
  void notice(const std::string& line) {
    if (observer_ != nullptr) observer_->on_notice(line);
  }

  PeerOptions options_;
  Job& job_;
  codes::FaultTap* tap_;
  PeerObserver* observer_;
  std::vector<std::unique_ptr<codes::DecoderCache>> caches_;  // by PassKind
  std::vector<codes::VectorD> locatable_;                     // by PassKind: locatable_sizes of the full set
  codes::PeerSet everybody_;
  std::vector<codes::Pass> shard_passes_;  // by shard: its weight code, for scrubs
  std::vector<std::unique_ptr<codes::DecoderCache>> shard_caches_;
  std::vector<codes::VectorD> shard_locatable_;

  std::vector<Heard> heard_;
  std::vector<Place> places_;
  ContributionStore store_;
  Floors floors_;
  std::map<FloorKind, double> scrub_scales_;  // of the last scrub
  struct WeightSize {
    double mean_square = 0.0;  // running
    double latest = 0.0;       // of most of the peers
    int grown = 0;             // peers at which it is kMostWeightGrowth times that of the start
  };
  std::map<std::pair<codes::Index, codes::Index>, WeightSize> weight_sizes_;  // by layer, shard: of scrubs
  // loudness_of_operands of the step at hand so far, and what momentum may still hold of earlier ones.
  double loudness_ = 1.0, kept_loudness_ = 1.0;
  Offenders offenders_;
  Repairs repairs_;
  std::map<std::pair<codes::Index, codes::Index>, std::uint64_t> cleaned_at_;  // by layer, shard: steps done
  std::map<std::pair<codes::Index, codes::Index>, int> suspected_;  // by layer, shard: since it was cleaned
  // By layer, shard and part: one bit a training round, the last 64.
  std::map<std::tuple<codes::Index, codes::Index, RoundPart>, std::uint64_t> noisy_rounds_;
  std::vector<std::set<codes::RoundKey>> abstained_;  // by peer: from which rounds, whatever the attempt
  Ballot ballot_;
  struct Stuck {
    enum class Why {
      kRefused,   // a round that nobody can explain
      kRestored,  // back from the disk, and nobody trains
      kAsking,    // others are in a later epoch
      kWaiting,   // enough are there, and nothing moves
    };
    Why why = Why::kRefused;
    std::int64_t since_ms = 0, next_ms = 0, proposed_ms = -1;
    bool asks_release = false;  // the others go on, and it has accepted a ballot
    Failure failure;            // what it ends with if nothing is decided
  };
  std::optional<Stuck> stuck_;
  std::uint64_t refused_step_ = 0;  // where the last rollback came from, and how often in a row
  int rollbacks_there_ = 0;
  std::optional<std::uint64_t> diverged_at_;    // the furthest step at which numbers were beyond reason
  std::optional<std::int64_t> votes_from_ms_;   // of a peer whose disk was lost, once it is active again
  std::optional<codes::RoundKey> majority_at_;  // when last looked, and since when
  std::int64_t majority_moved_ms_ = 0;
  std::int64_t somebody_back_ms_ = 0;  // when last a peer was heard that had been silent for a patience
  int follows_in_a_row_ = 0;           // without a round done in between
  double typical_round_ms_ = 0.0;      // until a usable set was there, a running mean
  std::uint64_t rounds_timed_ = 0;
  Status status_;
  std::vector<Outgoing> outbox_;
  std::optional<Failure> failure_;
  struct StartTrouble {
    int peer = 0;
    Failure failure;
    std::optional<std::int64_t> since_ms;  // of the next look
  };
  std::optional<StartTrouble> start_trouble_;  // the first, while it joins
  std::optional<std::uint32_t> stop_code_;
  std::int64_t deadline_ms_ = 0;
  std::int64_t phase_since_ms_ = -1;  // -1: not yet stamped
  std::int64_t next_hello_ms_ = 0;

  std::unique_ptr<Round> round_;
  codes::PeerSet decoded_from_;  // the last operand's set
  codes::PassKind decoded_pass_ = codes::PassKind::kForward;
  struct Sent {
    std::vector<Message> slices;                                // of one round, at least one
    std::map<std::pair<int, std::uint32_t>, AnswerRate> again;  // by who asked for it, and the attempt
  };
  std::deque<Sent> sent_;                             // own contributions of this step and the last
  std::map<codes::RoundKey, codes::PeerSet> helped_;  // who was sent a finished round under another attempt
  std::uint64_t step_at_hand_ = 0;
  std::optional<codes::RoundKey> finished_;
  // The round before the one at hand, as it was judged: to decode it again. Its contributions are kept.
  std::optional<codes::RoundQuestion> before_;
  codes::PassKind before_pass_ = codes::PassKind::kForward;
};

}  // namespace polydot::protocol
