// What transport costs, from the records of two short trainings on this host: one whose payloads are large,
// one whose messages carry nearly nothing.
#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "node/run_profile.h"
#include "tools/command_init.h"
#include "tools/launcher.h"
#include "tools/measure.h"
#include "tools/plan_model.h"
#include "tools/run_folder.h"

namespace polydot::tools {
namespace {

constexpr int kPeers = 8;
constexpr std::uint64_t kSkipped = 5;  // steps in which memory is touched for the first time
constexpr double kLeastShare = 0.02;   // of a time, that a difference of two times is at least taken for

struct Sample {
  node::RunProfile profile;
  double rounds = 0.0, bytes = 0.0, messages = 0.0, operand_values = 0.0;  // of a peer and step
  double host_ms() const { return profile.process_cpu_ms; }                // all peers together
  double of(codes::Work kind) const { return profile.work_ms[static_cast<std::size_t>(kind)]; }
  // Of a peer: what its working thread spends on frames, and all that other threads and the kernel do.
  double transport_ms() const {
    return (profile.process_cpu_ms - profile.thread_cpu_ms) / kPeers + of(codes::Work::kReceive) +
           of(codes::Work::kSend);
  }
};

node::Config config_of(std::int64_t hidden, std::int64_t batch, std::int64_t steps) {
  node::Config config;
  config.shared.peers = kPeers;
  config.shared.grid = {2, 2, 1};
  config.shared.hidden = {hidden};
  config.shared.batch = batch;
  config.shared.steps = steps;
  config.shared.momentum = 0.0;
  config.shared.checkpoint_every = 0;
  config.local.quiet = true;
  return config;
}

Result<Sample> run(node::Config config) {
  auto folder = RunFolder::make("", kPeers);
  if (!folder) return folder.failure();
  auto cluster_id = random_cluster_id();
  if (!cluster_id) return cluster_id.failure();
  config.shared.cluster_id = *std::move(cluster_id);
  auto launcher = Launcher::start(config, folder->path(), {});
  if (!launcher) return launcher.failure();
  while (!launcher->poll()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (int p = 0; p < kPeers; ++p)
    if (const int code = *launcher->children()[static_cast<std::size_t>(p)].exit_code; code != 0)
      return network_failure(fmt::format("--measure: peer {} of a short training ended with code {}: {}", p,
                                         code, last_words(folder->path(), p)));
  auto profile = node::read_profile(folder->path(), kPeers, kSkipped);
  if (!profile) return profile.failure();
  return Sample{.profile = *std::move(profile)};
}

// How much of everything a step of this run has, counted as the model does: with unit prices.
void count_work(const node::Config& config, Sample& sample) {
  Workload work{.hidden = {config.shared.hidden.front()}, .batch = config.shared.batch, .momentum = false};
  const CodeShape shape = *shape_of(config.shared.code, config.shared.grid, config.shared.peers);
  const auto transport_of = [&](double byte_ns, double message_us) {
    Hardware hardware;
    hardware.rates.byte_ns = byte_ns, hardware.rates.message_us = message_us;
    return predict(shape, work, hardware).transport_ms;
  };
  const auto fixed_of = [&](double round_us, double operand_ns) {
    Hardware hardware;
    hardware.rates.round_us = round_us, hardware.rates.operand_ns = operand_ns;
    return predict(shape, work, hardware).fixed_ms;
  };
  sample.bytes = 1e6 * transport_of(1.0, 0.0);
  sample.messages = 1e3 * transport_of(0.0, 1.0);
  sample.rounds = 1e3 * fixed_of(1.0, 0.0);
  sample.operand_values = 1e6 * fixed_of(0.0, 1.0);
}

Result<Sample> sample_of(std::int64_t hidden, std::int64_t batch, std::int64_t steps) {
  const node::Config config = config_of(hidden, batch, steps);
  auto sample = run(config);
  if (sample) count_work(config, *sample);
  return sample;
}

double positive_difference(double larger, double smaller) {
  return std::max(larger - smaller, kLeastShare * larger);
}

}  // namespace

Result<Calibration> measure_machine() {
  Calibration rates = measure_kernels();
  const auto large = sample_of(1024, 128, 40);
  if (!large) return large.failure();
  const auto small = sample_of(16, 16, 100);
  if (!small) return small.failure();
  // Both runs: transport = bytes times a price + messages times a price.
  const double determinant = large->bytes * small->messages - small->bytes * large->messages;
  const double byte_ms =
      positive_difference(large->transport_ms() * small->messages, small->transport_ms() * large->messages) /
      determinant;
  const double message_ms =
      positive_difference(small->transport_ms() * large->bytes, large->transport_ms() * small->bytes) /
      determinant;
  rates.byte_ns = 1e6 * byte_ms;
  rates.message_us = 1e3 * message_ms;
  const double values_ms = 1e-6 * rates.operand_ns * small->operand_values;
  rates.round_us = 1e3 * positive_difference(small->of(codes::Work::kOther), values_ms) / small->rounds;
  // What is left of the wall when the processors' share is taken off: waking up, and waiting for the last.
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  const double busy_ms = std::max(small->host_ms() / cores, small->host_ms() / kPeers);
  rates.wait_us = 1e3 * std::max(0.0, small->profile.wall_ms - busy_ms) / small->rounds;
  return rates;
}

}  // namespace polydot::tools
