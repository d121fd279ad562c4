// polydot-bench codes [--quick|--full] [--seed N]: the tables of codes/CODES.md on stdout, as Markdown.
// polydot-bench tolerance [--quick|--full] [--seed N]: how many wrong peers a round survives
// (tolerance_tables.h). polydot-bench faults --out DIR [--data DIR] [--quick|--full] [--seed N]: training
// under faults (fault_study.h). polydot-bench stages [--out DIR] [--only STAGE[:MODEL]]: every fault at every
// stage (stage_study.h). polydot-bench clean [--out DIR] [--data DIR]: none (clean_study.h).
#include <charconv>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "codes/result.h"
#include "tools/bench/clean_study.h"
#include "tools/bench/code_tables.h"
#include "tools/bench/fault_study.h"
#include "tools/bench/stage_study.h"
#include "tools/bench/tolerance_tables.h"

namespace polydot::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: polydot-bench codes|tolerance|faults|stages|clean [--quick|--full] [--seed N]; faults: --out DIR "
    "[--data DIR]; stages: [--out DIR] [--only STAGE[:MODEL]]; clean: [--out DIR] [--data DIR]";

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
  std::string command;
  bool full = false;
  std::uint64_t seed = 1;
  std::string data;  // of faults, clean
  std::string out;   // of faults, stages, clean
  std::string only;  // of stages
};

Result<Request> parse(int argc, char** argv) {
  Request request;
  for (int k = 1; k < argc; ++k) {
    const std::string_view word = argv[k];
    if (word == "--help" || word == "-h") {
      request.help = true;
    } else if (word == "codes" || word == "tolerance" || word == "faults" || word == "stages" ||
               word == "clean") {
      request.command = word;
    } else if (word == "--quick" || word == "--full") {
      request.full = word == "--full";
    } else if (word == "--data" && k + 1 < argc) {
      request.data = argv[++k];
    } else if (word == "--out" && k + 1 < argc) {
      request.out = argv[++k];
    } else if (word == "--only" && k + 1 < argc) {
      request.only = argv[++k];
    } else if (word == "--seed" && k + 1 < argc) {
      const std::string_view text = argv[++k];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.seed);
      if (error != std::errc{} || end != text.data() + text.size())
        return usage_failure(fmt::format("--seed = {}: must be a whole number from 0; {}", text, kUsage));
    } else {
      return usage_failure(fmt::format("'{}' is not understood; {}", word, kUsage));
    }
  }
  if (request.help) return request;
  if (request.command.empty()) return usage_failure(fmt::format("no bench named; {}", kUsage));
  const bool study = request.command == "faults";
  if (study && request.out.empty()) return usage_failure(fmt::format("--out DIR is missing; {}", kUsage));
  const bool stages = request.command == "stages", clean = request.command == "clean";
  if ((!study && !clean && !request.data.empty()) || (!study && !stages && !clean && !request.out.empty()) ||
      (!stages && !request.only.empty()))
    return usage_failure(fmt::format("{} does not take all of these options; {}", request.command, kUsage));
  return request;
}

// Command, machine and compiler, for the head of a report.
std::string description(const Request& request) {
  std::string command = fmt::format("polydot-bench {}", request.command);
  if (request.command == "faults") command += request.data.empty() ? " --out DIR" : " --data DIR --out DIR";
  return fmt::format("`{} {} --seed {}`; {}; {}; -march={}", command, request.full ? "--full" : "--quick",
                     request.seed, processor(), kCompiler, POLYDOT_ARCH);
}

// Each table as soon as it is there: --full takes minutes.
void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void print_tables(const TableOptions& options) {
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

Outcome run(const Request& request) {
  const TableOptions options{request.full, request.seed};
  if (request.command == "faults")
    return run_fault_study({request.data, request.out, request.full, request.seed, description(request)});
  if (request.command == "stages")
    return run_stage_study({request.out, request.full, request.seed, description(request), request.only});
  if (request.command == "clean")
    return run_clean_study({request.out, request.data, request.full, request.seed, description(request)});
  print(description(request) + "\n");
  if (request.command == "codes")
    print_tables(options);
  else
    print_tolerance_tables(options, print);
  return Unit{};
}

int fail(const Failure& failure) {
  std::fputs(("polydot-bench: " + failure.message + "\n").c_str(), stderr);
  return static_cast<int>(failure.kind);
}

int run(int argc, char** argv) {
  const auto request = parse(argc, argv);
  if (!request) return fail(request.failure());
  if (request->help) {
    std::puts(kUsage.data());
    return 0;
  }
  const Outcome done = run(*request);
  return done ? 0 : fail(done.failure());
}

}  // namespace
}  // namespace polydot::bench

int main(int argc, char** argv) { return polydot::bench::run(argc, argv); }
