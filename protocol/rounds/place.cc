#include "protocol/rounds/place.h"

#include <algorithm>

namespace polydot::protocol {

namespace {
// The holder is heard for this part of a patience after another claimed its place: that was no late frame.
constexpr std::int64_t kLateShare = 4;
}  // namespace

Place::Verdict Place::claim(std::int64_t now_ms, const Message& message) {
  const bool goodbye = message.kind == MessageKind::kGoodbye;
  if (holder_ == message.incarnation) return claim_of_holder(now_ms, goodbye);
  const bool reached = message.kind == MessageKind::kHello && message.set.contains(self_);
  const bool free = !holder_ || left_ || now_ms - heard_ms_ >= patience_ms_;
  // Nobody takes a place by leaving it, unless it is all that was ever heard of the peer.
  const bool unknown = !holder_ && !claim_;
  const bool taken = has_ended(message.incarnation) ? reached && free : reached || free;
  if (!taken || (goodbye && !unknown)) {
    // A late frame of one that has ended claims nothing.
    if (goodbye || (has_ended(message.incarnation) && !reached)) return Verdict::kIgnored;
    const bool again =
        claim_ && claim_->incarnation == message.incarnation && now_ms - claim_->last_ms < patience_ms_;
    claim_ = Claim{message.incarnation, again ? claim_->since_ms : now_ms, now_ms};
    return Verdict::kIgnored;
  }
  if (holder_ && (reached || left_)) note_ended(*holder_);
  holder_ = message.incarnation;
  heard_ms_ = now_ms;
  left_ = goodbye;
  claim_.reset();
  both_live_ = said_ = false;
  return Verdict::kNewHolder;
}

Place::Verdict Place::claim_of_holder(std::int64_t now_ms, bool goodbye) {
  const bool twice = is_claimed_twice(now_ms);
  both_live_ = both_live_ || (twice && now_ms - claim_->since_ms >= patience_ms_ / kLateShare);
  heard_ms_ = now_ms;
  left_ = left_ || goodbye;
  if (!goodbye || !twice) return Verdict::kHolder;
  note_ended(*holder_);
  holder_.reset();
  return Verdict::kVacated;
}

bool Place::is_claimed_twice(std::int64_t now_ms) const {
  return holder_ && claim_ && now_ms - claim_->last_ms < patience_ms_;
}

std::optional<std::uint64_t> Place::take_second() {
  if (!both_live_ || said_ || !holder_ || !claim_) return std::nullopt;
  said_ = true;
  return claim_->incarnation;
}

bool Place::has_ended(std::uint64_t incarnation) const {
  return std::find(ended_.begin(), ended_.end(), incarnation) != ended_.end();
}

void Place::note_ended(std::uint64_t incarnation) {
  if (has_ended(incarnation)) return;
  ended_[next_ended_] = incarnation;
  next_ended_ = (next_ended_ + 1) % ended_.size();
}

}  // namespace polydot::protocol
