// The command line of `polydot train`.
#pragma once

#include "tools/options.h"

namespace polydot::tools {

Result<Request> parse_train(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
