// What is trained, for how long, and who is told about it; the same for coded and for uncoded runs.
#pragma once

#include <cstdint>
#include <span>

#include "codes/base/result.h"
#include "dnn/data/dataset.h"
#include "dnn/operations/network.h"
#include "dnn/optimizers/optimizer.h"

namespace polydot::dnn {

struct TrainingPlan {
  NetworkSpec network;
  OptimizerOptions optimizer;       // its total_steps shapes the cosine and need not equal the one below
  Index batch = 64;                 // samples a step; the last step of an epoch may have fewer
  std::uint64_t seed = 1;           // of the weights and of the order of samples
  std::uint64_t total_steps = 0;    // mini-batches in all; 0 only evaluates
  Index eval_batch = 500;           // samples a forward pass of the evaluation
  bool evaluate_each_epoch = true;  // the end of the run is always evaluated
};

// Whether the plan can run on this data: sizes fit, nothing is empty.
Outcome validate(const TrainingPlan& plan, const Dataset& train, const Dataset& test);

// Is the model evaluated once `steps_done` steps are done? A function of the step only.
bool evaluates_at(const TrainingPlan& plan, std::uint64_t steps_per_epoch, std::uint64_t steps_done);

struct StepRecord {
  std::uint64_t step = 0;   // from 0
  std::uint64_t epoch = 0;  // of the data, from 0
  double loss = 0;          // mean over the batch, before the update; not finite when training has diverged
  Index correct = 0;
  Index samples = 0;
  double learning_rate = 0;
};

struct EvaluationRecord {
  std::uint64_t steps_done = 0;
  std::uint64_t epochs_done = 0;  // whole ones
  double loss = 0;                // mean over the test samples
  double accuracy = 0;            // correct / samples
  Index correct = 0;
  Index samples = 0;
};

// Told after a step is committed and after an evaluation. Must not change the training.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  // The samples that the step of the on_step that follows was trained on; valid during the call.
  virtual void on_samples(std::uint64_t /*step*/, std::span<const std::uint32_t>) {}
  virtual void on_step(const StepRecord&) {}
  virtual void on_evaluation(const EvaluationRecord&) {}
};

EvaluationRecord make_evaluation_record(const LossValue& loss, std::uint64_t steps_done,
                                        std::uint64_t steps_per_epoch);

}  // namespace polydot::dnn
