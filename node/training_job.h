// Training as a job of the protocol: the one place where dnn and protocol meet.
#pragma once

#include "dnn/training_program.h"
#include "protocol/job.h"

namespace polydot::node {

class TrainingJob : public protocol::Job, public protocol::CodedState {
 public:
  // `program` outlives this.
  explicit TrainingJob(dnn::TrainingProgram& program) : program_(program) {}

  const codes::ProductCode& code() const override { return program_.code(); }
  std::optional<codes::RoundRequest> next_round() override { return program_.next_round(); }
  void deliver(codes::Matrix product) override { program_.deliver(std::move(product)); }
  const codes::Matrix* recompute_operand(const codes::Matrix& product_before) override {
    return &program_.recompute_operand(product_before);
  }
  protocol::CodedState* state() override { return this; }
  std::uint64_t steps_done() const override { return program_.steps_done(); }
  std::size_t max_contribution_entries() const override { return program_.max_contribution_entries(); }
  double initial_scale(codes::Index layer, codes::PassKind pass) const override {
    return program_.initial_scale(layer, pass);
  }

  std::vector<codes::ShardPart> parts() const override;
  codes::Matrix capture(const codes::ShardPart& part) const override {
    return program_.layer(part.layer).capture(part);
  }
  codes::Shape piece_shape(const codes::ShardPart& part) const override;
  void begin_repair(const codes::ShardPart& part, bool keep) override {
    program_.layer(part.layer).begin_repair(part, keep);
  }
  bool complete_repair(const codes::ShardPart& part, const codes::Matrix& right) override {
    return program_.layer(part.layer).complete_repair(part, right);
  }

 private:
  dnn::TrainingProgram& program_;
};

}  // namespace polydot::node
