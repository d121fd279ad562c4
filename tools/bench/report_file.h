// A file of results in a folder that is made if need be.
#pragma once

#include <string>

#include "codes/base/result.h"

namespace polydot::bench {

// Failure: kData.
Outcome write_report(const std::string& folder, const std::string& name, const std::string& text);

}  // namespace polydot::bench
