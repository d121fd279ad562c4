#include "tools/bench/fault_run.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "dnn/reference/reference_training.h"
#include "node/faults/injector.h"
#include "tools/bench/run_guard.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::bench {

namespace {

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<std::unique_ptr<node::Injector>> make_injectors(double rate, std::uint64_t seed, Index peers) {
  node::InjectSpec spec;
  spec.stage = codes::Stage::kProduct;
  spec.model = node::FaultModel::kBitFlip;
  spec.rate = rate;
  std::vector<std::unique_ptr<node::Injector>> injectors;
  for (int p = 0; p < static_cast<int>(peers); ++p)
    injectors.push_back(node::Injector::make({spec}, seed, p, "").value());
  return injectors;
}

// The accuracy of the network whose weights the shards hold; nothing if a weight is not finite.
std::optional<double> accuracy_of(const simulator::SimCluster& cluster, const dnn::TrainingPlan& plan,
                                  const dnn::Dataset& test) {
  dnn::Reference<float> network(plan.network, plan.optimizer, plan.seed);
  const codes::PeerSet everybody = codes::PeerSet::all(cluster.size());
  for (std::size_t l = 0; l < network.weights().size(); ++l) {
    network.weights()[l] = cluster.decoded_weights(static_cast<Index>(l), 0, everybody);
    if (!network.weights()[l].allFinite()) return std::nullopt;
  }
  dnn::Matrix x;
  std::vector<dnn::Label> labels;
  std::vector<std::uint32_t> samples(static_cast<std::size_t>(test.count()));
  std::iota(samples.begin(), samples.end(), 0u);
  Index correct = 0;
  for (std::size_t first = 0; first < samples.size(); first += static_cast<std::size_t>(plan.eval_batch)) {
    const auto count = std::min(static_cast<std::size_t>(plan.eval_batch), samples.size() - first);
    test.gather(std::span(samples).subspan(first, count), x);
    test.gather_labels(std::span(samples).subspan(first, count), labels);
    correct += network.evaluate(x, labels).correct;
  }
  return static_cast<double>(correct) / static_cast<double>(test.count());
}

// Against the fault-free twin.
std::uint64_t wrong_losses(const std::vector<RunGuard>& guards, const dnn::TrainingPlan& plan,
                           const dnn::Dataset& train, const dnn::Dataset& test) {
  struct Losses : dnn::TrainingObserver {
    std::vector<double> all;
    void on_step(const dnn::StepRecord& record) override { all.push_back(record.loss); }
  } twin;
  dnn::train_reference<float>(plan, train, test, &twin);
  std::uint64_t wrong = 0;
  for (std::size_t step = 0; step < twin.all.size(); ++step)
    wrong += std::any_of(guards.begin(), guards.end(), [&](const RunGuard& guard) {
      const auto done = guard.all_losses().find(step);
      return done != guard.all_losses().end() && is_wrong_loss(done->second, twin.all[step]);
    });
  return wrong;
}

}  // namespace

const char* name_of(RunEnd end) {
  switch (end) {
    case RunEnd::kFinished:
      return "finished";
    case RunEnd::kDiverged:
      return "diverged";
    case RunEnd::kRefused:
      return "refused";
    case RunEnd::kAbandoned:
      return "abandoned";
  }
  return "?";
}

bool is_wrong_loss(double loss, double right) {
  constexpr double kTolerance = 1e-3, kLeastLoss = 1e-2;
  return !(std::abs(loss - right) <= kTolerance * std::max(kLeastLoss, std::abs(right)));  // nor if it is NaN
}

FaultRun run_under_faults(const FaultStrategy& strategy, dnn::TrainingPlan plan, double rate,
                          const dnn::Dataset& train, const dnn::Dataset& test) {
  const std::uint64_t wanted = plan.total_steps;
  const auto rollback = strategy.rolls_back ? std::optional(RollbackOptions{}) : std::nullopt;
  // Steps that are rolled back are done again, on the batches that follow.
  if (rollback) plan.total_steps = std::numeric_limits<std::uint64_t>::max();
  plan.evaluate_each_epoch = false;
  // The peers' own evaluation at the end would cost time that is not training: one sample will do for it.
  std::vector<std::uint32_t> one_sample{0};
  dnn::Matrix pixel_column;
  test.gather(one_sample, pixel_column);
  const dnn::Dataset one = dnn::Dataset::from_floats(pixel_column, {test.label(0)}, test.classes());

  const double started = process_cpu_seconds();
  const auto injectors = make_injectors(rate, plan.seed, strategy.peers);
  std::vector<RunGuard> guards(static_cast<std::size_t>(strategy.peers), RunGuard(wanted, rollback));
  std::vector<codes::FaultTap*> taps;
  simulator::ClusterOptions options;
  options.code = codes::make_code(strategy.code, strategy.grid, strategy.peers).value();
  options.plan = plan;
  for (const auto& injector : injectors) taps.push_back(injector.get());
  for (RunGuard& guard : guards) options.training_observers.push_back(&guard);
  simulator::SimCluster cluster(options, train, one, taps);
  for (int p = 0; p < cluster.size(); ++p)
    guards[static_cast<std::size_t>(p)].attach(cluster.program(p), cluster.peer(p));
  constexpr std::int64_t kForEverMs = 1'000'000'000;  // virtual; nobody is ever waited for
  POLYDOT_CHECK(cluster.run(kForEverMs));

  FaultRun run;
  run.cpu_seconds = process_cpu_seconds() - started;
  run.executed_steps = guards.front().executed_steps();
  run.rollbacks = guards.front().rollbacks();
  run.recomputed = cluster.peer(0).status().recomputed_rounds;
  for (const auto& injector : injectors) run.injected += injector->injections().size();
  if (!rollback) run.wrong_losses = wrong_losses(guards, plan, train, one);
  const std::optional<double> accuracy = accuracy_of(cluster, plan, test);
  const double chance = 1.0 / static_cast<double>(test.classes());
  for (int p = 0; p < cluster.size(); ++p)
    if (const auto& failure = cluster.peer(p).failure()) {
      const bool diverged = failure->kind == FailureKind::kNotReached;
      POLYDOT_CHECK(diverged || failure->kind == FailureKind::kRefused);
      run.end = diverged ? RunEnd::kDiverged : RunEnd::kRefused;
    }
  if (guards.front().abandoned())
    run.end = RunEnd::kAbandoned;
  else if (run.end == RunEnd::kDiverged || guards.front().diverged() || !accuracy)
    run.end = RunEnd::kDiverged;
  run.accuracy = run.end == RunEnd::kDiverged ? chance : accuracy.value_or(chance);
  return run;
}

}  // namespace polydot::bench
