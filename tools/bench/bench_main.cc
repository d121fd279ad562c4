// polydot-bench NAME [options]: measurements, as Markdown on stdout. The table below has all of them; each
// header says what its measurement is.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "codes/base/result.h"
#include "tools/bench/clean_study.h"
#include "tools/bench/code_tables.h"
#include "tools/bench/fault_study.h"
#include "tools/bench/other_work.h"
#include "tools/bench/outcome_study.h"
#include "tools/bench/speed_measures.h"
#include "tools/bench/stage_study.h"
#include "tools/bench/tolerance_tables.h"

namespace polydot::bench {
namespace {

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

struct Request;
struct Bench {
  std::string_view name;
  // What it takes beside --quick, --full and --seed; in brackets what may be left out.
  std::string_view options;
  Outcome (*run)(const Request&);
};
extern const std::vector<Bench> kBenches;

struct Request {
  bool help = false;
  const Bench* bench = nullptr;
  bool full = false;
  std::uint64_t seed = 1;
  std::string data, out, only;
};

std::string usage() {
  std::string names, options;
  for (const Bench& bench : kBenches) {
    names += fmt::format("{}{}", names.empty() ? "" : "|", bench.name);
    if (!bench.options.empty()) options += fmt::format("; {}: {}", bench.name, bench.options);
  }
  return fmt::format("usage: polydot-bench {} [--quick|--full] [--seed N]{}", names, options);
}

Failure wrong_usage(const std::string& what) { return usage_failure(what + "; " + usage()); }

// Whether the bench takes all that was given, and was given all that it takes.
Outcome check_options(const Request& request) {
  const auto [name, options, run] = *request.bench;
  for (const auto& [flag, value] :
       {std::pair{"--data", &request.data}, {"--out", &request.out}, {"--only", &request.only}}) {
    const std::size_t at = options.find(flag);
    const bool taken = at != std::string_view::npos;
    if (!taken && !value->empty()) return wrong_usage(fmt::format("{} takes no {}", name, flag));
    if (taken && value->empty() && (at == 0 || options[at - 1] != '['))
      return wrong_usage(fmt::format("{}: {} is missing", name, flag));
  }
  return Unit{};
}

Result<Request> parse(int argc, char** argv) {
  Request request;
  for (int k = 1; k < argc; ++k) {
    const std::string_view word = argv[k];
    const auto named = std::find_if(kBenches.begin(), kBenches.end(),
                                    [&](const Bench& bench) { return bench.name == word; });
    if (word == "--help" || word == "-h") {
      request.help = true;
    } else if (named != kBenches.end() && request.bench == nullptr) {
      request.bench = &*named;
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
        return wrong_usage(fmt::format("--seed = {}: must be a whole number from 0", text));
    } else {
      return wrong_usage(fmt::format("'{}' is not understood", word));
    }
  }
  if (request.help) return request;
  if (request.bench == nullptr) return wrong_usage("no bench named");
  if (const Outcome fits = check_options(request); !fits) return fits.failure();
  return request;
}

// Command, machine and compiler, for the head of a report.
std::string description(const Request& request) {
  std::string command = fmt::format("polydot-bench {}", request.bench->name);
  if (!request.data.empty()) command += " --data DIR";
  if (!request.out.empty()) command += " --out DIR";
  return fmt::format("`{} {} --seed {}`; {}; {}; -march={}", command, request.full ? "--full" : "--quick",
                     request.seed, processor(), kCompiler, POLYDOT_ARCH);
}

// Each table as soon as it is there: --full takes minutes.
void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Outcome run_codes(const Request& request) {
  const TableOptions options{request.full, request.seed};
  print(description(request) + "\n");
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
  return Unit{};
}

Outcome run_tolerance(const Request& request) {
  print(description(request) + "\n");
  print_tolerance_tables({request.full, request.seed}, print);
  return Unit{};
}

Outcome run_faults(const Request& request) {
  return run_fault_study({request.data, request.out, request.full, request.seed, description(request)});
}

Outcome run_stages(const Request& request) {
  return run_stage_study({request.out, request.full, request.seed, description(request), request.only});
}

Outcome run_outcomes_of_faults(const Request& request) {
  return run_outcome_study({request.out, request.full, request.seed, description(request), request.only});
}

Outcome run_clean(const Request& request) {
  return run_clean_study({request.out, request.data, request.full, request.seed, description(request)});
}

template <Result<Measured> (*measure)(const SpeedBench&)>
Outcome run_speed(const Request& request) {
  const auto bench =
      SpeedBench::open({request.full ? SpeedSize::kFull : SpeedSize::kQuick, request.seed, request.data,
                        program_beside("polydot"), POLYDOT_SOURCE_DIR "/tools/bench/torch_ddp.py",
                        POLYDOT_SOURCE_DIR "/tools/netlab/run"});
  if (!bench) return bench.failure();
  print(description(request) + "\n\n");
  const OtherWork others;
  const auto measured = measure(*bench);
  if (!measured) return measured.failure();
  if (!measured->details.empty()) print(measured->details + "\n");
  print(ratio_table(measured->rows) + "\n");
  for (const std::string& remark : measured->remarks) print("- " + remark + "\n");
  print("- " + others.text() + "\n");
  return Unit{};
}

const std::vector<Bench> kBenches = {
    {"codes", "", run_codes},
    {"tolerance", "", run_tolerance},
    {"faults", "--out DIR [--data DIR]", run_faults},
    {"stages", "[--out DIR] [--only STAGE[:MODEL]]", run_stages},
    {"outcomes", "[--out DIR] [--only STAGE[:MODEL]]", run_outcomes_of_faults},
    {"clean", "[--out DIR] [--data DIR]", run_clean},
    {"rivals", "[--data DIR]", run_speed<measure_rivals>},
    {"cpu", "[--data DIR]", run_speed<measure_cpu>},
    {"faulty", "[--data DIR]", run_speed<measure_faulty>},
    {"copies", "[--data DIR]", run_speed<measure_copies>},
    {"kernel", "", run_speed<measure_kernel>},
    {"bytes", "[--data DIR]", run_speed<measure_bytes>},
    {"memory", "[--data DIR]", run_speed<measure_memory>},
    {"network", "[--data DIR]", run_speed<measure_network>},
    {"planner", "[--data DIR]", run_speed<measure_planner>}};

int fail(const Failure& failure) {
  std::fputs(("polydot-bench: " + failure.message + "\n").c_str(), stderr);
  return static_cast<int>(failure.kind);
}

int run(int argc, char** argv) {
  const auto request = parse(argc, argv);
  if (!request) return fail(request.failure());
  if (request->help) {
    std::puts(usage().c_str());
    return 0;
  }
  const Outcome done = request->bench->run(*request);
  raise_caught_signal();
  return done ? 0 : fail(done.failure());
}

}  // namespace
}  // namespace polydot::bench

int main(int argc, char** argv) { return polydot::bench::run(argc, argv); }
