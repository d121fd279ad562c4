// Training as a job of the protocol: the one place where dnn and protocol meet.
#pragma once

#include "dnn/coded/training_program.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "protocol/rounds/job.h"

namespace polydot::node {

class TrainingJob : public protocol::Job, public protocol::CodedState {
 public:
  // `program` and `shelf` outlive this. A checkpoint is kept every `checkpoint_every` steps; 0: none is.
  TrainingJob(dnn::TrainingProgram& program, CheckpointShelf& shelf, std::uint64_t checkpoint_every)
      : program_(program), shelf_(shelf), checkpoint_every_(checkpoint_every) {}

  const codes::ProductCode& code() const override { return program_.code(); }
  std::optional<codes::RoundRequest> next_round() override { return program_.next_round(); }
  void deliver(codes::Matrix product) override;
  // The state that the run ends with, unless it is kept already, there was no step, or a shard is being
  // rebuilt.
  Outcome keep_last();
  std::shared_ptr<const codes::Matrix> recompute_operand(const codes::Matrix& product_before) override {
    return program_.recompute_operand(product_before);
  }
  protocol::CodedState* state() override { return this; }
  std::uint64_t steps_done() const override { return program_.steps_done(); }
  std::size_t max_contribution_entries() const override { return program_.max_contribution_entries(); }
  RoundSizes round_sizes() const override {
    const dnn::ContributionSizes sizes = program_.contribution_sizes();
    return {sizes.largest, sizes.step, sizes.step_rounds};
  }
  double initial_scale(codes::Index layer, codes::PassKind pass) const override {
    return program_.initial_scale(layer, pass);
  }

  std::vector<codes::ShardPart> parts() const override;
  codes::Matrix capture(const codes::ShardPart& part) const override {
    return program_.layer(part.layer).capture(part);
  }
  codes::Shape piece_shape(const codes::ShardPart& part) const override;
  double initial_line_norm(codes::Index layer, codes::Index shard) const override {
    return program_.layer(layer).initial_line_norm(shard);
  }
  void begin_repair(const codes::ShardPart& part, codes::Meanwhile meanwhile) override {
    program_.layer(part.layer).begin_repair(part, meanwhile);
  }
  bool complete_repair(const codes::ShardPart& part, const codes::Matrix& right) override {
    return program_.layer(part.layer).complete_repair(part, right);
  }
  std::vector<protocol::CheckpointId> checkpoints() const override;
  std::uint64_t last_boundary() const override { return program_.total_steps(); }
  bool restart(const protocol::CheckpointId& target, std::uint32_t epoch) override;
  void follow(std::uint64_t boundary, std::uint32_t epoch) override;
  void set_whole(bool whole) override { whole_ = whole; }

 private:
  dnn::TrainingProgram& program_;
  CheckpointShelf& shelf_;
  std::uint64_t checkpoint_every_;
  std::uint32_t epoch_ = 0;
  std::uint64_t kept_ = 0;  // boundary of the newest
  bool whole_ = true;       // no shard is being rebuilt
};

}  // namespace polydot::node
