// A step that the network bounds, over what computing and the wire take at the least.
//
// Hosts are network namespaces of this machine, joined by the switch of tools/netlab.
#include <algorithm>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "node/files/data_files.h"
#include "node/text/json_text.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr int kHosts = 4, kPeers = 8;
constexpr double kLinkBytesPerMs = 1e9 / 8.0 / 1e3;  // --rate 1gbit
// Of tools/netlab/run: usage, and that this machine cannot do it.
constexpr int kLabUsage = 2, kLabSkipped = 77;

struct LabRun {
  node::RunProfile profile;
  double switch_cpu_ms = 0.0;  // a step, all steps of the run
  std::uint64_t missed = 0;    // frames that the switch was too slow for
};

// What the lab says of its switch.
Outcome read_switch(const std::string& file, std::uint64_t steps, LabRun& run) {
  const nlohmann::json seen = node::read_json(file);
  if (seen.is_discarded()) return node::file_failure(file, "is no JSON");
  run.switch_cpu_ms = 1e3 * seen.at("switch_cpu_s").get<double>() / static_cast<double>(steps);
  for (const nlohmann::json& host : seen.at("hosts")) run.missed += host.at("missed").get<std::uint64_t>();
  return Unit{};
}

Result<LabRun> run_in_lab(const SpeedBench& bench, const ClusterPlan& plan) {
  const std::string out = bench.folder() + "/run", err = bench.folder() + "/netlab.err",
                    seen = bench.folder() + "/netlab.json";
  const std::string build = std::filesystem::path(bench.options().program).parent_path();
  std::vector<std::string> words = {bench.options().netlab,
                                    "--hosts",
                                    std::to_string(kHosts),
                                    "--rate",
                                    "1gbit",
                                    "--build",
                                    build,
                                    "--out",
                                    out,
                                    "--json"};
  const std::vector<std::string> training = bench.training_words(plan);
  words.insert(words.end(), training.begin(), training.end());
  auto process = ChildProcess::start({words, {}, seen, err});
  if (!process) return process.failure();
  const auto exit_code = process->wait();
  if (!exit_code) return exit_code.failure();
  if (*exit_code == kLabSkipped || *exit_code == kLabUsage) return usage_failure(last_line(read_text(err)));
  if (*exit_code != 0)
    return Failure{FailureKind::kNotReached, fmt::format("tools/netlab/run ended with code {}: {}",
                                                         *exit_code, last_line(read_text(err)))};
  auto profile = node::read_profile(out, plan.peers, kFirstSteps);
  if (!profile) return profile.failure();
  LabRun run{.profile = *std::move(profile)};
  if (const Outcome read = read_switch(seen, plan.steps, run); !read) return read.failure();
  std::error_code ignored;
  std::filesystem::remove_all(out, ignored);
  return run;
}

}  // namespace

Result<Measured> measure_network(const SpeedBench& bench) {
  ClusterPlan plan{.peers = kPeers, .hidden = bench.two_hidden(2048)};
  plan.steps = bench.steps(15, 40);
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<double> step, in_turns, at_once, with_switch, compute, wire, switching;
  std::uint64_t missed = 0;
  for (int k = 0; k < bench.pairs(); ++k) {
    const auto run = run_in_lab(bench, plan);
    if (!run) return run.failure();
    step.push_back(run->profile.wall_ms);
    compute.push_back(run->profile.process_cpu_ms / cores);
    wire.push_back(host_received_bytes(run->profile.sent_bytes, kPeers, kPeers / kHosts) / kLinkBytesPerMs);
    in_turns.push_back(compute.back() + wire.back());
    at_once.push_back(std::max(compute.back(), wire.back()));
    switching.push_back(run->switch_cpu_ms / cores);
    with_switch.push_back(in_turns.back() + switching.back());
    missed += run->missed;
  }
  Measured measured;
  const std::string what = fmt::format("a step at 1 Gbit/s, hidden {}, over", plan.hidden.front());
  measured.rows = {{10, what + " compute + wire", "ms", ratio_of(step, in_turns), 1.15, {}},
                   {10, what + " max(compute, wire)", "ms", ratio_of(step, at_once), {}, 1.3},
                   {10, what + " compute + wire + switch", "ms", ratio_of(step, with_switch), {}, {}}};
  measured.remarks = {
      fmt::format("compute {:.4g} ms: processor time of all {} peers in the same run, input, output and "
                  "kernel included, over the {:.0f} processors that the {} hosts share here.",
                  median(compute), kPeers, cores, kHosts),
      fmt::format("wire {:.4g} ms: bytes that a host of {} peers receives from the other hosts, of what the "
                  "transport sent (headers of TCP and IP left out), at 1 Gbit/s, as if it went both ways at "
                  "once and never idled.",
                  median(wire), kPeers / kHosts),
      fmt::format(
          "switch {:.4g} ms: its processor time over the same processors, which hosts of their own would "
          "not spend; it was too slow for {} frames, which were sent again.",
          median(switching), missed)};
  return measured;
}

}  // namespace polydot::bench
