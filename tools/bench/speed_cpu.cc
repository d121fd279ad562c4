// Processor time: of coded training over that of the uncoded step, and of coding alone.
//
// Two uncoded steps are at hand: the reference network, written as plainly as possible, and the training that
// peers do, of one peer that holds all. The faster one is the baseline: a slow one would flatter.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "codes/kernels/encode.h"
#include "dnn/coded/training_program.h"
#include "dnn/reference/reference_training.h"
#include "node/data/dataset_loader.h"
#include "node/system/work_clock.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

// Processor time of this thread from the end of the first steps to the end of the last.
class StepClock : public dnn::TrainingObserver {
 public:
  void on_step(const dnn::StepRecord& record) override {
    const double now = node::thread_cpu_seconds();
    if (record.step + 1 == kFirstSteps) from_ = now;
    to_ = now;
    steps_ = record.step + 1;
  }
  double step_ms() const { return 1e3 * (to_ - from_) / static_cast<double>(steps_ - kFirstSteps); }

 private:
  double from_ = 0.0, to_ = 0.0;
  std::uint64_t steps_ = 0;
};

double reference_step_ms(const dnn::TrainingPlan& plan, const node::DataPair& data) {
  StepClock clock;
  dnn::train_reference<float>(plan, data.train, data.test, &clock);
  return clock.step_ms();
}

double lone_peer_step_ms(const dnn::TrainingPlan& plan, const node::DataPair& data) {
  const codes::ProductCode code = codes::make_uncoded({1, 1, 1}, 1).value();
  StepClock clock;
  dnn::TrainingProgram program(code, 0, plan, data.train, data.test, nullptr, &clock);
  while (const auto request = program.next_round()) {
    codes::Matrix product(request->result_rows(), request->batch());
    codes::multiply(code.pass(request->pass), *request->shard, *request->operand, 0, product.rows(), product);
    program.deliver(std::move(product));
  }
  return clock.step_ms();
}

struct Limits {
  double must, goal;
};

struct Size {
  Index hidden;
  std::uint64_t quick_steps, full_steps;
  Limits compute, all;
};
constexpr Size kSizes[] = {{4096, 6, 20, {1.3, 1.2}, {1.8, 1.6}}, {1024, 40, 120, {1.5, 1.35}, {2.9, 2.2}}};

struct Series {
  std::vector<double> thread, process, coding;  // all peers together, ms a step
  std::vector<double> uncoded;                  // the faster one, times the share of the arithmetic
  std::vector<double> reference, lone_peer;     // ms a step
};

Result<Series> series_of(const SpeedBench& bench, const ClusterPlan& plan, const node::DataPair& data) {
  const auto uncoded = bench.uncoded_plan(plan, data);
  if (!uncoded) return uncoded.failure();
  const auto code = codes::make_code(plan.code, plan.grid, plan.peers);
  if (!code) return code.failure();
  Series series;
  for (int k = 0; k < bench.pairs(); ++k) {
    const auto coded = bench.run(plan);
    if (!coded) return coded.failure();
    series.thread.push_back(coded->profile.thread_cpu_ms);
    series.process.push_back(coded->profile.process_cpu_ms);
    series.coding.push_back(coding_ms(coded->profile));
    series.reference.push_back(reference_step_ms(*uncoded, data));
    series.lone_peer.push_back(lone_peer_step_ms(*uncoded, data));
    series.uncoded.push_back(arithmetic_share(*code) *
                             std::min(series.reference.back(), series.lone_peer.back()));
  }
  return series;
}

}  // namespace

Result<Measured> measure_cpu(const SpeedBench& bench) {
  compute_as_peers_do();
  const auto data = node::load_data(node::DataSource{.dataset = "idx", .path = bench.data()});
  if (!data) return data.failure();
  Measured measured;
  for (const Size& size : kSizes) {
    ClusterPlan plan{.hidden = bench.two_hidden(size.hidden)};
    plan.steps = bench.steps(size.quick_steps, size.full_steps);
    const auto series = series_of(bench, plan, *data);
    if (!series) return series.failure();
    const auto row = [&](int number, const std::string& what, const std::vector<double>& of,
                         const std::vector<double>& over, Limits limits) {
      measured.rows.push_back({number, fmt::format("{}, hidden {}", what, size.hidden), "ms",
                               ratio_of(of, over), limits.must, limits.goal});
    };
    row(3, "compute threads over their share of the uncoded step", series->thread, series->uncoded,
        size.compute);
    row(4, "the same with input, output and kernel", series->process, series->uncoded, size.all);
    if (&size == kSizes)
      row(5, "encode, check, decode of all compute", series->coding, series->thread, {0.10, 0.06});
    measured.remarks.push_back(
        fmt::format("hidden {}: an uncoded step takes {:.4g} ms as one peer that holds all, {:.4g} ms as the "
                    "reference network.",
                    size.hidden, median(series->lone_peer), median(series->reference)));
  }
  measured.remarks.push_back(
      "ms a step of all 8 peers together, 2x2; beside: P/(mn) = 2 times the faster uncoded step of dnn/, "
      "same "
      "data, batch and optimiser, one thread of this process; of encode, check, decode: the compute "
      "threads.");
  return measured;
}

}  // namespace polydot::bench
