// Resident memory of a peer while it trains.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "node/run_folder.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr std::uint64_t kStepsBefore = 20;

std::uint64_t steps_done(const std::string& run, int peer) {
  const std::string rows = read_text(node::peer_folder(run, peer) + node::kMetricsFile);
  const auto lines = std::count(rows.begin(), rows.end(), '\n');
  return lines > 0 ? static_cast<std::uint64_t>(lines - 1) : 0;  // without the heading
}

// VmRSS in bytes; 0 if it does not run.
double resident_bytes(const std::string& run, int peer) {
  const std::string lock = read_text(node::peer_folder(run, peer) + node::kLockFile);  // its process id
  std::ifstream status("/proc/" + lock.substr(0, lock.find('\n')) + "/status");
  for (std::string word; status >> word;)
    if (double kib = 0.0; word == "VmRSS:" && status >> kib) return 1024.0 * kib;
  return 0.0;
}

// Of the peer that holds most, once all have done so many steps.
Result<double> most_resident(const SpeedBench& bench, const ClusterPlan& plan) {
  const std::string out = bench.folder() + "/run", err = bench.folder() + "/train.err";
  auto process = ChildProcess::start({bench.train_words(plan, out), {}, bench.folder() + "/train.out", err});
  if (!process) return process.failure();
  const auto warm = [&] {
    for (int p = 0; p < plan.peers; ++p)
      if (steps_done(out, p) < kStepsBefore) return false;
    return true;
  };
  while (!process->poll() && !caught_signal() && !warm())
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  double most = 0.0, least = 1e18;
  for (int p = 0; p < plan.peers; ++p) {
    const double bytes = resident_bytes(out, p);
    most = std::max(most, bytes), least = std::min(least, bytes);
  }
  process->signal(SIGTERM);  // the peers finish their step
  const auto exit_code = process->wait();
  if (!exit_code) return exit_code.failure();
  std::error_code ignored;
  std::filesystem::remove_all(out, ignored);
  if (least <= 0.0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("a peer ended before it could be looked at, polydot train "
                               "with code {}: {}",
                               *exit_code, last_line(read_text(err)))};
  return most;
}

}  // namespace

Result<Measured> measure_memory(const SpeedBench& bench) {
  Measured measured;
  for (const double momentum : {0.0, 0.9}) {
    ClusterPlan plan{.hidden = bench.two_hidden(4096), .steps = 100000, .momentum = momentum};
    const auto code = codes::make_code(plan.code, plan.grid, plan.peers);
    const auto network = dnn::make_mlp(kSpeedInputs, plan.hidden, kSpeedClasses, dnn::ActivationKind::kSmelu,
                                       dnn::LossKind::kCrossEntropy);
    if (!code) return code.failure();
    if (!network) return network.failure();
    std::vector<double> beyond_40, beyond_30;
    for (int k = 0; k < bench.pairs(); ++k) {
      const auto bytes = most_resident(bench, plan);
      if (!bytes) return bytes.failure();
      beyond_40.push_back(*bytes / 1e6 - 40.0);
      beyond_30.push_back(*bytes / 1e6 - 30.0);
    }
    const std::vector<double> needed(beyond_40.size(),
                                     state_bytes(*code, *network, kSpeedBatch, momentum > 0.0) / 1e6);
    const std::string what = fmt::format("of shards{} and activations, hidden {}",
                                         momentum > 0.0 ? ", momentum" : "", plan.hidden.front());
    measured.rows.push_back(
        {11, "resident memory less 40 MB " + what, "MB", ratio_of(beyond_40, needed), 1.5, {}});
    measured.rows.push_back({11, "less 30 MB, the same", "MB", ratio_of(beyond_30, needed), {}, 1.3});
  }
  measured.remarks.push_back(
      fmt::format("VmRSS of the peer that holds most after {} steps, P = 8, 2x2, the data set included; "
                  "activations: input and "
                  "output of every operation, batch {}.",
                  kStepsBefore, kSpeedBatch));
  return measured;
}

}  // namespace polydot::bench
