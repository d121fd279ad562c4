// Waiting: for whom, how long, and what is done meanwhile. PROTOCOL.md, "Patience".
#include <algorithm>

#include "protocol/peer.h"
#include "protocol/peer_state.h"

namespace polydot::protocol {

namespace {

// Rounds before the pace of this cluster is known.
constexpr std::uint64_t kFirstRounds = 8;
// Once there are enough contributions, the rest may take this many times as long as enough usually take.
constexpr double kPaceFactor = 4.0;
constexpr double kPaceShare = 1.0 / 16;  // of a new round in the running mean
// Between two requests of a peer that knows the others to be ahead.
constexpr std::int64_t kHurryMs = 20;
// Enough peers are there and nothing moves: long enough for those who came back to be rebuilt.
constexpr std::int64_t kStandstillPatiences = 5;

}  // namespace

std::int64_t Peer::patience_at_hand() const {
  if (rounds_timed_ < kFirstRounds) return options_.patience_ms;
  return std::clamp(static_cast<std::int64_t>(kPaceFactor * typical_round_ms_), options_.least_patience_ms(),
                    options_.patience_ms);
}

// Not what stragglers cost: a slow peer must not make itself patience.
void Peer::learn_pace(std::int64_t now_ms) {
  const std::int64_t enough_at = round_->enough_at_ms < 0 ? now_ms : round_->enough_at_ms;
  const auto took = static_cast<double>(enough_at - round_->started_at_ms);
  typical_round_ms_ += (rounds_timed_ == 0 ? 1.0 : kPaceShare) * (took - typical_round_ms_);
  ++rounds_timed_;
}

bool Peer::wait_on(std::int64_t now_ms, const codes::PeerSet& missing) {
  const std::int64_t waited = now_ms - round_->progress_at_ms;
  status_.waiting_for = missing;
  status_.waiting_since_ms = round_->sent_at_ms;
  if (catch_up(now_ms) || give_up_waiting(now_ms, waited, missing)) return true;
  const bool hurry = majority_is_beyond() && round_->enough_at_ms < 0;
  if (hurry) round_->next_request_ms = std::min(round_->next_request_ms, round_->requested_at_ms + kHurryMs);
  // Once before it goes on without them: perhaps something was lost.
  const bool first = round_->requested_at_ms == 0 && round_->enough_at_ms >= 0;
  if (first)
    round_->next_request_ms =
        std::min(round_->next_request_ms, round_->enough_at_ms + patience_at_hand() / 4);
  if (now_ms >= round_->next_request_ms) {
    status_.waiting_text = describe(now_ms, heard_, missing);
    request(now_ms, missing);
    // So that whoever waits as well knows who is there, and where.
    if (waited >= options_.patience_ms) {
      send_hello(kEverybody);
      if (job_.state() != nullptr && ahead_by_epochs() > 0) ballot_.ask(), send_ballot();
    }
  }
  deadline_ms_ = round_->next_request_ms;
  for (const std::int64_t end :
       {round_->sent_at_ms + options_.patience_ms,
        round_->enough_at_ms < 0 ? now_ms : round_->enough_at_ms + patience_at_hand()})
    if (end > now_ms) deadline_ms_ = std::min(deadline_ms_, end);
  return false;
}

void Peer::request(std::int64_t now_ms, const codes::PeerSet& missing) {
  Message request;
  request.kind = MessageKind::kRequest;
  request.key = round_->key();
  codes::PeerSet asked = missing & answering(now_ms);
  // Who abstained may have been rebuilt since, and matters only if there are not enough.
  if (round_->enough_at_ms >= 0) asked = asked - abstaining();
  asked.erase(options_.self);  // which abstains
  for (int p : asked.members()) send(p, request);
  round_->requested_at_ms = now_ms;
  round_->next_request_ms = now_ms + options_.request_interval_ms();
}

// For how long nothing has moved although it might.
std::int64_t Peer::stood_ms(std::int64_t now_ms) const {
  return now_ms - std::max(round_->progress_at_ms, round_->others_needed_ms);
}

// True: it does something else from now on.
bool Peer::give_up_waiting(std::int64_t now_ms, std::int64_t waited, const codes::PeerSet& missing) {
  if (std::min(waited, now_ms - somebody_back_ms_) >= options_.give_up_ms()) {
    fail(now_ms, {FailureKind::kNetwork, "gave up at " + name_of_round(round_->request) +
                                             " waiting for peers " + describe(now_ms, heard_, missing)});
    return true;
  }
  if (job_.state() == nullptr) return false;
  if (ahead_by_epochs() > options_.peers / 2) {
    // Others have gone back to a checkpoint and it was not heard here: whoever knows tells who asks.
    stuck_ =
        Stuck{.why = Stuck::Why::kAsking,
              .since_ms = now_ms,
              .next_ms = now_ms,
              .failure = {FailureKind::kNetwork, "others are in a later epoch, and do not say from where"}};
    return true;
  }
  const codes::PeerSet there = heard_lately(now_ms);
  // Going back brings nobody if all that are there have contributed; who comes back will be rebuilt.
  if (round_->too_few && there.subset_of(round_->judged)) round_->others_needed_ms = now_ms;
  if (stood_ms(now_ms) >= kStandstillPatiences * options_.patience_ms && there.size() >= needed()) {
    notice("nothing moves at " + name_of_round(round_->request) +
           " although enough peers are there; asking for a rollback");
    stuck_ = Stuck{.why = Stuck::Why::kWaiting,
                   .since_ms = now_ms,
                   .next_ms = now_ms + options_.self * options_.request_interval_ms() / 4,
                   .failure = {FailureKind::kNetwork,
                               "nothing moves at " + name_of_round(round_->request) +
                                   " although enough peers are there, and no rollback was decided"}};
    return true;
  }
  return false;
}

// This peer and those that it heard from within a patience.
codes::PeerSet Peer::heard_lately(std::int64_t now_ms) const {
  codes::PeerSet set = codes::PeerSet::of({options_.self});
  for (int p = 0; p < options_.peers; ++p) {
    const Heard& peer = heard_[static_cast<std::size_t>(p)];
    if (peer.joined && !peer.goodbye && now_ms - peer.last_message_ms < options_.patience_ms) set.insert(p);
  }
  return set;
}

// Who has, or may still have, a contribution to the round at hand. Those that left after they had done it
// linger for a patience and answer.
codes::PeerSet Peer::answering(std::int64_t now_ms) const {
  codes::PeerSet set;
  for (int p = 0; p < options_.peers; ++p) {
    const Heard& peer = heard_[static_cast<std::size_t>(p)];
    const bool done_here =
        peer.goodbye && (*peer.goodbye == 0 || peer.goodbye_step > round_->request.key.step);
    if (!peer.goodbye || (done_here && now_ms - peer.last_message_ms < options_.patience_ms)) set.insert(p);
  }
  return set;
}

bool Peer::others_have_finished() const {
  return std::count_if(heard_.begin(), heard_.end(), [](const Heard& peer) {
           return peer.goodbye && *peer.goodbye == 0;
         }) > options_.peers / 2;
}

void Peer::fail_as_left_behind(std::int64_t now_ms) {
  fail(now_ms, {FailureKind::kNetwork, "the others have finished without this peer, which stood at step " +
                                           std::to_string(step_at_hand_)});
}

void Peer::lose_quorum(std::int64_t now_ms, const codes::PeerSet& gone) {
  if (stop_code_) {  // everybody was told to stop; the step at hand cannot be finished
    leave(now_ms, *stop_code_);
    return;
  }
  if (others_have_finished()) return fail_as_left_behind(now_ms);
  fail(now_ms, {FailureKind::kNetwork,
                "cannot go on at " + name_of_round(round_->request) + ": " + std::to_string(needed()) +
                    " of " + std::to_string(options_.peers) +
                    " peers are needed, and these have left: " + describe(now_ms, heard_, gone)});
}

}  // namespace polydot::protocol
