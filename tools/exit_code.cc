#include "tools/exit_code.h"

#include <cstdio>

namespace polydot::tools {

std::string error_line(std::string_view message) {
  std::string line = "polydot: ";
  for (const char c : message) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line;
}

int report(const Failure& failure) {
  const std::string line = error_line(failure.message) + "\n";
  std::fputs(line.c_str(), stderr);
  return exit_code(failure.kind);
}

}  // namespace polydot::tools
