// The command line of `polydot status`.
#pragma once

#include "tools/options.h"

namespace polydot::tools {

Result<Request> parse_status(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
