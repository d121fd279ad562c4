#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"

namespace polydot::tools {

namespace {

using simulator::RunResult;
using simulator::SwarmResult;

void print_run(const SimRequest& request, const RunResult& run) {
  if (request.verbose) {
    if (request.swarm.detail == simulator::EventLog::Detail::kLines) std::fputs(run.log.c_str(), stdout);
    fmt::print(
        "seed {}: {}, {} steps, {} ms of virtual time, {} located, {} repairs, {} rebuilds, {} rollbacks, "
        "{:.2f} of what is allowed ({}), log hash {:016x}\n",
        run.seed, run.code, run.steps, run.virtual_ms, run.located, run.repairs, run.rebuilds, run.rollbacks,
        run.largest_share, run.largest_share_of, run.log_hash);
  }
  if (run.violations.empty()) return;
  simulator::ScenarioOptions options = request.swarm.first;
  options.seed = run.seed;
  fmt::print("seed {} failed: {}\n", run.seed, run.violations.front());
  fmt::print("again: {}\n", simulator::replay_command(options));
}

Failure log_failure(const std::string& path) { return data_failure("--log " + path + ": cannot be written"); }

std::string summary_line(const SwarmResult& result, double seconds) {
  return fmt::format(
      "{} runs, {} steps, {} failed; {}; {} located, {} repairs, {} rebuilds, {} refusals, {} "
      "rollbacks; {} of {} products committed wrong; {:.1f} s",
      result.runs, result.steps, result.failed, result.faults.text(), result.located, result.repairs,
      result.rebuilds, result.refusals, result.rollbacks, result.committed_wrong, result.committed, seconds);
}

}  // namespace

int run_sim(const SimRequest& request) {
  std::FILE* log = nullptr;
  if (!request.log.empty()) {
    if (const Outcome free = check_free(request.log, request.force, "--log"); !free)
      return report(free.failure());
    log = std::fopen(request.log.c_str(), "w");
    if (log == nullptr) return report(log_failure(request.log));
  }
  const auto start = std::chrono::steady_clock::now();
  const SwarmResult result = simulator::run_swarm(request.swarm, [&](const RunResult& run) {
    print_run(request, run);
    if (log != nullptr) std::fputs(run.log.c_str(), log);
    std::fflush(stdout);
  });
  const bool lost = log != nullptr && (std::ferror(log) != 0) | (std::fclose(log) != 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{}\n", summary_line(result, took.count()));
  if (result.failed > 0) return exit_code(FailureKind::kNotReached);
  return lost ? report(log_failure(request.log)) : kExitDone;
}

}  // namespace polydot::tools
