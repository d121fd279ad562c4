// polydot train --certify: the fault-free uncoded twins of a run, and the comparison with its weights.
#pragma once

#include <string>

#include "codes/base/result.h"
#include "node/config/config.h"
#include "node/records/certificate.h"
#include "node/records/run_summary.h"

namespace polydot::tools {

// Trains the twins in this process, in float32 and in double. A run whose weights cannot be decoded gets a
// certificate that is not valid and says why. Failure: kData, kUsage: of the data set.
Result<node::Certificate> certify_run(const node::Config& config, const std::string& run,
                                      const node::RunSummary& summary);

}  // namespace polydot::tools
