// The command line of `polydot inject`.
#pragma once

#include "tools/options.h"

namespace polydot::tools {

Result<Request> parse_inject(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
