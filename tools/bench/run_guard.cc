#include "tools/bench/run_guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace polydot::bench {

namespace {

// A loss is a spike if it passes this multiple of the running median, and a margin for the noise of a batch
// once the median is small. Fault-free runs of the benchmark never roll back at these values.
constexpr double kSpikeFactor = 4.0;
constexpr double kSpikeMargin = 0.5;
constexpr std::size_t kWindow = 50;
constexpr std::size_t kWarm = 5;
// A checkpoint that fails so often may be what is wrong.
constexpr int kPatience = 3;

}  // namespace

void RunGuard::attach(dnn::TrainingProgram& program, protocol::Peer& peer) {
  program_ = &program;
  peer_ = &peer;
  if (rollback_) confirmed_.push_back(snapshot());
}

void RunGuard::on_step(const dnn::StepRecord& record) {
  ++executed_steps_;
  all_losses_[record.step] = record.loss;
  if (!rollback_) {
    diverged_ = !std::isfinite(record.loss);
    if (diverged_) peer_->stop_after_step(0);
    return;
  }
  if (!suspicious(record.loss)) {
    keep(record.loss);
  } else if (rollbacks_ < rollback_->most_rollbacks) {
    roll_back();
  } else {
    abandoned_ = true;
  }
  if (abandoned_ || useful_steps_ == wanted_steps_) peer_->stop_after_step(0);
}

bool RunGuard::suspicious(double loss) const {
  if (!std::isfinite(loss)) return true;
  if (losses_.size() < kWarm) return false;
  std::vector<double> sorted(losses_.begin(), losses_.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return loss > kSpikeFactor * *middle + kSpikeMargin;
}

void RunGuard::keep(double loss) {
  losses_.push_back(loss);
  if (losses_.size() > kWindow) losses_.pop_front();
  ++useful_steps_;
  if (unproved_) {
    confirmed_.push_back(std::move(*unproved_));
    unproved_.reset();
    // The initial state stays: the last resort.
    if (confirmed_.size() > rollback_->generations + 1) confirmed_.erase(confirmed_.begin() + 1);
    rollbacks_in_a_row_ = 0;
  }
  if (useful_steps_ % rollback_->interval_steps == 0) unproved_ = snapshot();
}

void RunGuard::roll_back() {
  ++rollbacks_;
  unproved_.reset();
  if (++rollbacks_in_a_row_ > kPatience && confirmed_.size() > 1) {
    confirmed_.pop_back();
    rollbacks_in_a_row_ = 1;
  }
  const Checkpoint& checkpoint = confirmed_.back();
  useful_steps_ = checkpoint.step;
  for (codes::Index l = 0; l < program_->layer_count(); ++l)
    for (codes::Index s = 0; s < program_->layer(l).shard_count(); ++s)
      program_->layer(l).shard(s) =
          checkpoint.layers[static_cast<std::size_t>(l)][static_cast<std::size_t>(s)];
}

RunGuard::Checkpoint RunGuard::snapshot() const {
  Checkpoint checkpoint{useful_steps_, {}};
  for (codes::Index l = 0; l < program_->layer_count(); ++l) {
    auto& shards = checkpoint.layers.emplace_back();
    for (codes::Index s = 0; s < program_->layer(l).shard_count(); ++s)
      shards.push_back(program_->layer(l).shard(s));
  }
  return checkpoint;
}

}  // namespace polydot::bench
