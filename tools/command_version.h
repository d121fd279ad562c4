// polydot version: what this program is, for bug reports and for comparing hosts.
#pragma once

#include <string>
#include <string_view>

namespace polydot::tools {

// "0.1.0".
std::string_view program_version();
std::string version_text();
// {"version":..,"wire_version":..,"arch":..,"instructions":[..],"compiler":..}
std::string version_json();

}  // namespace polydot::tools
