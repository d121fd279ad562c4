// Where a peer keeps the checkpoints of its own coded state, and finds them again: the two newest.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "dnn/training_program.h"
#include "protocol/checkpoint_id.h"

namespace polydot::node {

class CheckpointShelf {
 public:
  static constexpr std::size_t kGenerations = 2;

  virtual ~CheckpointShelf() = default;
  // Whole or not at all. Failure: kData; what was kept before is still there.
  virtual Outcome keep(const protocol::CheckpointId& id, const dnn::TrainingProgram::State& state) = 0;
  // Ascending; whole as far as can be told without reading them.
  virtual std::vector<protocol::CheckpointId> list() const = 0;
  // Nothing when it is not there, or damaged.
  virtual std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const = 0;
};

// In memory: for runs without a folder, and for the simulator.
class MemoryShelf : public CheckpointShelf {
 public:
  Outcome keep(const protocol::CheckpointId& id, const dnn::TrainingProgram::State& state) override {
    kept_.insert_or_assign(id, state);
    if (kept_.size() > kGenerations) kept_.erase(kept_.begin());
    return Unit{};
  }
  std::vector<protocol::CheckpointId> list() const override {
    std::vector<protocol::CheckpointId> ids;
    for (const auto& [id, state] : kept_) ids.push_back(id);
    return ids;
  }
  std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const override {
    const auto found = kept_.find(id);
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<protocol::CheckpointId, dnn::TrainingProgram::State> kept_;
};

}  // namespace polydot::node
