// polydot-bench codes [--quick|--full] [--seed N]: the tables of codes/CODES.md on stdout, as Markdown.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "codes/result.h"
#include "tools/bench/code_tables.h"
#include "tools/bench/round_lab.h"

namespace polydot::bench {
namespace {

constexpr std::string_view kUsage = "usage: polydot-bench codes [--quick|--full] [--seed N]";

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

// The processor's name as Linux gives it, or "unknown".
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "unknown";
}

struct Request {
  bool help = false;
  TableOptions options;
};

Result<Request> parse(int argc, char** argv) {
  Request request;
  bool named = false;
  for (int k = 1; k < argc; ++k) {
    const std::string_view word = argv[k];
    if (word == "--help" || word == "-h") {
      request.help = true;
    } else if (word == "codes") {
      named = true;
    } else if (word == "--quick" || word == "--full") {
      request.options.full = word == "--full";
    } else if (word == "--seed" && k + 1 < argc) {
      const std::string_view text = argv[++k];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.options.seed);
      if (error != std::errc{} || end != text.data() + text.size())
        return usage_failure(fmt::format("--seed = {}: must be a whole number from 0; {}", text, kUsage));
    } else {
      return usage_failure(fmt::format("'{}' is not understood; {}", word, kUsage));
    }
  }
  if (!named && !request.help) return usage_failure(fmt::format("no bench named; {}", kUsage));
  return request;
}

// Each table as soon as it is there: --full takes minutes.
void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void print_tables(const TableOptions& options) {
  print(fmt::format("`polydot-bench codes {} --seed {}`; {}; {}; -march={}\n",
                    options.full ? "--full" : "--quick", options.seed, processor(), kCompiler, POLYDOT_ARCH));
  print(fmt::format("\n## Decode error\n\n{}", decode_error_table(options)));
  print(fmt::format("\n{}", monomial_table(options)));
  print(fmt::format("\n## Gain\n\n{}", gain_table(options)));
  print(fmt::format("\n{}", rebuild_table(options)));
  print(
      fmt::format("\n## Location\n\n"
                  "Of rounds with t wrong peers, in %: correct / weak / refused / silently wrong; 100: all "
                  "correct. {} rounds a cell, proportional {}; rounds of 48 x 96 weights, batch 16.\n",
                  options.full ? 200 : 10, options.full ? 20 : 1));
  for (const LocationPlan& plan : location_plans()) print(fmt::format("\n{}", location_table(plan, options)));
  print(fmt::format("\n{}", everybody_wrong_table(options)));
  print(fmt::format("\n{}", identical_errors_table(options)));
}

}  // namespace
}  // namespace polydot::bench

int main(int argc, char** argv) {
  const auto request = polydot::bench::parse(argc, argv);
  if (!request) {
    std::fputs(("polydot-bench: " + request.failure().message + "\n").c_str(), stderr);
    return 2;
  }
  if (request->help)
    std::puts(polydot::bench::kUsage.data());
  else
    polydot::bench::print_tables(request->options);
  return 0;
}
