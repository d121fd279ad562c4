// A step that the network bounds, over what computing and the wire take at the least.
//
// Hosts are network namespaces of this machine, joined by the switch of tools/netlab.
#include <algorithm>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "node/data_files.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr int kHosts = 4, kPeers = 8;
constexpr double kLinkBytesPerMs = 1e9 / 8.0 / 1e3;  // --rate 1gbit
// Of tools/netlab/run: usage, and that this machine cannot do it.
constexpr int kLabUsage = 2, kLabSkipped = 77;

struct LabRun {
  node::RunProfile profile;
  std::uint64_t missed = 0;  // frames that the switch was too slow for
};

Result<std::uint64_t> missed_frames(const std::string& file) {
  const nlohmann::json seen = nlohmann::json::parse(read_text(file), nullptr, false);
  if (seen.is_discarded()) return node::file_failure(file, "is no JSON");
  std::uint64_t missed = 0;
  for (const nlohmann::json& host : seen.at("hosts")) missed += host.at("missed").get<std::uint64_t>();
  return missed;
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
  const auto missed = missed_frames(seen);
  if (!missed) return missed.failure();
  std::error_code ignored;
  std::filesystem::remove_all(out, ignored);
  return LabRun{*std::move(profile), *missed};
}

}  // namespace

Result<Measured> measure_network(const SpeedBench& bench) {
  ClusterPlan plan{.peers = kPeers, .hidden = bench.two_hidden(2048)};
  plan.steps = bench.steps(15, 40);
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<double> step, in_turns, at_once, compute, wire;
  std::uint64_t missed = 0;
  for (int k = 0; k < bench.pairs(); ++k) {
    const auto run = run_in_lab(bench, plan);
    if (!run) return run.failure();
    step.push_back(run->profile.wall_ms);
    compute.push_back(run->profile.process_cpu_ms / cores);
    wire.push_back(host_received_bytes(run->profile.sent_bytes, kPeers, kPeers / kHosts) / kLinkBytesPerMs);
    in_turns.push_back(compute.back() + wire.back());
    at_once.push_back(std::max(compute.back(), wire.back()));
    missed += run->missed;
  }
  Measured measured;
  const std::string what = fmt::format("a step at 1 Gbit/s, hidden {}, over", plan.hidden.front());
  measured.rows = {{10, what + " compute + wire", "ms", ratio_of(step, in_turns), 1.15, {}},
                   {10, what + " max(compute, wire)", "ms", ratio_of(step, at_once), {}, 1.3}};
  measured.remarks = {
      fmt::format("compute {:.4g} ms: processor time of all {} peers in the same run, input, output and "
                  "kernel included, over the {:.0f} processors that the {} hosts share here. The switch "
                  "between them takes its time from the same processors and is not in it.",
                  median(compute), kPeers, cores, kHosts),
      fmt::format("wire {:.4g} ms: bytes that a host of {} peers receives from the other hosts, of what the "
                  "transport sent (headers of TCP and IP left out), at 1 Gbit/s, as if it went both ways at "
                  "once and never idled.",
                  median(wire), kPeers / kHosts),
      fmt::format("The switch was too slow for {} frames, which were sent again.", missed)};
  return measured;
}

}  // namespace polydot::bench
