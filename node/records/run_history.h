// The history that counts, from what the peers wrote while it happened: after a rollback steps come again,
// and a peer that was away lacks some. Reads and writes files only.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "codes/base/result.h"

namespace polydot::node {

// The rows of a metrics.csv by their step, the last of those that came again; a damaged row is left out.
std::map<std::uint64_t, std::string> read_history(const std::string& metrics_file);

// RUN/metrics.csv: each step once, of the peer that did most of them, what it lacks from the others. Nothing
// if no peer did any. Failure: kData.
Outcome write_history(const std::string& run, int peers);

}  // namespace polydot::node
