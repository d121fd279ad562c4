#include "tools/simulator/swarm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace polydot::simulator {

namespace {

// A broken invariant ends the process (codes/base/check.h); this says which run it was.
thread_local char t_command[256] = "";

void on_abort(int) {
  constexpr char kBefore[] = "polydot: a run broke an invariant; again: ";
  (void)!write(STDOUT_FILENO, kBefore, sizeof kBefore - 1);
  (void)!write(STDOUT_FILENO, t_command, std::strlen(t_command));
  (void)!write(STDOUT_FILENO, "\n", 1);
  _exit(1);
}

class Swarm {
 public:
  Swarm(const SwarmOptions& options, const std::function<void(const RunResult&)>& on_run)
      : options_(options), on_run_(on_run) {}

  SwarmResult run() {
    std::signal(SIGABRT, on_abort);
    std::vector<std::thread> threads;
    for (int j = 1; j < options_.jobs; ++j) threads.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : threads) thread.join();
    std::signal(SIGABRT, SIG_DFL);
    return total_;
  }

 private:
  void work() {
    while (true) {
      const std::uint64_t run = next_++;
      if (run >= options_.runs || stop_) return;
      ScenarioOptions scenario = options_.first;
      scenario.seed += run;
      std::snprintf(t_command, sizeof t_command, "%s", replay_command(scenario).c_str());
      RunResult result = run_scenario(scenario, options_.detail);
      if (!result.violations.empty() && !options_.keep_going) stop_ = true;
      hand_over(run, std::move(result));
    }
  }
  void hand_over(std::uint64_t run, RunResult result) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(run, std::move(result));
    while (!waiting_.empty() && waiting_.begin()->first == told_) {
      add(waiting_.begin()->second);
      on_run_(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++told_;
    }
  }
  void add(const RunResult& result) {
    ++total_.runs;
    total_.failed += !result.violations.empty();
    total_.steps += result.steps;
    total_.located += result.located;
    total_.repairs += result.repairs;
    total_.rebuilds += result.rebuilds;
    total_.refusals += result.refusals;
    total_.rollbacks += result.rollbacks;
    total_.committed_wrong += result.committed_wrong;
    total_.committed += result.committed;
    total_.faults += result.faults;
  }

  const SwarmOptions& options_;
  const std::function<void(const RunResult&)>& on_run_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::map<std::uint64_t, RunResult> waiting_;
  std::uint64_t told_ = 0;
  SwarmResult total_;
};

}  // namespace

SwarmResult run_swarm(const SwarmOptions& options, const std::function<void(const RunResult&)>& on_run) {
  return Swarm(options, on_run).run();
}

std::string replay_command(const ScenarioOptions& options) {
  std::string command =
      fmt::format("polydot sim --seed {} --faults {}", options.seed, name_of(options.profile));
  if (options.peers) command += fmt::format(" --peers {}", *options.peers);
  if (options.code)
    command += fmt::format(" --code {} --grid {}x{}x{}", options.code->name, options.code->grid.m,
                           options.code->grid.n, options.code->grid.d);
  if (options.steps != ScenarioOptions{}.steps) command += fmt::format(" --steps {}", options.steps);
  if (options.wide) command += " --wide";
  return command + " --verbose";
}

}  // namespace polydot::simulator
