// The table that `polydot train --profile` ends with.
#pragma once

#include <string>

#include "node/records/run_profile.h"

namespace polydot::tools {

std::string profile_table(const node::RunProfile& profile);

}  // namespace polydot::tools
