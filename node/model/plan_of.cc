#include "node/model/plan_of.h"

namespace polydot::node {

Result<dnn::NetworkSpec> network_of(const SharedConfig& shared, dnn::Index inputs, dnn::Index outputs) {
  auto activation = dnn::parse_activation(shared.activation);
  if (!activation) return activation.failure();
  auto loss = dnn::parse_loss(shared.loss);
  if (!loss) return loss.failure();
  return dnn::make_mlp(inputs, {shared.hidden.begin(), shared.hidden.end()}, outputs, *activation, *loss);
}

Result<dnn::TrainingPlan> plan_of(const SharedConfig& shared, const dnn::Dataset& train,
                                  const dnn::Dataset& test) {
  auto network = network_of(shared, train.features(), train.classes());
  if (!network) return network.failure();
  auto schedule = dnn::parse_schedule(shared.schedule);
  if (!schedule) return schedule.failure();

  dnn::TrainingPlan plan;
  plan.network = std::move(*network);
  plan.batch = shared.batch;
  plan.seed = static_cast<std::uint64_t>(shared.seed);
  const std::uint64_t steps_per_epoch =
      static_cast<std::uint64_t>((train.count() + shared.batch - 1) / shared.batch);
  plan.total_steps = shared.steps > 0 ? static_cast<std::uint64_t>(shared.steps)
                                      : static_cast<std::uint64_t>(shared.epochs) * steps_per_epoch;
  plan.optimizer.learning_rate = shared.lr;
  plan.optimizer.momentum = shared.momentum;
  plan.optimizer.weight_decay = shared.weight_decay;
  plan.optimizer.clip_norm = shared.clip_norm;
  plan.optimizer.schedule = *schedule;
  plan.optimizer.warmup_steps = static_cast<std::uint64_t>(shared.warmup_steps);
  plan.optimizer.step_size = static_cast<std::uint64_t>(shared.step_size);
  plan.optimizer.gamma = shared.gamma;
  plan.optimizer.total_steps = plan.total_steps;
  if (Outcome valid = dnn::validate(plan, train, test); !valid) return valid.failure();
  return plan;
}

}  // namespace polydot::node
