#include "tools/command_version.h"

#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "protocol/wire/wire.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/processor_check.h"

namespace polydot::tools {
namespace {

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

std::vector<std::string_view> instructions() {
  std::vector<std::string_view> names;
  for (int i = 0; i < kInstructionCount; ++i)
    if (kRequiredInstructions >> i & 1) names.push_back(kInstructionNames[i]);
  return names;
}

}  // namespace

std::string_view program_version() { return POLYDOT_VERSION; }

std::string version_text() {
  return fmt::format("polydot {}\nwire version {}\nbuilt for {} ({}) with {}\n", POLYDOT_VERSION,
                     protocol::kWireVersion, POLYDOT_ARCH, fmt::join(instructions(), " "), kCompiler);
}

std::string version_json() {
  return fmt::format(
      "{{\"version\":\"{}\",\"wire_version\":{},\"arch\":\"{}\",\"instructions\":[\"{}\"],\"compiler\":\"{}"
      "\"}}\n",
      POLYDOT_VERSION, protocol::kWireVersion, POLYDOT_ARCH, fmt::join(instructions(), "\",\""), kCompiler);
}

int run_version(const VersionRequest& request) {
  std::fputs((request.json ? version_json() : version_text()).c_str(), stdout);
  return kExitDone;
}

}  // namespace polydot::tools
