#include "dnn/reference/reference_training.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "codes/base/check.h"
#include "dnn/data/sampler.h"

namespace polydot::dnn {
namespace {

template <typename Scalar>
LossValue evaluate_all(const Reference<Scalar>& network, const Dataset& data, Index batch) {
  std::vector<std::uint32_t> samples(static_cast<std::size_t>(data.count()));
  std::iota(samples.begin(), samples.end(), 0u);
  Matrix x;
  std::vector<Label> labels;
  LossValue total;
  for (std::size_t first = 0; first < samples.size(); first += static_cast<std::size_t>(batch)) {
    const auto part =
        std::span(samples).subspan(first, std::min(static_cast<std::size_t>(batch), samples.size() - first));
    data.gather(part, x);
    data.gather_labels(part, labels);
    total = combined(total, network.evaluate(x.template cast<Scalar>(), labels));
  }
  return total;
}

}  // namespace

template <typename Scalar>
Reference<Scalar> train_reference(const TrainingPlan& plan, const Dataset& train, const Dataset& test,
                                  TrainingObserver* observer) {
  POLYDOT_CHECK(validate(plan, train, test).ok());
  Reference<Scalar> network(plan.network, plan.optimizer, plan.seed);
  Sampler sampler(train.count(), plan.batch, plan.seed);
  TrainingObserver nobody;
  if (observer == nullptr) observer = &nobody;
  const auto evaluate_if_due = [&](std::uint64_t steps_done) {
    if (!evaluates_at(plan, sampler.steps_per_epoch(), steps_done)) return;
    const LossValue loss = evaluate_all(network, test, plan.eval_batch);
    observer->on_evaluation(make_evaluation_record(loss, steps_done, sampler.steps_per_epoch()));
  };
  Matrix x;
  std::vector<Label> labels;
  evaluate_if_due(0);
  for (std::uint64_t step = 0; step < plan.total_steps; ++step) {
    const auto samples = sampler.batch_at(step);
    train.gather(samples, x);
    train.gather_labels(samples, labels);
    const LossValue loss = network.step(x.template cast<Scalar>(), labels);
    observer->on_step({step, sampler.epoch_of(step), loss.mean, loss.correct, loss.samples,
                       learning_rate(plan.optimizer, step)});
    evaluate_if_due(step + 1);
  }
  return network;
}

template Reference<float> train_reference(const TrainingPlan&, const Dataset&, const Dataset&,
                                          TrainingObserver*);
template Reference<double> train_reference(const TrainingPlan&, const Dataset&, const Dataset&,
                                           TrainingObserver*);

}  // namespace polydot::dnn
