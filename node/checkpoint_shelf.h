// Where a peer keeps the checkpoints of its own coded state, and finds them again: the two newest.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "dnn/training_program.h"
#include "node/checkpoint_file.h"
#include "protocol/checkpoint_id.h"

namespace polydot::node {

class CheckpointShelf {
 public:
  static constexpr std::size_t kGenerations = 2;

  virtual ~CheckpointShelf() = default;
  // Of the program as it stands. Whole or not at all. Failure: kData; what was kept before is still there.
  virtual Outcome keep(std::uint32_t epoch, const dnn::TrainingProgram& program) = 0;
  // Ascending; whole as far as can be told without reading all of them.
  virtual std::vector<protocol::CheckpointId> list() const = 0;
  // Nothing when it is not there, or damaged.
  virtual std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const = 0;
};

// In memory: for peers without a folder, and for the simulator.
class MemoryShelf final : public CheckpointShelf {
 public:
  Outcome keep(std::uint32_t epoch, const dnn::TrainingProgram& program) override;
  std::vector<protocol::CheckpointId> list() const override;
  std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const override;

 private:
  std::map<protocol::CheckpointId, dnn::TrainingProgram::State> kept_;
};

// As files, RUN/peer-XX/checkpoints.
class FileShelf final : public CheckpointShelf {
 public:
  // folder: made, and emptied of what an earlier run left. header: of every file but epoch and boundary.
  // Failure: kData.
  static Result<std::unique_ptr<CheckpointShelf>> make(const std::filesystem::path& folder,
                                                       const CheckpointHeader& header);
  Outcome keep(std::uint32_t epoch, const dnn::TrainingProgram& program) override;
  std::vector<protocol::CheckpointId> list() const override;
  std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const override;

 private:
  FileShelf(std::filesystem::path folder, CheckpointHeader header)
      : folder_(std::move(folder)), header_(std::move(header)) {}

  std::filesystem::path folder_;
  CheckpointHeader header_;
};

}  // namespace polydot::node
