// polydot-bench outcomes: the table stage x model at the sizes that users run, for polydot, mds and three
// copies; each cell has to end as stage_expectation.h says.
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"

namespace polydot::bench {

struct OutcomeStudyOptions {
  std::string out;  // folder of outcomes.md, made if need be; empty: stdout only
  bool full = false;
  std::uint64_t seed = 1;
  std::string description;  // command, machine, compiler
  std::string only;         // STAGE or STAGE:MODEL: these cells alone; empty: all
};

// Failure: kNotReached, if a fault ended otherwise than it should; kUsage, if `only` names no cell.
Outcome run_outcome_study(const OutcomeStudyOptions& options);

}  // namespace polydot::bench
