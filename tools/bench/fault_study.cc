#include "tools/bench/fault_study.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>

#include <fmt/format.h>

#include "node/data/dataset_loader.h"
#include "tools/bench/fault_records.h"
#include "tools/bench/fault_report.h"

namespace polydot::bench {

namespace {

constexpr double kRates[] = {0.0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1};
constexpr codes::Grid kGrid{2, 2, 1};
constexpr Index kPeers = 10;
// Forward any m, backward any n: the thresholds of polydot on kGrid, so the same tolerance.
constexpr codes::Grid kMdsGrid{5, 6, 1};

struct Source {
  std::string name, kind, path;
};

struct Task {
  std::string dataset;
  dnn::TrainingPlan plan;
  std::string plan_text;
  const node::DataPair* data = nullptr;
};

// Optimiser and batch are the defaults of `polydot train`.
Result<Task> make_task(const std::string& dataset, const node::DataPair& data, bool full) {
  constexpr Index kHidden = 64;
  constexpr std::uint64_t kQuickSteps = 60, kFullSteps = 1565;  // five epochs of the embedded set
  Task task;
  task.dataset = dataset;
  task.data = &data;
  auto network = dnn::make_mlp(data.train.features(), {kHidden}, data.train.classes(),
                               dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  if (!network) return network.failure();
  task.plan.network = *network;
  task.plan.total_steps = full ? kFullSteps : kQuickSteps;
  task.plan_text = fmt::format("{}-{}-{}, batch {}, {} steps", data.train.features(), kHidden,
                               data.train.classes(), task.plan.batch, task.plan.total_steps);
  if (Outcome valid = dnn::validate(task.plan, data.train, data.test); !valid) return valid.failure();
  return task;
}

FaultStrategy replication_of(Index copies) {
  return {fmt::format("replication x{}", copies), "replication", kGrid, copies * kGrid.m * kGrid.n, false};
}

// Replication with as many copies as cost no more CPU time than polydot, and with one more.
std::vector<FaultStrategy> strategies(Index copies) {
  const Index blocks = kGrid.m * kGrid.n;
  return {{"polydot", "polydot", kGrid, kPeers, false},
          {"mds", "mds", kMdsGrid, kPeers, false},
          replication_of(copies),
          replication_of(copies + 1),
          {"uncoded", "uncoded", kGrid, blocks, false},
          {"uncoded, rollback", "uncoded", kGrid, blocks, true}};
}

// CPU time of a short fault-free training; the least of three, since others use the machine too.
double short_run_seconds(const FaultStrategy& strategy, const Task& task) {
  constexpr std::uint64_t kSteps = 60;
  constexpr int kRepetitions = 3;
  dnn::TrainingPlan plan = task.plan;
  plan.total_steps = kSteps;
  double least = 0.0;
  for (int k = 0; k < kRepetitions; ++k) {
    const double seconds =
        run_under_faults(strategy, plan, 0.0, task.data->train, task.data->test).cpu_seconds;
    least = k == 0 ? seconds : std::min(least, seconds);
  }
  return least;
}

// The most copies whose CPU time is not above that of polydot.
Outcome calibrate(const Task& task, FaultRecords& records) {
  constexpr Index kFewestCopies = 2, kMostCopies = 6;
  if (records.calibration(task.dataset, task.plan_text) != nullptr) return Unit{};
  const double polydot = short_run_seconds(strategies(kFewestCopies).front(), task);
  Calibration calibration{task.dataset, task.plan_text, kFewestCopies, polydot, {}};
  for (Index copies = kFewestCopies; copies <= kMostCopies; ++copies) {
    const double seconds = short_run_seconds(replication_of(copies), task);
    calibration.replication_seconds[copies] = seconds;
    if (seconds <= polydot) calibration.copies = copies;
  }
  return records.add(calibration);
}

Outcome measure(const Task& task, std::uint64_t seed, FaultRecords& records) {
  const Index copies = records.calibration(task.dataset, task.plan_text)->copies;
  for (double rate : kRates)
    for (const FaultStrategy& strategy : strategies(copies)) {
      FaultRecord record{task.dataset, task.plan_text, strategy.name, rate, seed, {}};
      if (records.has(record)) continue;
      dnn::TrainingPlan plan = task.plan;
      plan.seed = seed;
      record.run = run_under_faults(strategy, plan, rate, task.data->train, task.data->test);
      if (Outcome added = records.add(record); !added) return added.failure();
      std::fputs(
          fmt::format("{} {} rate {} seed {}: {}, accuracy {:.4f}, {:.1f} s\n", task.dataset, strategy.name,
                      rate, seed, name_of(record.run.end), record.run.accuracy, record.run.cpu_seconds)
              .c_str(),
          stderr);
    }
  return Unit{};
}

}  // namespace

Outcome run_fault_study(const FaultStudyOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) return data_failure("cannot make the folder " + options.out + ": " + error.message());
  auto records = FaultRecords::open(options.out + "/faults.jsonl");
  if (!records) return records.failure();

  const Source sources[] = {{"strokes", "strokes", ""}, {"MNIST", "idx", options.data}};
  std::deque<node::DataPair> data;  // tasks point at them
  std::vector<Task> tasks;
  for (const Source& source : sources) {
    if (source.kind == "idx" && source.path.empty()) continue;
    auto loaded = node::load_data(node::DataSource{.dataset = source.kind, .path = source.path});
    if (!loaded) return loaded.failure();
    data.push_back(std::move(loaded).value());
    auto task = make_task(source.name, data.back(), options.full);
    if (!task) return task.failure();
    tasks.push_back(*task);
    if (Outcome calibrated = calibrate(*task, *records); !calibrated) return calibrated.failure();
  }
  // Seed by seed, so that an interrupted study has something to say about every strategy.
  const std::uint64_t seeds = options.full ? 3 : 1;
  for (std::uint64_t k = 0; k < seeds; ++k)
    for (const Task& task : tasks)
      if (Outcome measured = measure(task, options.seed + k, *records); !measured) return measured.failure();

  FaultReport report;
  report.description = options.description;
  for (const Task& task : tasks) {
    const std::string samples =
        fmt::format("{} training and {} test samples", task.data->train.count(), task.data->test.count());
    report.datasets.push_back({task.dataset, task.plan_text, samples});
    // Data sets may differ in the number of copies.
    for (const FaultStrategy& s : strategies(records->calibration(task.dataset, task.plan_text)->copies))
      if (std::find(report.strategies.begin(), report.strategies.end(), s.name) == report.strategies.end())
        report.strategies.push_back(s.name);
  }
  report.rates.assign(std::begin(kRates), std::end(kRates));
  return write_report(report, *records, options.out);
}

}  // namespace polydot::bench
