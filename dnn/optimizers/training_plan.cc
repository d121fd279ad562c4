#include "dnn/optimizers/training_plan.h"

#include <string>

namespace polydot::dnn {

Outcome validate(const TrainingPlan& plan, const Dataset& train, const Dataset& test) {
  if (Outcome valid = validate(plan.network); !valid) return valid.failure();
  if (Outcome valid = validate(plan.optimizer); !valid) return valid.failure();
  if (plan.batch < 1 || plan.eval_batch < 1) return usage_failure("a batch must have at least 1 sample");
  for (const Dataset* data : {&train, &test}) {
    const std::string name = data == &train ? "the training data" : "the test data";
    if (data->count() < 1) return data_failure(name + " has no samples");
    if (data->features() != plan.network.inputs)
      return data_failure(name + " has " + std::to_string(data->features()) +
                          " features, the network takes " + std::to_string(plan.network.inputs));
    if (data->classes() > plan.network.outputs())
      return data_failure(name + " has " + std::to_string(data->classes()) +
                          " classes, the network tells only " + std::to_string(plan.network.outputs()) +
                          " apart");
  }
  return Unit{};
}

bool evaluates_at(const TrainingPlan& plan, std::uint64_t steps_per_epoch, std::uint64_t steps_done) {
  if (steps_done == plan.total_steps) return true;
  return plan.evaluate_each_epoch && steps_done > 0 && steps_done % steps_per_epoch == 0;
}

EvaluationRecord make_evaluation_record(const LossValue& loss, std::uint64_t steps_done,
                                        std::uint64_t steps_per_epoch) {
  return {steps_done,   steps_done / steps_per_epoch,
          loss.mean,    static_cast<double>(loss.correct) / static_cast<double>(loss.samples),
          loss.correct, loss.samples};
}

}  // namespace polydot::dnn
