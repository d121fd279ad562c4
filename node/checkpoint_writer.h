// Writes a peer's checkpoints while it trains: between the peer's program and whoever else observes it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "codes/result.h"
#include "dnn/training_plan.h"
#include "dnn/training_program.h"
#include "node/checkpoint_file.h"

namespace polydot::node {

class CheckpointWriter : public dnn::TrainingObserver {
 public:
  // A checkpoint every `every` steps (0: only write_final). `next` is told all that this is told.
  CheckpointWriter(std::uint64_t every, dnn::TrainingObserver& next) : every_(every), next_(next) {}

  // From now on into `folder`, made and emptied here; without this call nothing is written. name.boundary
  // does not matter. `program` must outlive this. Failure: kData.
  Outcome open(const std::filesystem::path& folder, const CheckpointHeader& header,
               const dnn::TrainingProgram& program);

  // The program's layers are at the boundary already. A checkpoint that cannot be written costs a line on
  // stderr, not the run.
  void on_step(const dnn::StepRecord& record) override;
  void on_evaluation(const dnn::EvaluationRecord& record) override { next_.on_evaluation(record); }

  // The state that the run ends with, unless there was no step. Failure: kData.
  Outcome write_final();

 private:
  Outcome write();

  std::uint64_t every_;
  dnn::TrainingObserver& next_;
  std::filesystem::path folder_;
  CheckpointHeader header_;
  const dnn::TrainingProgram* program_ = nullptr;
  std::uint64_t written_ = 0;  // boundary of the last one
};

}  // namespace polydot::node
