// polydot init: the file of a cluster.
#pragma once

#include <string>

#include "codes/base/result.h"
#include "tools/options.h"

namespace polydot::tools {

// 32 hex digits from the system's random source. Failure: kUsage, if it has none.
Result<std::string> random_cluster_id();

// The configuration that the request asks for, under this cluster id.
node::Config cluster_config(const InitRequest& request, const std::string& cluster_id);

// What to do next: a line for each host with the indices to start there and the ports to open.
std::string next_steps(const InitRequest& request);

}  // namespace polydot::tools
