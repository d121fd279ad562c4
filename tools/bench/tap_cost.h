// What it costs that faults could be injected, when none are.
#pragma once

#include <string>

namespace polydot::bench {

// Ratios of CPU time, medians of alternating runs, as a Markdown table.
std::string tap_cost_table(bool full);

}  // namespace polydot::bench
