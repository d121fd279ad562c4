// How the program ends: the exit code of each kind of failure, and the one line on stderr that explains it.
#pragma once

#include <string>
#include <string_view>

#include "codes/base/result.h"

namespace polydot::tools {

inline constexpr int kExitDone = 0;

inline constexpr std::string_view kExitCodesHelp =
    "Exit codes: 0 done, 1 result not reached, 2 usage or configuration, 3 data, 4 network,\n"
    "            5 peers disagree, 6 refused with nothing to roll back to, 128+N ended by signal N";

constexpr int exit_code(FailureKind kind) { return static_cast<int>(kind); }
constexpr int exit_code_of_signal(int signal) { return 128 + signal; }

// "polydot: ..." in one line: what a file or another host put into a message cannot break it.
std::string error_line(std::string_view message);
// Prints the failure's line on stderr and returns its exit code.
int report(const Failure& failure);

}  // namespace polydot::tools
