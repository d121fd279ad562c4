// The measures of speed, each a ratio from one run on one machine: what is measured and what it is held
// against take turns, so that noise hits both. Failure: whatever kept it from being measured.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/ratio_table.h"
#include "tools/bench/speed_bench.h"

namespace polydot::bench {

struct Measured {
  std::string details = {};  // a table of its own, before the rows
  std::vector<RatioRow> rows;
  std::vector<std::string> remarks;  // a sentence each: what the rows do not say
};

// Steps a second over data parallelism (PyTorch DDP, gloo) with as many processes.
Result<Measured> measure_rivals(const SpeedBench& bench);
// Whether a rival can multiply at least half as fast as polydot, GFLOP/s of one thread. Failure: kUsage.
Outcome check_rival(double product_speed, double own_product_speed);
// Processor time over that of the uncoded step; the share of coding.
Result<Measured> measure_cpu(const SpeedBench& bench);
// A step with two wrong peers over a clean one.
Result<Measured> measure_faulty(const SpeedBench& bench);
// Processor time over that of as much replication as corrects the same.
Result<Measured> measure_copies(const SpeedBench& bench);
// What a peer does in a round over the bare product. In this process.
Result<Measured> measure_kernel(const SpeedBench& bench);
// Bytes a peer receives over the least.
Result<Measured> measure_bytes(const SpeedBench& bench);
// Resident memory of a peer over what it cannot do without.
Result<Measured> measure_memory(const SpeedBench& bench);
// A step of four hosts at 1 Gbit/s over what computing and the wire take. Failure: kUsage, this machine has
// no network namespaces for us.
Result<Measured> measure_network(const SpeedBench& bench);
// Step times as the planner predicts them over those measured.
Result<Measured> measure_planner(const SpeedBench& bench);

}  // namespace polydot::bench
