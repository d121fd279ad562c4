// The rates of this machine for the cost model: the program's own kernels in this process, one thread, and
// three short trainings on this host for what transport costs. Takes a few seconds.
//
// Processor time, not time on the wall, wherever there is a choice: others may be busy here.
#pragma once

#include "codes/base/result.h"
#include "tools/calibration.h"

namespace polydot::tools {

// All that needs no other process.
Calibration measure_kernels();

// The same, and transport: starts peers of the running program (tools/launcher.h). Failure: kNetwork, kData.
Result<Calibration> measure_machine();

}  // namespace polydot::tools
