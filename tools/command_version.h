// polydot version: what this program is, for bug reports and for comparing hosts.
#pragma once

#include <string>

namespace polydot::tools {

std::string version_text();
// {"version":..,"wire_version":..,"arch":..,"instructions":[..],"compiler":..}
std::string version_json();

}  // namespace polydot::tools
