#include "tools/bench/speed_bench.h"

#include <immintrin.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "dnn/operations/random.h"
#include "node/data/idx_file.h"
#include "node/files/data_files.h"
#include "node/files/run_layout.h"
#include "node/text/json_text.h"

namespace polydot::bench {

namespace {

constexpr Index kTrainSamples = 64 * kSpeedBatch, kTestSamples = 2 * kSpeedBatch;

// Noise, brighter where the class is: learned at once, so that no value runs away.
dnn::Dataset made_up(Index count, std::uint64_t seed) {
  dnn::Random random(seed, dnn::RandomStream::kFaults, 0);
  std::vector<std::uint8_t> pixels;
  std::vector<dnn::Label> labels;
  pixels.reserve(static_cast<std::size_t>(count * kSpeedInputs));
  for (Index i = 0; i < count; ++i) {
    labels.push_back(static_cast<dnn::Label>(i % kSpeedClasses));
    for (Index pixel = 0; pixel < kSpeedInputs; ++pixel) {
      const bool bright = pixel % kSpeedClasses == labels.back();
      pixels.push_back(static_cast<std::uint8_t>(random.below(128) + (bright ? 100 : 0)));
    }
  }
  return dnn::Dataset::from_bytes(std::move(pixels), kSpeedInputs, std::move(labels), kSpeedClasses);
}

Outcome is_all_checked(const ClusterRun& run) {
  if (const auto unchecked = run.summary.at("unchecked_rounds").get<std::uint64_t>(); unchecked > 0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("{} rounds were not checked: not what is measured", unchecked)};
  return Unit{};
}

}  // namespace

void compute_as_peers_do() {
  _mm_setcsr(_mm_getcsr() | 0x8040);  // FTZ and DAZ
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

std::string program_beside(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

Result<SpeedBench> SpeedBench::open(SpeedOptions options) {
  if (access(options.program.c_str(), X_OK) != 0)
    return usage_failure(options.program + ": is not there; build the target polydot beside polydot-bench");
  auto scratch = ScratchFolder::make();
  if (!scratch) return scratch.failure();
  if (options.data.empty()) {
    options.data = scratch->path() + "/data";
    const Outcome written =
        node::write_idx(options.data, made_up(kTrainSamples, 1), made_up(kTestSamples, 2));
    if (!written) return written.failure();
  }
  end_gently_on_signals();
  return SpeedBench(std::move(options), *std::move(scratch));
}

std::uint64_t SpeedBench::steps(std::uint64_t quick, std::uint64_t full) const {
  switch (options_.size) {
    case SpeedSize::kTiny:
      return 2 * kFirstSteps;
    case SpeedSize::kQuick:
      return kFirstSteps + quick;
    case SpeedSize::kFull:
      break;
  }
  return kFirstSteps + full;
}

std::vector<std::string> SpeedBench::training_words(const ClusterPlan& plan) const {
  return {"--code",     plan.code,
          "--grid",     fmt::format("{}x{}x{}", plan.grid.m, plan.grid.n, plan.grid.d),
          "--peers",    std::to_string(plan.peers),
          "--hidden",   fmt::format("{}", fmt::join(plan.hidden, ",")),
          "--batch",    std::to_string(kSpeedBatch),
          "--steps",    std::to_string(plan.steps),
          "--lr",       fmt::format("{}", kSpeedRate),
          "--momentum", fmt::format("{}", plan.momentum),
          "--seed",     std::to_string(options_.seed),
          "--dataset",  "idx",
          "--data",     options_.data};
}

std::vector<std::string> SpeedBench::train_words(const ClusterPlan& plan, const std::string& out) const {
  std::vector<std::string> words = {options_.program, "train", "--out", out, "--quiet"};
  const std::vector<std::string> training = training_words(plan);
  words.insert(words.end(), training.begin(), training.end());
  for (const std::string& fault : plan.inject) words.insert(words.end(), {"--inject", fault});
  return words;
}

Result<ClusterRun> SpeedBench::run(const ClusterPlan& plan) const {
  const std::string out = folder() + "/run";
  auto process =
      ChildProcess::start({train_words(plan, out), {}, folder() + "/train.out", folder() + "/train.err"});
  if (!process) return process.failure();
  const auto exit_code = process->wait();
  if (!exit_code) return exit_code.failure();
  if (*exit_code != 0)
    return Failure{FailureKind::kNotReached, fmt::format("polydot train ended with code {}: {}", *exit_code,
                                                         last_line(read_text(folder() + "/train.err")))};
  auto profile = node::read_profile(out, plan.peers, kFirstSteps);
  if (!profile) return profile.failure();
  ClusterRun run{*std::move(profile), node::read_json(out + node::kSummaryFile)};
  if (run.summary.is_discarded()) return node::file_failure(out + node::kSummaryFile, "is no JSON");
  if (!plan.may_be_unchecked)
    if (const Outcome fits = is_all_checked(run); !fits) return fits.failure();
  std::error_code ignored;
  std::filesystem::remove_all(out, ignored);
  return run;
}

Result<dnn::TrainingPlan> SpeedBench::uncoded_plan(const ClusterPlan& plan,
                                                   const node::DataPair& data) const {
  dnn::TrainingPlan uncoded;
  auto network = dnn::make_mlp(kSpeedInputs, plan.hidden, kSpeedClasses, dnn::ActivationKind::kSmelu,
                               dnn::LossKind::kCrossEntropy);
  if (!network) return network.failure();
  uncoded.network = *std::move(network);
  uncoded.optimizer.learning_rate = kSpeedRate;
  uncoded.optimizer.momentum = plan.momentum;
  uncoded.batch = kSpeedBatch;
  uncoded.seed = options_.seed;
  uncoded.total_steps = plan.steps;
  uncoded.evaluate_each_epoch = false;
  if (const Outcome valid = dnn::validate(uncoded, data.train, data.test); !valid) return valid.failure();
  return uncoded;
}

}  // namespace polydot::bench
