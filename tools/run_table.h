// The table at the end of a run.
#pragma once

#include <optional>
#include <string>

#include "node/records/run_summary.h"

namespace polydot::tools {

// reference_accuracy: of the uncoded reference with the same seed, if it was trained too.
std::string run_table(const node::RunSummary& summary, const node::Config& config,
                      std::optional<double> reference_accuracy);

}  // namespace polydot::tools
