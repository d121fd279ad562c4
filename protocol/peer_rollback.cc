// When computing again does not help: back to a checkpoint by ballot, or an end that says why. PROTOCOL.md,
// "Rollback".
#include <algorithm>
#include <cmath>
#include <limits>

#include "protocol/peer.h"
#include "protocol/peer_state.h"

namespace polydot::protocol {

// Whose contributions to the round at hand hold something that is not finite, or above the limit of its
// column times sigma.
codes::PeerSet Peer::louder_than(const codes::VectorD& limits) const {
  const codes::VectorD& sigma = job_.code().pass(round_->request.pass).sigma;
  const codes::Shape payload = round_->payload;
  codes::PeerSet loud;
  for (int p : store_.complete(round_->key(), round_->contribution()).members()) {
    const codes::ContributionView view = store_.view(round_->key(), p);
    for (codes::Index col = 0; col < payload.cols && !loud.contains(p); ++col) {
      const float* column = view.column(col, payload.rows);
      const double limit = limits(col) * sigma(p);
      const bool loud_here = std::any_of(column, column + payload.rows, [&](float value) {
        return !std::isfinite(value) || std::abs(static_cast<double>(value)) > limit;
      });
      if (loud_here) loud.insert(p);
    }
  }
  return loud;
}

// The largest ratio of a shard of this peer's to what it was like in the beginning.
double Peer::growth_of_own_weights() const {
  double growth = 0.0;
  for (codes::ShardPart part : job_.state()->parts()) {
    part.momentum = false;
    const codes::Matrix lines = job_.state()->capture(part);
    const double start = job_.state()->initial_line_norm(part.layer, part.shard) *
                         shard_passes_[static_cast<std::size_t>(part.shard)].sigma(options_.self);
    const double now = lines.cast<double>().norm() / std::sqrt(static_cast<double>(lines.cols()));
    if (!std::isfinite(now)) return std::numeric_limits<double>::infinity();
    if (start > 0.0) growth = std::max(growth, now / start);
  }
  return growth;
}

// Weights that are far from anything that learns. A shard that is wild is its peer's fault: only what more
// than half of the peers show is training. The latest scrub tells of all; weights that have grown since, of
// which this peer has its own, show in products that are larger than those of the start ever could be.
std::optional<double> Peer::excessive_growth() const {
  constexpr double kLoud = 4.0;
  const int half = options_.peers / 2;
  for (const auto& [part, size] : weight_sizes_)
    if (size.grown > half) return size.latest / job_.state()->initial_line_norm(part.first, part.second);
  const double own = growth_of_own_weights();
  if (own <= kMostWeightGrowth) return std::nullopt;
  const codes::Pass& pass = job_.code().pass(round_->request.pass);
  // With nothing to spare (uncoded) a wild shard cannot be told from wild training.
  if (pass.code.recovery_threshold >= options_.peers) return own;
  const double initial = job_.initial_scale(round_->request.layer, round_->request.pass);
  if (louder_than(kLoud * initial * round_->nu).size() <= half) return std::nullopt;
  return own;
}

// The numbers of most peers are not finite (or so large that sums of them soon are not), or their weights
// have grown beyond reason: rounding decides what comes next, at every peer something else. If that was so
// before when it had come this far, it is no accident: from a checkpoint it is the same again, a step earlier
// or later. What to say then.
std::optional<std::string> Peer::has_diverged() {
  constexpr double kLargest = 1e30;
  const bool finite =
      louder_than(codes::VectorD::Constant(round_->payload.cols, kLargest)).size() <= options_.peers / 2;
  const std::optional<double> growth = job_.state() == nullptr ? std::nullopt : excessive_growth();
  if (finite && !growth) return std::nullopt;
  const std::uint64_t step = round_->request.key.step;
  const bool again = diverged_at_ && step <= *diverged_at_;
  diverged_at_ = std::max(step, diverged_at_.value_or(0));
  if (!again && job_.state() != nullptr) return std::nullopt;
  const std::string what = finite ? "weights are " +
                                        std::to_string(static_cast<std::int64_t>(std::min(*growth, 1e18))) +
                                        " times what they were in the beginning"
                                  : "the numbers of most peers are not finite";
  return "training has diverged at step " + std::to_string(step) + ": " + what +
         "; a smaller learning rate may help";
}

void Peer::refuse_or_roll_back(std::int64_t now_ms, Failure failure, const codes::RoundVerdict& verdict) {
  const std::uint64_t step = round_->request.key.step;
  const bool again = rollbacks_there_ > 0 && refused_step_ == step;
  if (const auto diverged = has_diverged()) return fail(now_ms, {FailureKind::kNotReached, *diverged});
  if (job_.state() == nullptr || (again && rollbacks_there_ >= PeerOptions::kMaxRollbacks) ||
      verdict.state == codes::RoundState::kWaiting)
    return fail(now_ms, std::move(failure));
  notice(failure.message + "; asking for a rollback");
  stuck_ = Stuck{.since_ms = now_ms,
                 // One after the other, so that proposals do not meet.
                 .next_ms = now_ms + options_.self * options_.request_interval_ms() / 4,
                 .failure = std::move(failure)};
  deadline_ms_ = stuck_->next_ms;
}

bool Peer::is_stuck(std::int64_t now_ms) const {
  if (stuck_ || mode() == PeerMode::kRestored) return true;
  // An ordinary wait for somebody who died lasts one patience.
  return round_ && round_->sent && stood_ms(now_ms) >= 2 * options_.patience_ms;
}

// Where the last rollback led to and nothing could be done is no place to return to again.
std::vector<CheckpointId> Peer::checkpoints_worth_it() const {
  std::vector<CheckpointId> ids = job_.state()->checkpoints();
  const bool in_vain = rollbacks_there_ > 1 && refused_step_ == step_at_hand_;
  const bool enough_there =
      stuck_ && (stuck_->why == Stuck::Why::kRefused || stuck_->why == Stuck::Why::kWaiting);
  if (in_vain && enough_there)
    std::erase_if(ids,
                  [&](const CheckpointId& id) { return id.boundary > 0 && id.boundary >= step_at_hand_; });
  return ids;
}

void Peer::on_ballot(std::int64_t now_ms, int from, const Message& message) {
  if (job_.state() == nullptr) return;
  ballot_.on_message(from, message, is_stuck(now_ms), checkpoints_worth_it());
  send_ballot();
}

// A record says that no promise is lost.
void Peer::vote_from_now_on() {
  ballot_.vote_again();
  ballot_.touch();
  votes_from_ms_.reset();
}

// Who may have lost promises with its disk votes again when nobody counts on them any more.
void Peer::look_whether_it_votes(std::int64_t now_ms) {
  if (!ballot_.votes() && !votes_from_ms_ && status_.mode == PeerMode::kActive)
    votes_from_ms_ = now_ms + options_.give_up_ms();
  if (votes_from_ms_ && now_ms >= *votes_from_ms_) vote_from_now_on();
  status_.votes = ballot_.votes();
}

void Peer::send_ballot() {
  for (auto& [to, message] : ballot_.take_messages()) send(to, std::move(message));
}

// The others go on in the epoch at hand: nothing was decided, and this peer need not wait for it.
bool Peer::go_on_with_the_others(std::int64_t now_ms) {
  const auto majority = majority_key();
  // What it could not explain, or does not have, it need not ask for.
  const bool lacks = stuck_->why == Stuck::Why::kRestored || stuck_->why == Stuck::Why::kRefused;
  const bool restored = stuck_->why == Stuck::Why::kRestored;
  // Those that are a step further can still tell it, or have told it in vain.
  const std::uint64_t bearable = step_at_hand_ + (stuck_->why == Stuck::Why::kWaiting ? 1 : 0);
  if (!majority || (!restored && majority->step <= bearable)) return false;
  if (!ballot_.withdraw()) {
    stuck_->asks_release = true;
    return false;
  }
  stuck_.reset();
  if (lacks) follow(now_ms, majority->step + 1);
  return true;
}

void Peer::vote(std::int64_t now_ms) {
  const bool in_vain = stuck_->proposed_ms >= 0 && now_ms - stuck_->proposed_ms >= options_.patience_ms;
  const bool first =
      stuck_->proposed_ms < 0 && (!ballot_.bound() || now_ms - stuck_->since_ms >= options_.patience_ms);
  if (stuck_->why == Stuck::Why::kAsking || !ballot_.votes()) {
    ballot_.ask();
  } else if (first || in_vain) {
    ballot_.propose();
    stuck_->proposed_ms = now_ms;
  } else {
    ballot_.repeat();
  }
  if (std::exchange(stuck_->asks_release, false)) ballot_.ask_release();
  send_ballot();
  // Whoever trains, or comes back as well, says where it is.
  send_hello(kEverybody);
}

bool Peer::advance_stuck(std::int64_t now_ms) {
  if (!stuck_)  // promised while it waited
    stuck_ = Stuck{.why = Stuck::Why::kWaiting,
                   .since_ms = now_ms,
                   .next_ms = now_ms + options_.patience_ms,
                   .failure = {FailureKind::kRefused, "a rollback was promised, and none was decided"}};
  if (go_on_with_the_others(now_ms)) return true;
  if (stuck_->why == Stuck::Why::kWaiting && !ballot_.bound() && round_) {
    // It helps others to come back as before, and goes on as soon as somebody has.
    work_on_repairs(now_ms);
    if (store_.complete(round_->key(), round_->contribution()) != round_->seen) {
      stuck_.reset();
      return true;
    }
  }
  const codes::PeerSet gone = view_of(heard_, {options_.self, options_.patience_ms}).gone;
  const bool hopeless = (everybody_ - gone).size() <= options_.peers / 2;
  if (stop_code_) {
    leave(now_ms, *stop_code_);
    return true;
  }
  if (others_have_finished()) {
    fail_as_left_behind(now_ms);
    return true;
  }
  if (hopeless || now_ms - stuck_->since_ms >= options_.give_up_ms()) {
    Failure failure = std::move(stuck_->failure);
    stuck_.reset();
    fail(now_ms, std::move(failure));
    return true;
  }
  if (now_ms >= stuck_->next_ms) {
    vote(now_ms);
    stuck_->next_ms = now_ms + options_.request_interval_ms();
    return true;
  }
  deadline_ms_ = stuck_->next_ms;
  return false;
}

bool Peer::roll_back(const Ballot::Decision& decision) {
  const std::uint64_t step = step_at_hand_;
  const bool resumes = stuck_ && stuck_->why == Stuck::Why::kRestored;
  const std::string target = "the checkpoint of step " + std::to_string(decision.target.boundary) +
                             ", epoch " + std::to_string(decision.epoch);
  if (resumes) {
    ++status_.resumes;
    notice("resumes from " + target);
  } else {
    rollbacks_there_ = refused_step_ == step ? rollbacks_there_ + 1 : 1;
    refused_step_ = step;
    ++status_.rollbacks;
    notice("back from step " + std::to_string(step) + " to " + target);
  }
  tell({.name = resumes ? "resumed" : "rolled_back",
        .epoch = decision.epoch,
        .boundary = decision.target.boundary});
  stuck_.reset();
  // Of the new epoch something may have come already.
  leave_rounds(codes::RoundKey{decision.epoch, 0, 0, 0});
  for (Heard& peer : heard_) {
    peer.punctuality = {};
    peer.abstained_step = 0;
    peer.mode = PeerMode::kActive;
  }
  step_at_hand_ = decision.target.boundary;
  weight_sizes_.clear();
  scrub_scales_.clear();
  cleaned_at_.clear();
  // Learned in a past that went wrong, perhaps of numbers that had.
  floors_ = {};
  if (job_.state()->restart(decision.target, decision.epoch))
    job_.state()->set_whole(true);
  else
    lose_shards();
  return true;
}

}  // namespace polydot::protocol
