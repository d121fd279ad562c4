// The flags of `polydot sim`.
#pragma once

#include <string>
#include <vector>

#include "tools/options.h"

namespace polydot::tools {

Result<Request> parse_sim(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
