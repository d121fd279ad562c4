// Losing the place and finding it again: one path for a crash, for having been away too long, for a lost disk
// and for a new machine in an old place. PROTOCOL.md, "Coming back".
#include <algorithm>

#include "protocol/peer.h"
#include "protocol/peer_state.h"

namespace polydot::protocol {

namespace {
// Without an answer for so long, what is asked for is not there any more.
constexpr std::int64_t kLongestUnansweredMs = 100;
// The others have not moved for this part of a patience: they stand.
constexpr std::int64_t kStandingShare = 8;
}  // namespace

PeerMode Peer::mode() const {
  if (status_.phase == PeerPhase::kJoining) return options_.record ? PeerMode::kRestored : PeerMode::kNew;
  if (stuck_ && stuck_->why == Stuck::Why::kRestored) return PeerMode::kRestored;
  return repairs_.anything_lost() ? PeerMode::kFollowing : PeerMode::kActive;
}

// The furthest round of this epoch that so many active others have reached that they are a majority with this
// peer. Those were in every round before: nobody is ahead of them by more than a round. Where a follower
// stands is its own choice, and says nothing.
std::optional<codes::RoundKey> Peer::majority_key() const {
  std::vector<codes::RoundKey> keys;
  for (int p = 0; p < options_.peers; ++p) {
    const Heard& peer = heard_[static_cast<std::size_t>(p)];
    const bool trains = p != options_.self && peer.mode == PeerMode::kActive && !peer.goodbye;
    if (trains && peer.latest && peer.latest->epoch == ballot_.epoch()) keys.push_back(*peer.latest);
  }
  const auto enough = static_cast<std::size_t>(options_.peers / 2);
  if (enough == 0 || keys.size() < enough) return std::nullopt;
  std::sort(keys.rbegin(), keys.rend());
  return keys[enough - 1];
}

bool Peer::majority_is_beyond() const {
  const auto majority = majority_key();
  return majority && round_->request.key < *majority && !same_round(round_->request.key, *majority);
}

int Peer::ahead_by_epochs() const {
  return static_cast<int>(std::count_if(heard_.begin(), heard_.end(), [&](const Heard& peer) {
    return peer.latest && peer.latest->epoch > ballot_.epoch();
  }));
}

void Peer::lose_shards() {
  for (const codes::ShardPart& part : job_.state()->parts()) repairs_.lose(part);
  job_.state()->set_whole(false);
  votes_from_ms_.reset();  // counts from when it is active again
  send_hello(kEverybody);
}

void Peer::follow(std::int64_t now_ms, std::uint64_t boundary) {
  const std::string why = status_.rounds == 0 ? "came while others train"
                                              : "lost its place at step " + std::to_string(step_at_hand_);
  notice(why + ": follows from step " + std::to_string(boundary) + " on, to be rebuilt by the others");
  tell({.name = "follows", .boundary = boundary});
  ++status_.follows;
  ++follows_in_a_row_;
  leave_rounds(codes::RoundKey{ballot_.epoch(), boundary, 0, 0});
  majority_moved_ms_ = now_ms;
  job_.state()->follow(boundary, ballot_.epoch());
  step_at_hand_ = job_.steps_done();
  lose_shards();
}

// What belongs to rounds before `next` is of no use any more.
void Peer::leave_rounds(const codes::RoundKey& next) {
  round_.reset();
  before_.reset();
  finished_.reset();
  store_.prune_before(next);
  for (auto& rounds : abstained_) rounds.erase(rounds.begin(), rounds.lower_bound(next));
  sent_.clear();
  helped_.clear();
  repairs_.forget();
  decoded_from_ = everybody_;
}

// A peer that waits for what the others do not have any more goes where they are. True: it did.
bool Peer::catch_up(std::int64_t now_ms) {
  const auto majority = majority_key();
  if (!majority || job_.state() == nullptr) return false;
  if (majority != majority_at_) majority_at_ = majority, majority_moved_ms_ = now_ms;
  // A little behind, it may still be told; its requests are in a hurry (wait_on).
  const bool told = now_ms - std::max(round_->sent_at_ms, round_->progress_at_ms) < kLongestUnansweredMs;
  const bool near = !repairs_.anything_lost() && majority->step <= step_at_hand_ + kStepsKept;
  if (majority->step > step_at_hand_ + 1 && !(near && told)) {
    // Of which everything is still to come; further ahead if what was heard of them was old.
    follow(now_ms, majority->step + (std::uint64_t{1} << std::min(follows_in_a_row_, 6)));
    return true;
  }
  // What it has decoded itself since it came here, the others can decode as well: they are only slow.
  const std::int64_t standing = finished_ ? options_.patience_ms : options_.patience_ms / kStandingShare;
  const bool they_stand = now_ms - majority_moved_ms_ >= standing;
  if (majority->step < step_at_hand_ && repairs_.anything_lost() && they_stand) {
    // Perhaps it is this peer that they wait for: what they have done of the step they still have.
    follow(now_ms, majority->step);
    --follows_in_a_row_;
    return true;
  }
  return false;
}

// This peer cannot make sure of its round with what there is, and most have done it: they had another
// contribution, or a lower floor. Rather than wait for those that are gone it is rebuilt where they are, who
// may be waiting for it. True: it went.
bool Peer::leave_what_others_have_decoded(std::int64_t now_ms) {
  if (job_.state() == nullptr || !majority_is_beyond()) return false;
  if (now_ms - round_->enough_at_ms < patience_at_hand()) return false;  // what was asked for may still come
  // By the scales of a wrong operand right contributions look wrong.
  if (!std::exchange(round_->operand_doubted, true) && recompute_operand()) {
    round_->judged = {};
    return true;
  }
  follow(now_ms, std::max(majority_key()->step, step_at_hand_ + 1));
  return true;
}

void Peer::look_whether_whole() {
  if (status_.mode != PeerMode::kFollowing || repairs_.anything_lost()) return;
  status_.mode = PeerMode::kActive;
  job_.state()->set_whole(true);
  notice("active again at step " + std::to_string(step_at_hand_));
  tell({.name = "active"});
  send_hello(kEverybody);
}

std::vector<Member> Peer::members(std::int64_t now_ms) const {
  const MembershipView view = view_of(heard_, {options_.self, options_.patience_ms});
  std::vector<Member> all;
  for (int p = 0; p < options_.peers; ++p) {
    if (p == options_.self) continue;
    const Heard& peer = heard_[static_cast<std::size_t>(p)];
    const char* state = !peer.joined                           ? "joining"
                        : view.gone.contains(p)                ? "gone"
                        : offenders_.quarantined().contains(p) ? "quarantined"
                        : peer.mode == PeerMode::kRestored     ? "restored"
                        : view.following.contains(p)           ? "following"
                        : view.late.contains(p)                ? "late"
                                                               : "live";
    std::string reason = describe(now_ms, heard_, codes::PeerSet::of({p}));
    if (peer.latest)
      reason += ", at step " + std::to_string(peer.latest->step) + " of epoch " +
                std::to_string(peer.latest->epoch);
    if (places_[static_cast<std::size_t>(p)].is_claimed_twice(now_ms))
      reason += ", a second process claims to be it";
    all.push_back({p, state, std::move(reason)});
  }
  return all;
}

}  // namespace polydot::protocol
