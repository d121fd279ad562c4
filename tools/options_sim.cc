#include "tools/options_sim.h"

#include <fmt/format.h>

#include <charconv>
#include <thread>

#include "node/config/config_values.h"
#include "tools/options_parser.h"

namespace polydot::tools {

namespace {

// Leaves `number` as it is when the flag was not given.
Outcome read_count(const std::string& flag, const std::string& text, std::uint64_t least, std::uint64_t most,
                   std::uint64_t& number) {
  if (text.empty()) return Unit{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc{} && end == last && number >= least && number <= most) return Unit{};
  return usage_failure(fmt::format("{} = {}: must be a whole number from {} to {}", flag, text, least, most));
}

// None: neither was given.
Result<std::optional<simulator::CodeChoice>> read_code(const std::string& code, const std::string& grid) {
  if (code.empty() && !grid.empty()) return usage_failure("--grid is of a --code: give both");
  if (code.empty()) return std::optional<simulator::CodeChoice>();
  if (code != "polydot" && code != "mds" && code != "replication")
    return usage_failure(fmt::format("--code {}: must be polydot, mds or replication", code));
  const auto parsed = node::parse_grid(grid.empty() ? "2x2" : grid);
  if (!parsed) return parsed.failure();
  return std::optional(simulator::CodeChoice{code, *parsed});
}

}  // namespace

Result<Request> parse_sim(const std::vector<std::string>& arguments) {
  SimRequest request;
  std::string seed, runs, peers, code, grid, steps, jobs, faults = "swarm";
  OptionsParser parser(
      "sim [options]",
      "Runs clusters in one process on virtual time, with faults of all kinds, and checks them.",
      "Run k has the seed N + k. Profiles: none network soft process swarm (all of them).\n\n"
      "Examples:\n"
      "  polydot sim --seed 1 --runs 500\n"
      "  polydot sim --seed 17 --verbose     one run, with what happened in it");
  parser.add_text("--seed", seed, "N", "of the first run [1]");
  parser.add_text("--runs", runs, "R", "how many [1]");
  parser.add_text("--peers", peers, "P", "in every run [drawn, 6 to 24]");
  parser.add_text("--code", code, "CODE", "in every run: polydot, mds, replication [drawn, with its grid]");
  parser.add_text("--grid", grid, "MxN[xD]", "of --code [2x2]");
  parser.add_text("--steps", steps, "S", "of training in every run [300]");
  parser.add_text("--faults", faults, "PROFILE", "what happens to them [swarm]");
  parser.add_switch("--wide", request.swarm.first.wide, "layers that fill the kernels of large products");
  parser.add_text("--jobs", jobs, "J", "threads [as many as processors]");
  parser.add_switch("--keep-going", request.swarm.keep_going, "after a run that failed");
  parser.add_switch("--verbose", request.verbose, "a line for each run; what happened, if it is one run");
  parser.add_text("--log", request.log, "FILE", "every event of every run, frames included");
  parser.add_switch("--force", request.force, "replace the log if it is there");
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});

  auto& swarm = request.swarm;
  std::uint64_t peer_count = 0, job_count = std::max(1u, std::thread::hardware_concurrency());
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  for (const Outcome& read : {read_count("--seed", seed, 0, kMost, swarm.first.seed),
                              read_count("--runs", runs, 1, 1'000'000'000, swarm.runs),
                              read_count("--peers", peers, 6, 64, peer_count),
                              read_count("--steps", steps, 10, 1'000'000, swarm.first.steps),
                              read_count("--jobs", jobs, 1, 1024, job_count)})
    if (!read) return read.failure();
  const auto choice = read_code(code, grid);
  if (!choice) return choice.failure();
  swarm.first.code = *choice;
  if (peer_count > 0) swarm.first.peers = static_cast<int>(peer_count);
  swarm.jobs = static_cast<int>(job_count);
  const auto profile = simulator::parse_fault_profile(faults);
  if (!profile) return profile.failure();
  swarm.first.profile = *profile;
  if (const Outcome possible = simulator::check_code(swarm.first); !possible) return possible.failure();
  using Detail = simulator::EventLog::Detail;
  const bool one = swarm.runs == 1;
  swarm.detail = !request.log.empty()     ? Detail::kFrames
                 : one && request.verbose ? Detail::kLines
                                          : Detail::kHash;
  return Request(std::move(request));
}

}  // namespace polydot::tools
