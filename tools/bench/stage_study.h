// polydot-bench stages: every fault model at every stage of a training step, one injection at a time, over
// the simulated cluster; and what an injector costs that has nothing to do.
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"

namespace polydot::bench {

struct StageStudyOptions {
  std::string out;  // folder of stages.md, made if need be; empty: stdout only
  bool full = false;
  std::uint64_t seed = 1;
  std::string description;  // command, machine, compiler
  std::string only;         // STAGE or STAGE:MODEL: these cells alone; empty: all
};

Outcome run_stage_study(const StageStudyOptions& options);

}  // namespace polydot::bench
