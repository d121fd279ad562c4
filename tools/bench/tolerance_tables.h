// How much a round tolerates, as Markdown: random wrong peers up to and beyond the bounds, everybody wrong,
// identical and stale results. The bare decoder; a wrong value is the same in a recomputation, so what is
// refused within the bounds is a failure.
#pragma once

#include <string>

#include "tools/bench/code_tables.h"

namespace polydot::bench {

// Every table, each handed to `print` as soon as it is there.
void print_tolerance_tables(const TableOptions& options, void (*print)(const std::string&));

}  // namespace polydot::bench
