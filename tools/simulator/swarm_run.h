// One simulated run, from its seed to its verdict.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/simulator/event_log.h"
#include "tools/simulator/fault_kinds.h"
#include "tools/simulator/scenario.h"

namespace polydot::simulator {

struct RunResult {
  std::uint64_t seed = 0;
  std::string code;                     // "polydot 2x2x1 of 12"
  std::vector<std::string> violations;  // of the checkers; empty: all is well
  // The nearest that a loss or weight came to its tolerance: 1 is on it.
  double largest_share = 0.0;
  std::string largest_share_of;
  std::uint64_t log_hash = 0;
  std::string log;  // as much as was asked for
  FaultTally faults;
  std::uint64_t steps = 0;  // of training, once for all peers
  std::uint64_t repairs = 0, rebuilds = 0, refusals = 0, rollbacks = 0, located = 0;
  std::uint64_t committed_wrong = 0, committed = 0;  // rounds, of all peers: products unlike the reference's
  std::int64_t virtual_ms = 0;
};

// Draws the scenario and runs it. Same options and binary, same result.
RunResult run_scenario(const ScenarioOptions& options, EventLog::Detail detail);

}  // namespace polydot::simulator
