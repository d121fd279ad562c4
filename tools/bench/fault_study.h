// polydot-bench faults: accuracy and CPU time of coded and uncoded training against the rate of flipped bits,
// as in the papers (CodeNet, arXiv 1903.01042, compares with replication, no coding and checkpoints).
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"

namespace polydot::bench {

struct FaultStudyOptions {
  std::string data;  // folder of the MNIST IDX files; empty: the embedded set alone
  std::string out;   // folder of faults.jsonl, .md, .svg, .png; made if need be
  bool full = false;
  std::uint64_t seed = 1;   // the first of the seeds
  std::string description;  // command, machine, compiler: a line of the report
};

// Measures what OUT/faults.jsonl does not have yet, and writes table and pictures. Progress on stderr.
Outcome run_fault_study(const FaultStudyOptions& options);

}  // namespace polydot::bench
