// Watches the loss of one peer's training: ends a run that has diverged, and, if asked to, keeps checkpoints
// and rolls back. The baseline that coding is compared with.
//
// Every peer has its own guard. Peers decode the same bytes in the same way, so their losses are equal to the
// bit and they roll back at the same step without a word to each other.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "dnn/coded/training_program.h"
#include "protocol/peer.h"

namespace polydot::bench {

struct RollbackOptions {
  std::uint64_t interval_steps = 20;  // between two checkpoints
  std::size_t generations = 10;       // kept, beside the initial state
  std::uint64_t most_rollbacks = 200;
};

class RunGuard : public dnn::TrainingObserver {
 public:
  // wanted_steps: the run ends once so many steps have been done that were not rolled back.
  RunGuard(std::uint64_t wanted_steps, std::optional<RollbackOptions> rollback)
      : wanted_steps_(wanted_steps), rollback_(rollback) {}

  // Before the first step. Both outlive this.
  void attach(dnn::TrainingProgram& program, protocol::Peer& peer);
  void on_step(const dnn::StepRecord& record) override;

  bool diverged() const { return diverged_; }    // a loss that is not finite, and nothing to roll back to
  bool abandoned() const { return abandoned_; }  // too many rollbacks
  std::uint64_t rollbacks() const { return rollbacks_; }
  std::uint64_t executed_steps() const { return executed_steps_; }
  // Of each step, as it was done last: peers may go back by themselves.
  const std::map<std::uint64_t, double>& all_losses() const { return all_losses_; }

 private:
  struct Checkpoint {
    std::uint64_t step = 0;  // useful steps up to here
    std::vector<std::vector<dnn::ShardState>> layers;
  };

  bool suspicious(double loss) const;
  void keep(double loss);
  void roll_back();
  Checkpoint snapshot() const;

  std::uint64_t wanted_steps_;
  std::optional<RollbackOptions> rollback_;
  dnn::TrainingProgram* program_ = nullptr;
  protocol::Peer* peer_ = nullptr;
  std::map<std::uint64_t, double> all_losses_;
  std::deque<double> losses_;           // the last good ones
  std::vector<Checkpoint> confirmed_;   // the initial state first, the latest last
  std::optional<Checkpoint> unproved_;  // its last update has not been seen at work yet
  std::uint64_t useful_steps_ = 0, executed_steps_ = 0, rollbacks_ = 0;
  int rollbacks_in_a_row_ = 0;  // to the same checkpoint
  bool diverged_ = false, abandoned_ = false;
};

}  // namespace polydot::bench
