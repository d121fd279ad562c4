// What transport costs, and what kernels do among others, from the records of three short trainings on this
// host: one with large contributions, one with many small ones, and the first again without shared memory.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "node/records/run_profile.h"
#include "tools/command_init.h"
#include "tools/launcher.h"
#include "tools/measure.h"
#include "tools/plan_model.h"
#include "tools/run_folder.h"

namespace polydot::tools {
namespace {

constexpr std::uint64_t kSkipped = 5;  // steps in which memory is touched for the first time
constexpr double kMostFactor = 16.0;   // between a kernel alone and among peers
constexpr double kLeastShare = 0.02;   // of a time, that a difference of two times is at least taken for

struct Sample {
  node::RunProfile profile;
  double rounds = 0.0, bytes = 0.0, contributions = 0.0, operand_values = 0.0;  // of a peer and step
  double of(codes::Work kind) const { return profile.work_ms[static_cast<std::size_t>(kind)]; }
  // Of a peer: what its working thread spends on frames, and all that other threads and the kernel do.
  double transport_ms() const {
    return (profile.process_cpu_ms - profile.thread_cpu_ms) / profile.peers + of(codes::Work::kReceive) +
           of(codes::Work::kSend);
  }
};

node::Config config_of(std::int64_t peers, std::int64_t hidden, std::int64_t batch, std::int64_t steps) {
  node::Config config;
  config.shared.peers = peers;
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
  const auto peers = static_cast<int>(config.shared.peers);
  auto folder = RunFolder::make("", peers, Earlier::kRefused);
  if (!folder) return folder.failure();
  auto cluster_id = random_cluster_id();
  if (!cluster_id) return cluster_id.failure();
  config.shared.cluster_id = *std::move(cluster_id);
  auto launcher = Launcher::start(config, folder->path(), {});
  if (!launcher) return launcher.failure();
  while (!launcher->poll()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (int p = 0; p < peers; ++p)
    if (const int code = *launcher->children()[static_cast<std::size_t>(p)].exit_code; code != 0)
      return network_failure(fmt::format("--measure: peer {} of a short training ended with code {}: {}", p,
                                         code, last_words(folder->path(), p, 0)));
  auto profile = node::read_profile(folder->path(), peers, kSkipped);
  if (!profile) return profile.failure();
  return Sample{.profile = *std::move(profile)};
}

// What the model makes of this run.
Prediction predicted(const node::Config& config, const Calibration& rates, codes::Index cores = 1) {
  const Workload work{
      .hidden = {config.shared.hidden.front()}, .batch = config.shared.batch, .momentum = false};
  Hardware hardware;
  hardware.cores = cores;
  hardware.rates = rates;
  return predict(*shape_of(config.shared.code, config.shared.grid, config.shared.peers), work, hardware);
}

// How much of everything a step of this run has: the model at unit prices.
void count_work(const node::Config& config, Sample& sample) {
  const auto priced = [&](double byte_ns, double message_us, double round_us, double operand_ns) {
    Calibration rates;
    // What a contribution costs grows with the peers as it does in the built-in rates.
    rates.peer_us = message_us * Calibration{}.peer_us / Calibration{}.message_us;
    rates.byte_ns = rates.shared_ns = byte_ns, rates.message_us = message_us;
    rates.round_us = round_us, rates.operand_ns = operand_ns;
    return predicted(config, rates);
  };
  sample.bytes = 1e6 * priced(1.0, 0.0, 0.0, 0.0).transport_ms;
  sample.contributions = 1e3 * priced(0.0, 1.0, 0.0, 0.0).transport_ms;
  sample.rounds = 1e3 * priced(0.0, 0.0, 1.0, 0.0).fixed_ms;
  sample.operand_values = 1e6 * priced(0.0, 0.0, 0.0, 1.0).fixed_ms;
}

Result<Sample> sample_of(const node::Config& config) {
  auto sample = run(config);
  if (sample) count_work(config, *sample);
  return sample;
}

double positive_difference(double larger, double smaller) {
  return std::max(larger - smaller, kLeastShare * larger);
}

// Peers share caches, and what they work on has just come from the network: kernels take longer there than
// alone. The rate with which the model has a part of the step take what it took; the part must be a constant
// and a term that shrinks as the rate grows.
void fit(const node::Config& config, double measured_ms, double Prediction::*part, double Calibration::*rate,
         Calibration& rates) {
  Calibration twice = rates;
  twice.*rate *= 2.0;
  const double now = predicted(config, rates).*part, then = predicted(config, twice).*part;
  const double shrinking = 2.0 * (now - then), constant = now - shrinking;
  const double wanted = positive_difference(measured_ms, std::max(0.0, constant));
  rates.*rate *= std::clamp(shrinking / wanted, 1.0 / kMostFactor, kMostFactor);
}

void fit_kernels(const node::Config& config, const Sample& sample, Calibration& rates) {
  using codes::Work;
  fit(config, sample.of(Work::kEncode), &Prediction::encode_ms, &Calibration::encode_gbs, rates);
  fit(config, sample.of(Work::kProduct), &Prediction::product_ms, &Calibration::panel_gbs, rates);
  fit(config, sample.of(Work::kUpdate), &Prediction::update_ms, &Calibration::update_gflops, rates);
  fit(config, sample.of(Work::kDecode) + sample.of(Work::kCheck), &Prediction::decode_ms,
      &Calibration::decode_gbs, rates);
  rates.activation_ns *= sample.of(Work::kActivation) / predicted(config, rates).activation_ms;
}

}  // namespace

Result<Calibration> measure_machine() {
  Calibration rates = measure_kernels();
  const node::Config large_run = config_of(8, 1024, 128, 40), small_run = config_of(16, 256, 64, 40);
  const auto large = sample_of(large_run);
  if (!large) return large.failure();
  const auto small = sample_of(small_run);
  if (!small) return small.failure();
  node::Config sockets_run = large_run;
  sockets_run.local.sockets_only = true;
  const auto sockets = sample_of(sockets_run);
  if (!sockets) return sockets.failure();
  fit_kernels(large_run, *large, rates);
  // Of both runs: bytes times a price + contributions times a price; rounds and values of operands alike.
  const auto solve = [](double t1, double a1, double b1, double t2, double a2, double b2) {
    const double determinant = a1 * b2 - a2 * b1;
    return std::pair(positive_difference(t1 * b2, t2 * b1) / determinant,
                     positive_difference(t2 * a1, t1 * a2) / determinant);
  };
  const auto [byte_ms, message_ms] = solve(large->transport_ms(), large->bytes, large->contributions,
                                           small->transport_ms(), small->bytes, small->contributions);
  rates.shared_ns = 1e6 * byte_ms;
  rates.byte_ns = 1e6 * positive_difference(sockets->transport_ms(), sockets->contributions * message_ms) /
                  sockets->bytes;
  rates.peer_us *= 1e3 * message_ms / rates.message_us;
  rates.message_us = 1e3 * message_ms;
  const auto [value_ms, round_ms] =
      solve(large->of(codes::Work::kOther), large->operand_values, large->rounds,
            small->of(codes::Work::kOther), small->operand_values, small->rounds);
  rates.operand_ns = 1e6 * value_ms;
  rates.round_us = 1e3 * round_ms;
  // What is left of the wall when the processors' part is taken off is waking up; or somebody else who is
  // busy here, so it is believed only where it is less than what is built in.
  const codes::Index cores = std::max(1u, std::thread::hardware_concurrency());
  const double share = small->profile.process_cpu_ms / small->profile.peers /
                       predicted(small_run, rates, cores).processor_ms();
  const double busy_ms = share * predicted(small_run, rates, cores).compute_ms;
  rates.wait_us =
      std::clamp(1e3 * (small->profile.wall_ms - busy_ms) / small->rounds, 0.0, Calibration{}.wait_us);
  return rates;
}

}  // namespace polydot::tools
