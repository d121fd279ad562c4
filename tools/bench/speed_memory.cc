// Resident memory of a peer while it trains.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "node/files/run_layout.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr std::uint64_t kStepsBefore = 20;

std::uint64_t steps_done(const std::string& run, int peer) {
  const std::string rows = read_text(node::peer_folder(run, peer) + node::kMetricsFile);
  const auto lines = std::count(rows.begin(), rows.end(), '\n');
  return lines > 0 ? static_cast<std::uint64_t>(lines - 1) : 0;  // without the heading
}

// In MB. What peers of one host share is resident in all of them, and in memory once.
struct Resident {
  double all = 0.0;    // Rss
  double share = 0.0;  // Pss: of what others have mapped too, this process's part
};

// Zero if it does not run.
Resident resident_of(const std::string& run, int peer) {
  const std::string lock = read_text(node::peer_folder(run, peer) + node::kLockFile);  // its process id
  std::ifstream rollup("/proc/" + lock.substr(0, lock.find('\n')) + "/smaps_rollup");
  Resident resident;
  for (std::string word; rollup >> word;) {
    if (word == "Rss:") rollup >> resident.all;
    if (word == "Pss:") rollup >> resident.share;
  }
  resident.all *= 1024e-6;
  resident.share *= 1024e-6;
  return resident;
}

// Of the peer that holds most, once all have done so many steps.
Result<Resident> most_resident(const SpeedBench& bench, const ClusterPlan& plan) {
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
  Resident most;
  double least = 1e18;
  for (int p = 0; p < plan.peers; ++p) {
    const Resident one = resident_of(out, p);
    most.all = std::max(most.all, one.all);
    most.share = std::max(most.share, one.share);
    least = std::min(least, one.all);
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
    std::vector<Resident> resident;
    for (int k = 0; k < bench.pairs(); ++k) {
      const auto most = most_resident(bench, plan);
      if (!most) return most.failure();
      resident.push_back(*most);
    }
    const std::vector<double> needed(resident.size(),
                                     state_bytes(*code, *network, kSpeedBatch, momentum > 0.0) / 1e6);
    const std::string what = fmt::format("of shards{} and activations, hidden {}",
                                         momentum > 0.0 ? ", momentum" : "", plan.hidden.front());
    const auto row = [&](const std::string& name, double Resident::*part, double less,
                         std::optional<double> must, std::optional<double> goal) {
      std::vector<double> beyond;
      for (const Resident& one : resident) beyond.push_back(one.*part - less);
      measured.rows.push_back({11, name, "MB", ratio_of(beyond, needed), must, goal});
    };
    row("resident memory less 40 MB " + what, &Resident::all, 40.0, 1.5, {});
    row("less 30 MB, the same", &Resident::all, 30.0, {}, 1.3);
    row("what is shared by share, less 40 MB", &Resident::share, 40.0, 1.5, {});
    row("by share, less 30 MB", &Resident::share, 30.0, {}, 1.3);
  }
  measured.remarks.push_back(
      fmt::format("Of the peer that holds most after {} steps, P = 8, 2x2, the data set included. All peers "
                  "of this host map what each of them shares: it is resident in all of them (Rss), and in "
                  "memory once (by share: Pss). Activations: input and output of every operation, batch {}.",
                  kStepsBefore, kSpeedBatch));
  return measured;
}

}  // namespace polydot::bench
