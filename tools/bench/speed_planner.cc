// What the planner (polydot plan) predicts of a step's time, held against runs on this machine.
//
// The rates are measured first, by the program itself and as a user would; what is predicted from them is
// what polydot plan prints with --calibration and without other flags of the hardware: one host, its cores.
#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "tools/bench/planner_score.h"
#include "tools/bench/speed_measures.h"
#include "tools/calibration.h"
#include "tools/code_shape.h"
#include "tools/plan_model.h"

namespace polydot::bench {

namespace {

constexpr double kTolerance = 0.25, kDifference = 0.10;
constexpr std::size_t kFullRuns = 3;
// Less than an epoch beyond the first steps: an evaluation belongs to no step.
constexpr double kFewestSteps = 8.0, kMostSteps = 40.0;

struct Point {
  const char* code;
  codes::Grid grid;
  int peers;
  std::vector<Index> hidden;
  bool quick = false;  // also with --quick, and in the tests
};

const std::vector<Point> kPoints = {
    {"polydot", {2, 2, 1}, 6, {512}, true},       {"polydot", {2, 2, 1}, 8, {1024, 1024}, true},
    {"polydot", {2, 2, 1}, 14, {1024}, true},     {"polydot", {3, 3, 1}, 20, {1024}, true},
    {"polydot", {4, 4, 1}, 36, {1024}},           {"mds", {6, 6, 1}, 10, {1024}, true},
    {"replication", {2, 2, 1}, 12, {1024}, true}, {"uncoded", {2, 2, 1}, 4, {1024}, true},
    {"polydot", {2, 2, 1}, 10, {2048}, true},     {"mds", {6, 6, 1}, 12, {2048}},
    {"polydot", {3, 3, 1}, 20, {2048}},           {"polydot", {2, 2, 1}, 8, {4096}},
    {"polydot", {2, 2, 1}, 8, {4096, 4096}},      {"polydot", {2, 2, 1}, 8, {8192, 8192}}};

Result<tools::Calibration> calibrate(const SpeedBench& bench) {
  const std::string rates = bench.folder() + "/rates.toml", err = bench.folder() + "/plan.err";
  // One small plan: ranking many takes longer and is not needed.
  auto process = ChildProcess::start({{bench.options().program, "plan", "--measure", "--calibration", rates,
                                       "--peers", "8", "--grid", "2x2", "--hidden", "64"},
                                      {},
                                      bench.folder() + "/plan.out",
                                      err});
  if (!process) return process.failure();
  const auto exit_code = process->wait();
  if (!exit_code) return exit_code.failure();
  if (*exit_code != 0)
    return Failure{FailureKind::kNotReached, fmt::format("polydot plan --measure ended with code {}: {}",
                                                         *exit_code, last_line(read_text(err)))};
  return tools::read_calibration(rates);
}

Result<PredictedPoint> compare(const SpeedBench& bench, const Point& point, const tools::Hardware& hardware) {
  ClusterPlan plan{.code = point.code, .grid = point.grid, .peers = point.peers, .hidden = {}};
  for (const Index units : point.hidden) plan.hidden.push_back(bench.hidden(units));
  const auto shape = tools::shape_of(plan.code, plan.grid, plan.peers);
  if (!shape) return usage_failure(fmt::format("no {} of {} peers", plan.code, plan.peers));
  plan.may_be_unchecked = shape->threshold() >= plan.peers;
  const tools::Workload work{.inputs = kSpeedInputs,
                             .hidden = plan.hidden,
                             .classes = kSpeedClasses,
                             .batch = kSpeedBatch,
                             .momentum = false};
  const tools::Prediction predicted = tools::predict(*shape, work, hardware);
  PredictedPoint compared{.name = fmt::format("{} {}x{}, P = {}, hidden {}", plan.code, plan.grid.m,
                                              plan.grid.n, plan.peers, fmt::join(plan.hidden, ", ")),
                          .hidden = plan.hidden,
                          .predicted_ms = predicted.step_ms,
                          .predicted_cpu_ms = plan.peers * predicted.processor_ms()};
  const auto steps_in = [&](double ms) {
    return static_cast<std::uint64_t>(std::clamp(ms / compared.predicted_ms, kFewestSteps, kMostSteps));
  };
  plan.steps = bench.steps(steps_in(2000.0), steps_in(6000.0));
  std::vector<double> wall, cpu;
  for (std::size_t k = 0; k < (bench.options().size == SpeedSize::kFull ? kFullRuns : 1); ++k) {
    const auto run = bench.run(plan);
    if (!run) return run.failure();
    wall.push_back(run->profile.wall_ms);
    cpu.push_back(run->profile.process_cpu_ms);
  }
  compared.measured_ms = median(wall);
  compared.measured_cpu_ms = median(cpu);
  return compared;
}

void add_row(Measured& measured, const std::string& what, const std::string& unit, Share share,
             std::optional<double> must, std::optional<double> goal) {
  const std::vector<double> count{static_cast<double>(share.count)}, of{static_cast<double>(share.of)};
  measured.rows.push_back({.number = 12,
                           .measure = what,
                           .unit = unit,
                           .ratio = ratio_of(count, of),
                           .must = must,
                           .goal = goal,
                           .more_is_better = true});
}

}  // namespace

Result<Measured> measure_planner(const SpeedBench& bench) {
  const auto rates = calibrate(bench);
  if (!rates) return rates.failure();
  tools::Hardware hardware;
  hardware.cores = std::max(1u, std::thread::hardware_concurrency());
  hardware.rates = *rates;
  std::vector<PredictedPoint> points;
  for (const Point& point : kPoints) {
    if (!point.quick && bench.options().size != SpeedSize::kFull) continue;
    const auto compared = compare(bench, point, hardware);
    if (!compared) return compared.failure();
    points.push_back(*compared);
  }
  const Share good = within(points, kTolerance), named = faster_named(points, kDifference);
  Measured measured;
  measured.details = prediction_table(points);
  add_row(measured, "points predicted within 25 %, of all", "points", good, 0.9, 1.0);
  if (named.of > 0)
    add_row(measured, "pairs in which the faster one was named, of all", "pairs", named, {}, 0.9);
  measured.remarks = {
      fmt::format("{} of {} points within 25 %.", good.count, good.of),
      fmt::format("The faster of two named in {} of {} pairs: of points with the same hidden sizes whose "
                  "predictions differ by more than 10 %.",
                  named.count, named.of),
      fmt::format(
          "A step on the wall, batch {}, no momentum, all peers on this host with {} cores; rates by "
          "polydot plan --measure just before. Processor time, of all peers, is to be seen: other work "
          "slows it less.",
          kSpeedBatch, hardware.cores)};
  return measured;
}

}  // namespace polydot::bench
