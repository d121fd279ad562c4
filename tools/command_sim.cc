#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {

namespace {

using simulator::RunResult;
using simulator::SwarmResult;

void print_run(const SimRequest& request, const RunResult& run) {
  if (request.verbose) {
    if (request.swarm.detail == simulator::EventLog::Detail::kLines) std::fputs(run.log.c_str(), stdout);
    fmt::print(
        "seed {}: {} steps, {} ms of virtual time, {} located, {} repairs, {} rebuilds, {} rollbacks, "
        "{:.2f} of what is allowed ({}), log hash {:016x}\n",
        run.seed, run.steps, run.virtual_ms, run.located, run.repairs, run.rebuilds, run.rollbacks,
        run.largest_share, run.largest_share_of, run.log_hash);
  }
  if (run.violations.empty()) return;
  simulator::ScenarioOptions options = request.swarm.first;
  options.seed = run.seed;
  fmt::print("seed {} failed: {}\n", run.seed, run.violations.front());
  fmt::print("again: {}\n", simulator::replay_command(options));
}

std::string summary_line(const SwarmResult& result, double seconds) {
  return fmt::format(
      "{} runs, {} steps, {} failed; {}; {} located, {} repairs, {} rebuilds, {} refusals, {} "
      "rollbacks; {:.1f} s",
      result.runs, result.steps, result.failed, result.faults.text(), result.located, result.repairs,
      result.rebuilds, result.refusals, result.rollbacks, seconds);
}

}  // namespace

int run_sim(const SimRequest& request) {
  std::FILE* log = nullptr;
  if (!request.log.empty() && (log = std::fopen(request.log.c_str(), "w")) == nullptr)
    return report(usage_failure("--log " + request.log + ": cannot be written"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closes(
      log, log == nullptr ? [](std::FILE*) { return 0; } : std::fclose);
  const auto start = std::chrono::steady_clock::now();
  const SwarmResult result = simulator::run_swarm(request.swarm, [&](const RunResult& run) {
    print_run(request, run);
    if (log != nullptr) std::fputs(run.log.c_str(), log);
    std::fflush(stdout);
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{}\n", summary_line(result, took.count()));
  return result.failed == 0 ? kExitDone : exit_code(FailureKind::kNotReached);
}

}  // namespace polydot::tools
