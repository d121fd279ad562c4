// Joining, agreeing on what is shared, and leaving.
#include <algorithm>

#include "protocol/members/agreement.h"
#include "protocol/peer.h"
#include "protocol/peer_state.h"

namespace polydot::protocol {

void Peer::send_hello(int to, bool hears_it) {
  Message hello;
  hello.kind = MessageKind::kHello;
  hello.key.epoch = ballot_.epoch();
  hello.key.step = job_.steps_done();
  hello.code = static_cast<std::uint32_t>(mode());
  for (int p = 0; p < options_.peers; ++p)
    if (heard_[static_cast<std::size_t>(p)].joined) hello.set.insert(p);
  if (!hears_it) hello.set.erase(to);
  hello.payload = Payload::of_text(to_text(options_.shared));
  send(to, std::move(hello));
}

void Peer::on_hello(int from, const Message& message) {
  Heard& peer = heard_[static_cast<std::size_t>(from)];
  if (const auto difference = first_difference(options_.shared, parse_lines(message.payload.text()))) {
    // So that it can name the difference too. While both join, each repeats its hello anyway; a peer that has
    // begun answers whoever asks, at a rate.
    const bool joins = status_.phase == PeerPhase::kJoining, first = !std::exchange(peer.refused, true);
    const bool due = joins ? first : peer.last_message_ms >= peer.next_refusal_ms;
    if (!peer.goodbye && due) {
      peer.next_refusal_ms = peer.last_message_ms + options_.request_interval_ms();
      send_hello(from);
    }
    peer.refusal = describe(*difference);
    const Failure refusal = disagreement(from, *difference);
    if (joins)
      note_start_trouble(from, refusal);
    else if (first && due && !failure_)
      notice("not let in: " + refusal.message);
    return;
  }
  const bool joins = message.code <= static_cast<std::uint32_t>(PeerMode::kRestored);
  peer.joined = true;
  peer.refused = false;
  peer.refusal.clear();
  if (!peer.goodbye) forget_start_trouble(from);
  peer.hears_us = peer.hears_us || message.set.contains(options_.self);
  peer.mode = static_cast<PeerMode>(message.code);
  // Who follows may go back a little; then it is the furthest round no more that counts.
  const bool back =
      peer.latest && peer.latest->epoch == message.key.epoch && message.key.step < peer.latest->step;
  if (!joins) peer.latest = back ? message.key : std::max(peer.latest.value_or(message.key), message.key);
  // Only those that have begun answer, and only those that have not, or that have not heard us: so this does
  // not go on for ever.
  const bool wants_answer = joins || !message.set.contains(options_.self);
  if (wants_answer && status_.phase != PeerPhase::kJoining && mode() > PeerMode::kRestored) send_hello(from);
}

// Who contributes and was never heard to agree: its hello was lost, or could not come through.
void Peer::greet_strangers(std::int64_t now_ms) {
  if (now_ms < next_hello_ms_) return;
  next_hello_ms_ = now_ms + options_.request_interval_ms();
  for (int p = 0; p < options_.peers; ++p)
    if (const Heard& peer = heard_[static_cast<std::size_t>(p)];
        p != options_.self && !peer.joined && peer.latest)
      send_hello(p);
}

void Peer::on_refused_frame(int from, WireError error, std::uint16_t claimed_version,
                            std::optional<std::uint64_t> incarnation) {
  ++status_.dropped_messages;
  const auto holder = places_[static_cast<std::size_t>(from)].holder();
  if (incarnation && holder && *incarnation != *holder) return;  // of another process
  if (error == WireError::kChecksum) {
    ++status_.wrong_checksums;
    tell({.name = "wrong_checksum", .peer = from});
    // An erasure that its sender can mend: asked for again at once, for who knows what it was.
    if (round_ && round_->sent && !round_->seen.contains(from) && !round_->mended.contains(from)) {
      round_->mended.insert(from);
      Message request;
      request.kind = MessageKind::kRequest;
      request.key = round_->key();
      send(from, request);
    }
  }
  if (error != WireError::kVersion || status_.phase != PeerPhase::kJoining || phase_since_ms_ < 0) return;
  // Believed the second time: a bit may have flipped on the way.
  Heard& peer = heard_[static_cast<std::size_t>(from)];
  if (std::exchange(peer.claimed_version, claimed_version) != claimed_version) return;
  peer.refusal =
      "speaks wire version " + std::to_string(claimed_version) + ", this one " + std::to_string(kWireVersion);
  note_start_trouble(from, {FailureKind::kDisagreement, "peer " + std::to_string(from) + " " + peer.refusal +
                                                            "; start all peers with the same version"});
}

bool Peer::anybody_trains() const {
  return std::any_of(heard_.begin(), heard_.end(), [](const Heard& peer) {
    return peer.joined && !peer.goodbye && peer.mode > PeerMode::kRestored;
  });
}

// Everybody is there; or some train already; or enough are there and nobody else came within a patience.
bool Peer::may_begin(std::int64_t now_ms, const MembershipView& view) const {
  if (view.joined == everybody_ || (anybody_trains() && view.joined.size() > 1)) return true;
  return !start_trouble_ && now_ms - phase_since_ms_ >= options_.patience_ms &&
         view.joined.size() >= least_to_begin(job_.code(), options_.margin);
}

void Peer::begin(std::int64_t now_ms) {
  // Nobody has done anything yet that this peer could have taken part in; by the word of so many that
  // whatever was decided before, one of them would have to have forgotten it.
  const auto agreed =
      std::count_if(heard_.begin(), heard_.end(), [](const Heard& peer) { return peer.joined; });
  const bool first_start =
      agreed + 1 > options_.peers / 2 && std::all_of(heard_.begin(), heard_.end(), [](const Heard& peer) {
        return !peer.joined || (peer.mode != PeerMode::kRestored &&
                                (!peer.latest || (peer.latest->epoch == 0 && peer.latest->step == 0)));
      });
  if (options_.record)
    stuck_ = Stuck{.why = Stuck::Why::kRestored,
                   .since_ms = now_ms,
                   .next_ms = now_ms + options_.self * options_.request_interval_ms() / 4,
                   .failure = {FailureKind::kNetwork, "no majority came back to resume the training with"}};
  // Else its disk may have held promises, to leave whichever epoch it will hear of.
  if (options_.record || first_start) vote_from_now_on();
  if (start_trouble_) notice("begins all the same, for others train: " + start_trouble_->failure.message);
  start_trouble_.reset();
  if (options_.margin == 0)
    notice("margin 0: a round with no contribution to spare is not checked, and counted in unchecked_rounds");
  status_.phase = PeerPhase::kRunning;
  status_.mode = mode();
  status_.waiting_for = {};
  phase_since_ms_ = now_ms;
  // Whoever has not heard from us that we hear it keeps asking, and is answered (on_hello).
  send_hello(kEverybody);
  if (observer_ != nullptr) observer_->on_started(now_ms);
}

void Peer::note_start_trouble(int peer, Failure failure) {
  if (!start_trouble_) start_trouble_ = StartTrouble{peer, std::move(failure), {}};
}

// It agrees now, or it is another process.
void Peer::forget_start_trouble(int peer) {
  if (start_trouble_ && start_trouble_->peer == peer) start_trouble_.reset();
}

// Peers that do not belong together start nothing, and what fails while all join would fail again. But where
// others train already, a single peer that disagrees and is heard first must not send this one away: the
// others are given time to be heard. And who was stopped by a signal may be started again, like who was
// killed; that a process heard nobody (kNetwork) means nothing if it never said that it hears us: perhaps it
// is bound elsewhere.
bool Peer::ends_the_start(std::int64_t now_ms, const MembershipView& view) {
  constexpr std::uint32_t kFirstOfSignals = 128;
  constexpr std::int64_t kShareOfPatience = 4;
  for (int p : view.gone.members()) {
    const Heard& peer = heard_[static_cast<std::size_t>(p)];
    const std::uint32_t code = *peer.goodbye;
    const bool heard_nobody = code == static_cast<std::uint32_t>(FailureKind::kNetwork) && !peer.hears_us;
    if (code == 0 || code >= kFirstOfSignals || heard_nobody) continue;
    const bool disagrees = code == static_cast<std::uint32_t>(FailureKind::kDisagreement);
    note_start_trouble(p, {disagrees ? FailureKind::kDisagreement : FailureKind::kNetwork,
                           "peer " + std::to_string(p) + " left before the start with exit code " +
                               std::to_string(code) + "; see its own line"});
  }
  if (!start_trouble_ || anybody_trains()) return false;
  if (!start_trouble_->since_ms) start_trouble_->since_ms = now_ms;
  if (now_ms < *start_trouble_->since_ms + options_.patience_ms / kShareOfPatience) return false;
  fail(now_ms, start_trouble_->failure);
  return true;
}

bool Peer::advance_joining(std::int64_t now_ms) {
  const MembershipView view = view_of(heard_, {options_.self, options_.patience_ms});
  if (stop_code_) {
    leave(now_ms, *stop_code_);
    return true;
  }
  if (ends_the_start(now_ms, view)) return true;
  if (may_begin(now_ms, view)) {
    begin(now_ms);
    return true;
  }
  const codes::PeerSet missing = everybody_ - view.joined;
  if (now_ms - phase_since_ms_ >= options_.give_up_ms()) {
    fail(now_ms, {FailureKind::kNetwork, "gave up waiting for peers " + describe(now_ms, heard_, missing) +
                                             "; start them, or check their addresses"});
    return true;
  }
  status_.waiting_for = missing;
  status_.waiting_since_ms = phase_since_ms_;
  status_.waiting_text = describe(now_ms, heard_, missing);
  if (now_ms >= next_hello_ms_) {
    send_hello(kEverybody);  // to those who are in, too: they may not know yet that we hear them
    next_hello_ms_ = now_ms + std::min<std::int64_t>(200, options_.request_interval_ms());
  }
  deadline_ms_ = next_hello_ms_;
  return false;
}

void Peer::leave(std::int64_t now_ms, std::uint32_t code) {
  Message goodbye;
  goodbye.kind = MessageKind::kGoodbye;
  goodbye.key.step = job_.steps_done();
  goodbye.code = code;
  repairs_.refuse_what_is_due();
  send_repairs();
  send_to_all(goodbye);
  round_.reset();
  status_.phase = PeerPhase::kLingering;
  status_.waiting_for = {};
  phase_since_ms_ = now_ms;
}

void Peer::fail(std::int64_t now_ms, Failure failure) {
  if (failure_) return;
  const auto code = static_cast<std::uint32_t>(failure.kind);
  failure_ = std::move(failure);
  leave(now_ms, code);
}

bool Peer::advance_lingering(std::int64_t now_ms) {
  const MembershipView view = view_of(heard_, {options_.self, options_.patience_ms});
  codes::PeerSet left = view.gone;
  left.insert(options_.self);
  deadline_ms_ = phase_since_ms_ + options_.patience_ms;
  if (left != everybody_ && now_ms < deadline_ms_) return false;
  status_.phase = PeerPhase::kEnded;
  return true;
}

}  // namespace polydot::protocol
