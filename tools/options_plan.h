// The flags of `polydot plan`.
#pragma once

#include "tools/options.h"

namespace polydot::tools {

Result<Request> parse_plan(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
