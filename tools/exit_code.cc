#include "tools/exit_code.h"

#include <cstdio>

#include "node/text/printable.h"

namespace polydot::tools {

std::string error_line(std::string_view message) { return "polydot: " + node::printable(message); }

int report(const Failure& failure) {
  const std::string line = error_line(failure.message) + "\n";
  std::fputs(line.c_str(), stderr);
  return exit_code(failure.kind);
}

}  // namespace polydot::tools
