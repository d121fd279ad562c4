// One round after the other: contribute, collect, judge, deliver. PROTOCOL.md, "Rounds, attempts, lateness".
#include <algorithm>
#include <utility>

#include "protocol/peer.h"
#include "protocol/peer_state.h"
#include "protocol/rounds/first_reading.h"

namespace polydot::protocol {

namespace {

// A set that cannot be decoded, or in which too much could hide although nothing is wrong, does not become
// better by computing again.
bool is_set_too_weak(const codes::RoundVerdict& verdict) {
  return verdict.state == codes::RoundState::kWaiting ||
         (verdict.state == codes::RoundState::kWeak && verdict.findings.empty());
}

bool names(const codes::RoundVerdict& verdict, int peer) {
  return std::any_of(verdict.findings.begin(), verdict.findings.end(),
                     [&](const codes::Finding& finding) { return finding.peer == peer; });
}

// Rounds from which one peer abstains: those of three steps, and whatever it may invent.
constexpr std::size_t kMostAbstained = 1024;
constexpr std::size_t kSentBytes = std::size_t{8} << 20;
// A round teaches the floor although so many are missing that were waited for.
constexpr int kMissingMayLearn = 1;
// A round teaches the floor although somebody was located in it, if so small a share of its entries was
// disturbed.
constexpr double kDisturbedShare = 0.25;

}  // namespace

int Peer::needed() const {
  const auto& code = job_.code().pass(round_->request.pass).code;
  const int majority = options_.peers / 2 + 1;
  const int wanted = std::max(static_cast<int>(code.recovery_threshold) + options_.margin, majority);
  return std::min(wanted, options_.peers);
}

bool Peer::advance_running(std::int64_t now_ms) {
  status_.mode = mode();
  look_whether_it_votes(now_ms);
  if (const auto decision = ballot_.take_decision()) return roll_back(*decision);
  if (stuck_ || ballot_.bound()) return advance_stuck(now_ms);
  greet_strangers(now_ms);
  if (!round_) return start_round(now_ms);
  work_on_repairs(now_ms);
  if (abstaining().contains(options_.self) && !must_abstain()) take_part_after_all();
  if (!round_->sent && catch_up(now_ms)) return true;
  if (!round_->sent) {
    if (must_abstain() || round_->own->work()) {
      contribute();
      round_->sent = true;
      round_->sent_at_ms = round_->progress_at_ms = now_ms;
      round_->next_request_ms = now_ms + options_.request_interval_ms();
    }
    return true;
  }
  return judge(now_ms);
}

bool Peer::start_round(std::int64_t now_ms) {
  std::optional<codes::RoundRequest> request = job_.next_round();
  if (!request) {
    leave(now_ms, 0);
    return true;
  }
  if (stop_code_ && request->key.step != step_at_hand_) {
    leave(now_ms, *stop_code_);
    return true;
  }
  request->key.epoch = ballot_.epoch();
  step_at_hand_ = request->key.step;
  forget_what_was_sent();
  round_ = std::make_unique<Round>();
  Round& round = *round_;
  round.started_at_ms = now_ms;
  round.request = std::move(*request);
  const codes::Pass& pass = job_.code().pass(round.request.pass);
  round.payload = codes::contribution_shape(job_.code(), pass, round.request.weights, round.request.batch());
  round.look_at_operand(pass);
  const FloorKind kind{round.request.training, round.request.layer, round.request.pass};
  const double initial = job_.initial_scale(kind.layer, kind.pass);
  const codes::NoiseFloor& floor = floors_.of(kind, initial);
  round.floor.threshold = floor.threshold();
  round.floor.analytic = codes::NoiseFloor::analytic_threshold(std::max(initial, floor.scale()));
  round.floor.locatable = locatable_[static_cast<std::size_t>(kind.pass)](options_.self);
  round.floor.sigma = pass.sigma(options_.self);
  round.floor.nu = &round.nu;
  prepare_scrub();
  make_own(0);
  status_.key = round.request.key;
  return true;
}

void Peer::make_own(std::uint32_t attempt) {
  Round& round = *round_;
  round.attempt = attempt;
  round.sent = false;
  round.operand_remade = false;
  round.own = std::make_unique<OwnContribution>(job_.code(), options_.self, round.request, attempt,
                                                round.floor, round.scrub, tap_);
}

// The shard was rebuilt while the round waits. If all that it waits for had abstained, nothing else would end
// it.
void Peer::take_part_after_all() {
  abstained_[static_cast<std::size_t>(options_.self)].erase(round_->request.key);
  prepare_scrub();
  make_own(round_->attempt);
}

// Own contributions of this step and the last are kept for those that ask again; of a few more if they are
// small.
void Peer::forget_what_was_sent() {
  std::size_t bytes = 0;
  for (const Sent& sent : sent_)
    for (const Message& slice : sent.slices) bytes += slice.payload.size_bytes();
  const std::uint64_t kept = bytes <= kSentBytes ? kStepsKept : 1;
  std::erase_if(sent_, [&](const Sent& sent) { return sent.slices.front().key.step + kept < step_at_hand_; });
  std::erase_if(helped_, [&](const auto& one) { return one.first.step + kept < step_at_hand_; });
}

void Peer::contribute() {
  if (must_abstain()) {
    Message abstention;
    abstention.kind = MessageKind::kAbstain;
    abstention.key = round_->key();
    send_to_all(abstention);
    on_abstain(options_.self, abstention.key);
    sent_.push_back({.slices = {abstention}, .again = {}});
    return;
  }
  std::vector<Message> slices = round_->own->messages(decoded_from_);
  for (const Message& slice : slices) {
    store_.add(options_.self, slice);
    send_to_all(slice);
  }
  std::erase_if(sent_,
                [&](const Sent& old) { return same_round(old.slices.front().key, slices.front().key); });
  sent_.push_back({.slices = std::move(slices), .again = {}});
}

// Whether this peer has that round behind it, finished or left out: nothing of it is of use here any more.
bool Peer::is_past(const codes::RoundKey& key) const {
  if (finished_ && (same_round(key, *finished_) || key < *finished_)) return true;
  if (key.epoch != ballot_.epoch()) return key.epoch < ballot_.epoch();
  return round_ ? key < round_->request.key : key.step < step_at_hand_;
}

void Peer::on_contribution(std::int64_t now_ms, int from, const Message& message) {
  if (is_past(message.key)) {
    if (message.key.attempt > 0 && message.first_col == 0) help_again(now_ms, from, message.key);
    if (finished_ && same_round(message.key, *finished_) && message.first_col == 0)
      heard_[static_cast<std::size_t>(from)].punctuality.was_nearly_there();
    return;
  }
  const bool expected = message.key.epoch <= ballot_.epoch() + 1 &&
                        message.key.step <= step_at_hand_ + kStepsAhead &&
                        message.key.attempt < PeerOptions::kMaxAttempts;
  if (!expected || !store_.add(from, message)) ++status_.dropped_messages;
}

// Somebody computes a finished round again: it needs ours under the new attempt. Once, for it may have
// finished as well, and what it sends is such an answer; who lacks it still asks.
void Peer::help_again(std::int64_t now_ms, int to, const codes::RoundKey& key) {
  const bool was_there = std::any_of(
      sent_.begin(), sent_.end(), [&](const Sent& sent) { return same_round(sent.slices.front().key, key); });
  if (!was_there || key.attempt >= PeerOptions::kMaxAttempts || helped_[key].contains(to)) return;
  helped_[key].insert(to);
  answer_request(now_ms, to, key);
}

// A request costs its sender next to nothing, and the answer is a whole contribution: sent at a rate.
void Peer::answer_request(std::int64_t now_ms, int to, const codes::RoundKey& key) {
  if (key.attempt >= PeerOptions::kMaxAttempts) return;
  for (Sent& sent : sent_) {
    if (!same_round(sent.slices.front().key, key)) continue;
    if (!sent.again[{to, key.attempt}].may_answer(now_ms, options_.request_interval_ms() / 2)) continue;
    const bool at_hand = round_ && same_round(round_->request.key, key);
    for (Message slice : sent.slices) {
      if (!at_hand) slice.key.attempt = std::max(slice.key.attempt, key.attempt);
      send(to, std::move(slice));
    }
  }
}

// As if they had not arrived.
void Peer::drop_damaged(const codes::PeerSet& peers) {
  round_->seen = round_->seen - peers;
  if (round_->seen.size() < needed()) round_->enough_at_ms = -1;
  for (int p : peers.members()) on_refused_frame(p, WireError::kChecksum, kWireVersion);
}

// A shard that is being rebuilt has nothing to say.
bool Peer::must_abstain() const {
  return repairs_.is_lost(round_->request.layer, job_.code().pass(round_->request.pass).shard);
}

void Peer::on_abstain(int from, codes::RoundKey key) {
  Heard& peer = heard_[static_cast<std::size_t>(from)];
  if (key.epoch == ballot_.epoch()) peer.abstained_step = std::max(peer.abstained_step, key.step);
  if (is_past(key) || key.step > step_at_hand_ + kStepsAhead) return;
  key.attempt = 0;
  if (key.epoch > ballot_.epoch() + 1) return;
  // The nearest matter most.
  std::set<codes::RoundKey>& rounds = abstained_[static_cast<std::size_t>(from)];
  rounds.insert(key);
  if (rounds.size() > kMostAbstained) rounds.erase(std::prev(rounds.end()));
}

codes::PeerSet Peer::abstaining() const {
  codes::PeerSet set;
  for (int p = 0; p < options_.peers; ++p)
    if (abstained_[static_cast<std::size_t>(p)].contains(round_->request.key)) set.insert(p);
  return set;
}

// The operand of this peer, which sets the scales, may be what is wrong in a round that came out.
bool Peer::is_operand_in_doubt(const codes::RoundVerdict& verdict) const {
  return verdict.state == codes::RoundState::kChecked &&
         (verdict.signal_is_small || names(verdict, options_.self));
}

bool Peer::judge(std::int64_t now_ms) {
  if (const std::uint32_t latest = store_.latest_attempt(round_->request.key); latest > round_->attempt) {
    compute_again(latest);
    return true;
  }
  codes::PeerSet present = store_.complete(round_->key(), round_->contribution());
  if (present != round_->seen) {
    round_->progress_at_ms = now_ms;
    round_->last = present - round_->seen - codes::PeerSet::of({options_.self});
  }
  round_->seen = present;
  const MembershipView view = view_of(heard_, {options_.self, options_.patience_ms});
  const bool full_patience_over = now_ms - round_->sent_at_ms >= options_.patience_ms;
  const codes::PeerSet expected = view.live - abstaining() - offenders_.quarantined();
  const bool all_in = (expected - present).empty();
  const auto& code = job_.code().pass(round_->request.pass).code;
  present = present -
            offenders_.excluded(present, std::max(needed(), static_cast<int>(code.recovery_threshold) + 2));
  const bool enough = present.size() >= needed();
  if ((present | answering(now_ms)).size() < needed()) {
    lose_quorum(now_ms, view.gone);
    return true;
  }
  if (enough && round_->enough_at_ms < 0) round_->enough_at_ms = now_ms;
  // A follower has nothing to wait for when the others are further on.
  const bool behind = repairs_.anything_lost() && majority_is_beyond();
  const bool patience_over = enough && (behind || now_ms - round_->enough_at_ms >= patience_at_hand());
  if (!enough || (!all_in && !patience_over)) return wait_on(now_ms, everybody_ - present);
  // Most wrong numbers do not come again: the first time it is quicker to compute again than to wait for who
  // may be gone.
  const bool waited = round_->attempt == 0 ? patience_over : full_patience_over;
  const bool no_more_to_come = (everybody_ - abstaining() - present).empty() || waited;
  if (present == round_->judged && (!no_more_to_come || round_->too_few))
    return leave_what_others_have_decoded(now_ms) || wait_on(now_ms, everybody_ - present);
  // Nothing can be judged by such scales, and the operand that they are of may be wrong.
  if (!round_->nu.allFinite() && !std::exchange(round_->operand_doubted, true) && recompute_operand())
    return true;
  FirstReading reading(store_, round_->key(), present);
  codes::RoundVerdict verdict = check(present, reading);
  if (const codes::PeerSet damaged = reading.finish(); !damaged.empty()) {
    drop_damaged(damaged);
    return true;
  }
  // By the scales of a wrong operand wrong contributions look right.
  if (is_operand_in_doubt(verdict) && !std::exchange(round_->operand_doubted, true) && recompute_operand())
    return true;
  round_->judged = present;
  if (verdict.state == codes::RoundState::kChecked) {
    finish_round(now_ms, present, std::move(verdict));
    return true;
  }
  if (leave_what_others_have_decoded(now_ms)) return true;
  round_->too_few = is_set_too_weak(verdict) && round_->seen != everybody_;
  if (!no_more_to_come || round_->too_few) return wait_on(now_ms, everybody_ - present);
  // By the scales of a wrong operand right contributions look wrong: the others need not compute for that.
  if (!std::exchange(round_->operand_doubted, true) && recompute_operand()) return true;
  try_again_or_refuse(now_ms, verdict);
  return true;
}

void Peer::compute_again(std::uint32_t attempt) {
  round_->judged = round_->seen = {};
  round_->too_few = false;
  round_->operand_doubted = false;
  // What is to be computed again is everything since the last decode that was checked.
  recompute_operand();
  make_own(attempt);
  ++status_.recomputed_rounds;
  tell({.name = "computed_again", .layer = round_->request.layer});
}

void Peer::try_again_or_refuse(std::int64_t now_ms, const codes::RoundVerdict& verdict) {
  report(now_ms, verdict, round_->seen, nullptr);
  // Computing again does not change how well a set of points is conditioned.
  const bool hopeless = verdict.state == codes::RoundState::kWaiting;
  if (round_->attempt + 1 < PeerOptions::kMaxAttempts && !hopeless) {
    notice(name_of_round(round_->request) + ": " + codes::name_of(verdict.state) + " (" + verdict.reason +
           "), computed again");
    compute_again(round_->attempt + 1);
    return;
  }
  refuse_or_roll_back(
      now_ms,
      {FailureKind::kRefused,
       "refused " + name_of_round(round_->request) + " after " + std::to_string(round_->attempt + 1) +
           " attempts: " + codes::name_of(verdict.state) + " (" + verdict.reason + ")"},
      verdict);
}

void Peer::report(std::int64_t now_ms, const codes::RoundVerdict& verdict, const codes::PeerSet& present,
                  const std::vector<ScrubReport>* scrubs) const {
  if (observer_ == nullptr) return;
  RoundReport report;
  report.key = round_->key();
  report.layer = round_->request.layer;
  report.pass = round_->request.pass;
  report.training = round_->request.training;
  report.present = present;
  report.threshold = round_->floor.threshold;
  report.waited_ms = now_ms - round_->sent_at_ms;
  report.last = round_->last;
  report.verdict = &verdict;
  report.scrubs = scrubs;
  if (scrubs != nullptr) report.budget = &status_.budget;
  observer_->on_round(report);
}

void Peer::finish_round(std::int64_t now_ms, const codes::PeerSet& present, codes::RoundVerdict verdict) {
  Round& round = *round_;
  // Without the late and the gone: else a floor stood still once a peer had died, while shards drift on. The
  // same if somebody else were missing in every round.
  const codes::PeerSet live = view_of(heard_, {options_.self, options_.patience_ms}).live;
  const codes::PeerSet missing = live - abstaining() - offenders_.quarantined() - present;
  const bool complete = missing.size() <= kMissingMayLearn;
  if (complete) learn(round.kind(), verdict, round.payload.size());
  follow_weights(present, false);
  const std::vector<ScrubReport> scrubs = check_scrubs(present, complete);
  const codes::PeerSet used = round.question.present;
  // The set that a peer names is only its word: no single one raises the threshold of the momentum for all.
  if (round.request.training)
    loudness_ =
        std::max(loudness_, std::min(loudness_of_operands(present), kPoorOperand * usual_loudness(present)));
  note_who_was_there();
  learn_pace(now_ms);
  ++status_.rounds;
  status_.rounds_with_findings += !verdict.findings.empty();
  status_.noise_rounds += verdict.is_noise();
  note_noise(RoundPart::kProduct, verdict);
  for (const ScrubReport& scrub : scrubs) note_noise(scrub.part, scrub.verdict);
  status_.unchecked_rounds += !(verdict.kappa <= codes::kLargestHidden);
  status_.waiting_for = {};
  note_offenders(used, verdict);
  report(now_ms, verdict, used, &scrubs);
  look_at_own_shard(scrubs);
  if (names(verdict, options_.self)) diagnose_product();
  decoded_from_ = verdict.decoded_from;
  decoded_pass_ = round.request.pass;
  follows_in_a_row_ = 0;
  // One round back is kept, to decode it again.
  if (finished_) store_.prune_through(*finished_);
  finished_ = round.request.key;
  before_ = std::move(round.question);
  before_pass_ = round.request.pass;
  for (auto& rounds : abstained_) rounds.erase(rounds.begin(), rounds.upper_bound(round.request.key));
  const std::uint64_t step = job_.steps_done();
  round_.reset();
  job_.deliver(std::move(verdict.product));
  if (job_.steps_done() == step) return;
  keep_loudness();
  clean_if_drifted();
}

// Updates take it into the momentum. What forgets more slowly is larger, and a step the less in it.
void Peer::keep_loudness() {
  constexpr double kKept = 0.95;  // from step to step
  kept_loudness_ = std::max(std::exchange(loudness_, 1.0), 1.0 + kKept * (kept_loudness_ - 1.0));
}

void Peer::note_who_was_there() {
  const codes::PeerSet there = round_->seen | abstaining();
  for (int p = 0; p < options_.peers; ++p) {
    Heard& peer = heard_[static_cast<std::size_t>(p)];
    const bool was_waited_for = !peer.punctuality.missed();
    peer.punctuality.was_there(there.contains(p));
    const bool told = p != options_.self && !repairs_.anything_lost();  // who follows is late itself
    if (told && was_waited_for == peer.punctuality.missed())
      tell({.name = was_waited_for ? "late" : "in_time", .peer = p, .layer = round_->request.layer});
  }
}

void Peer::learn(const FloorKind& kind, const codes::RoundVerdict& verdict, codes::Index entries) {
  const bool undisturbed = verdict.findings.empty() || static_cast<double>(verdict.active_entries) <
                                                           kDisturbedShare * static_cast<double>(entries);
  if (undisturbed) floors_.of(kind, 1.0).learn(verdict.typical, verdict.largest);
}

}  // namespace polydot::protocol
