// Many simulated runs, on several threads: what `polydot sim` does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/simulator/swarm_run.h"

namespace polydot::simulator {

struct SwarmOptions {
  ScenarioOptions first;  // run k has the seed first.seed + k
  std::uint64_t runs = 1;
  int jobs = 1;
  bool keep_going = false;  // after a run that failed
  EventLog::Detail detail = EventLog::Detail::kHash;
};

struct SwarmResult {
  std::uint64_t runs = 0, failed = 0, steps = 0;
  std::uint64_t located = 0, repairs = 0, rebuilds = 0, refusals = 0, rollbacks = 0;
  std::uint64_t committed_wrong = 0, committed = 0;
  FaultTally faults;
};

// `on_run` is called for every run, in the order of their seeds, by one thread at a time.
SwarmResult run_swarm(const SwarmOptions& options, const std::function<void(const RunResult&)>& on_run);

// The command that runs this seed alone, with all that it says.
std::string replay_command(const ScenarioOptions& options);

}  // namespace polydot::simulator
