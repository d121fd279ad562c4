// A peer: one of P equals that run a job of coded products together. No master: every peer sends its
// contribution to all, and decodes, checks and corrects for itself.
//
// The peer does no I/O and reads no clock. on_message stores; advance does one bounded piece of work (encode,
// a slice of a product, a decode) and fills the outbox; `now_ms` is handed in. node/pump.h drives it over a
// Transport, tools/simulator over a simulated network.
//
// Life: joining (everybody hears everybody, and all agree on what is shared) -> running -> lingering (done,
// answers until all said goodbye) -> ended. Rounds: PROTOCOL.md, "Rounds, attempts, lateness".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codes/fault_tap.h"
#include "codes/set_decoder.h"
#include "protocol/agreement.h"
#include "protocol/ballot.h"
#include "protocol/contribution.h"
#include "protocol/contribution_store.h"
#include "protocol/floors.h"
#include "protocol/job.h"
#include "protocol/membership.h"
#include "protocol/message.h"
#include "protocol/offenders.h"
#include "protocol/repairs.h"
#include "protocol/status.h"
#include "protocol/wire.h"

namespace polydot::protocol {

struct PeerOptions {
  int self = 0;
  int peers = 1;
  // What must be equal at all peers, by key (configuration, data digest, wire version).
  SharedLines shared;
  std::int64_t patience_ms =
      5000;        // how long a round waits for a missing peer; every other time derives from it
  int margin = 1;  // contributions beyond K that a round waits for
  std::size_t store_bytes = std::size_t{256} << 20;  // of contributions kept for rounds to come
  std::uint64_t clean_every = 0;  // steps between two cleanings of every shard; 0: when its floor asks for it

  // What an earlier life of this peer kept; none: its first life, or its disk was lost.
  std::optional<BallotRecord> record;

  static constexpr std::uint32_t kMaxAttempts = 3;
  static constexpr int kMaxRollbacks = 5;  // from one and the same step
  std::int64_t request_interval_ms() const { return std::max<std::int64_t>(20, patience_ms / 10); }
  std::int64_t give_up_ms() const { return 12 * patience_ms; }  // without any progress
};

struct Outgoing {
  int to = kEverybody;
  Message message;
};

class Peer {
 public:
  // `job` outlives this. tap and observer may be null.
  Peer(PeerOptions options, Job& job, codes::FaultTap* tap, PeerObserver* observer);
  ~Peer();

  void on_message(std::int64_t now_ms, int from, Message message);
  // A frame that the codec refused; a foreign wire version is a disagreement worth a line.
  void on_refused_frame(int from, WireError error, std::uint16_t claimed_version);
  // One bounded piece of work. True: call again at once; false: nothing to do before next_deadline_ms or a
  // message.
  bool advance(std::int64_t now_ms);
  std::int64_t next_deadline_ms() const { return deadline_ms_; }
  std::vector<Outgoing> take_outbox();

  // To be kept where a crash does not lose it, before anything of take_outbox is sent.
  std::optional<BallotRecord> take_record() { return ballot_.take_record(); }

  // Finish the step at hand, say goodbye with `code`, linger, end.
  void stop_after_step(std::uint32_t code);

  const Status& status() const { return status_; }
  const Floors& floors() const { return floors_; }
  // Why it ended other than done; read when the phase is lingering or ended.
  const std::optional<Failure>& failure() const { return failure_; }
  bool stopped() const { return stop_code_.has_value() && !failure_; }

 private:
  struct Round;  // the round at hand

  // Joining and leaving (peer_join.cc)
  bool advance_joining(std::int64_t now_ms);
  void on_hello(int from, const Message& message);
  void send_hello(int to);
  void leave(std::int64_t now_ms, std::uint32_t code);
  void fail(std::int64_t now_ms, Failure failure);
  bool advance_lingering(std::int64_t now_ms);

  // Rounds (peer_round.cc)
  void on_contribution(int from, const Message& message);
  void answer_request(int to, const codes::RoundKey& key);
  void on_abstain(int from, codes::RoundKey key);
  codes::PeerSet abstaining() const;  // from the round at hand
  bool must_abstain() const;
  bool advance_running(std::int64_t now_ms);
  bool start_round(std::int64_t now_ms);
  void contribute();
  bool judge(std::int64_t now_ms);
  bool wait_on(std::int64_t now_ms, const codes::PeerSet& missing);
  codes::PeerSet answering(std::int64_t now_ms) const;
  void lose_quorum(std::int64_t now_ms, const codes::PeerSet& gone);
  void compute_again(std::uint32_t attempt);
  void try_again_or_refuse(std::int64_t now_ms, const codes::RoundVerdict& verdict);
  void finish_round(std::int64_t now_ms, const codes::PeerSet& present, codes::RoundVerdict verdict);
  codes::RoundVerdict check(const codes::PeerSet& present);
  void learn(const FloorKind& kind, const codes::RoundVerdict& verdict, codes::Index entries);
  double threshold(const codes::PeerSet& present) const;
  void report(std::int64_t now_ms, const codes::RoundVerdict& verdict, const codes::PeerSet& present,
              const std::vector<ScrubReport>* scrubs) const;

  // Faults: whose they are, and what is done about one's own (peer_faults.cc)
  void prepare_scrub();
  void follow_weights(const codes::PeerSet& present, bool before_check);
  codes::ShardQuestion scrub_question(std::size_t column, const codes::PeerSet& present);
  std::vector<ScrubReport> check_scrubs(const codes::PeerSet& present, bool complete);
  void look_at_own_shard(const std::vector<ScrubReport>& scrubs);
  void diagnose_product();
  bool recompute_operand();
  void note_offenders(const codes::PeerSet& present, const codes::RoundVerdict& verdict);
  void clean_if_drifted();
  void work_on_repairs(std::int64_t now_ms);
  void tell(PeerEvent event);

  // When computing again does not help (peer_rollback.cc)
  void refuse_or_roll_back(std::int64_t now_ms, Failure failure, const codes::RoundVerdict& verdict);
  bool advance_stuck(std::int64_t now_ms);
  bool is_stuck(std::int64_t now_ms) const;
  void on_ballot(std::int64_t now_ms, int from, const Message& message);
  bool roll_back(const Ballot::Decision& decision);
  bool most_are_not_finite() const;
  void send_ballot();

  void send(int to, Message message) { outbox_.push_back({to, std::move(message)}); }
  void send_to_all(Message message) { send(kEverybody, std::move(message)); }
  int needed() const;  // contributions without which no round proceeds
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
  ContributionStore store_;
  Floors floors_;
  std::map<FloorKind, double> scrub_scales_;                                // of the last scrub
  std::map<std::pair<codes::Index, codes::Index>, double> weight_squares_;  // by layer, shard: running mean
  Offenders offenders_;
  Repairs repairs_;
  std::map<std::pair<codes::Index, codes::Index>, std::uint64_t> cleaned_at_;  // by layer, shard: steps done
  std::map<codes::Index, std::uint64_t> noisy_rounds_;   // by layer: one bit a training round, the last 64
  std::map<codes::RoundKey, codes::PeerSet> abstained_;  // by round, whatever the attempt
  Ballot ballot_;
  struct Stuck {
    std::int64_t since_ms = 0, next_ms = 0, proposed_ms = -1;
    Failure failure;  // what it ends with if nothing is decided
  };
  std::optional<Stuck> stuck_;
  std::uint64_t refused_step_ = 0;  // where the last rollback came from, and how often in a row
  int rollbacks_there_ = 0;
  bool later_epoch_seen_ = false;  // in a contribution: a rollback that was not heard of
  Status status_;
  std::vector<Outgoing> outbox_;
  std::optional<Failure> failure_;
  std::optional<std::uint32_t> stop_code_;
  std::int64_t deadline_ms_ = 0;
  std::int64_t phase_since_ms_ = -1;  // -1: not yet stamped
  std::int64_t next_hello_ms_ = 0;

  std::unique_ptr<Round> round_;
  codes::PeerSet decoded_from_;  // the last operand's set
  codes::PassKind decoded_pass_ = codes::PassKind::kForward;
  std::deque<std::vector<Message>> sent_;  // own contributions of this step and the last
  std::uint64_t step_at_hand_ = 0;
  std::optional<codes::RoundKey> finished_;
  // The round before the one at hand, as it was judged: to decode it again. Its contributions are kept.
  std::optional<codes::RoundQuestion> before_;
  codes::PassKind before_pass_ = codes::PassKind::kForward;
};

}  // namespace polydot::protocol
