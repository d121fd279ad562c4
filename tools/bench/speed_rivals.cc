// Against data parallelism: PyTorch DDP over gloo, as many processes, the same network and batch.
#include <algorithm>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "codes/base/linear_code.h"
#include "codes/kernels/encode.h"
#include "node/system/work_clock.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr int kRepetitions = 3;

// Debian's OpenBLAS takes processors that are newer than it for old ones and is then four times slower, and
// waiting threads would take the processor from those that work: neither would be a fair rival.
std::vector<std::string> fair_environment() {
  std::vector<std::string> all = {"OMP_WAIT_POLICY=passive", "GLOO_SOCKET_IFNAME=lo", "OMP_NUM_THREADS=1",
                                  "OPENBLAS_NUM_THREADS=1"};
  if (__builtin_cpu_supports("avx512bf16")) all.push_back("OPENBLAS_CORETYPE=Cooperlake");
  return all;
}

Result<std::string> run_script(const SpeedBench& bench, std::vector<std::string> arguments) {
  // Debian's own interpreter: its packages are no other's.
  std::vector<std::string> words = {"/usr/bin/python3", bench.options().ddp_script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::string out = bench.folder() + "/ddp.out", err = bench.folder() + "/ddp.err";
  auto process = ChildProcess::start({words, fair_environment(), out, err});
  if (!process) return process.failure();
  const auto exit_code = process->wait();
  if (!exit_code) return exit_code.failure();
  const std::string said = last_line(read_text(err));
  if (*exit_code == 77 || *exit_code == 127)
    return usage_failure("rivals needs PyTorch with gloo: apt-get install python3-torch (" + said + ")");
  if (*exit_code != 0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("torch_ddp.py ended with code {}: {}", *exit_code, said)};
  return read_text(out);
}

// Steps a second, the best repetition.
Result<double> ddp_speed(const SpeedBench& bench, int processes, Index hidden, std::uint64_t steps) {
  const auto printed =
      run_script(bench, {std::to_string(processes), std::to_string(hidden), std::to_string(kSpeedBatch),
                         std::to_string(steps), std::to_string(kRepetitions), fmt::format("{}", kSpeedRate)});
  if (!printed) return printed.failure();
  std::istringstream lines(*printed);
  double best = 0.0;
  for (double speed = 0.0; lines >> speed;) best = std::max(best, speed);
  if (best <= 0.0) return Failure{FailureKind::kNotReached, "torch_ddp.py printed no speed"};
  return best;
}

// Of our own product as in torch_ddp.py: the same size, processor time of one thread, the best; GFLOP/s.
double own_product_speed() {
  constexpr Index kSize = 1024;
  const codes::ProductCode code = codes::make_uncoded({1, 1, 1}, 1).value();
  const codes::Matrix a = codes::Matrix::Random(kSize, kSize), b = codes::Matrix::Random(kSize, kSize);
  codes::Matrix y(kSize, kSize);
  double best = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 10; ++k) {
    const double began = node::thread_cpu_seconds();
    codes::multiply(code.pass(codes::PassKind::kForward), a, b, 0, kSize, y);
    best = std::min(best, node::thread_cpu_seconds() - began);
  }
  return 2e-9 * static_cast<double>(kSize * kSize * kSize) / best;
}

struct Rival {
  std::string version;
  double product_speed = 0.0, own_product_speed = 0.0;
};

// Failure: kUsage, it is not there, or crippled: with the reference BLAS, or an OpenBLAS that does not know
// the processor, a comparison would measure that and nothing else.
Result<Rival> fair_rival(const SpeedBench& bench) {
  const auto printed = run_script(bench, {"--check"});
  if (!printed) return printed.failure();
  Rival rival;
  rival.own_product_speed = own_product_speed();
  if (std::istringstream words(*printed); !(words >> rival.version >> rival.product_speed))
    return Failure{FailureKind::kNotReached, "torch_ddp.py --check said: " + *printed};
  if (const Outcome fair = check_rival(rival.product_speed, rival.own_product_speed); !fair)
    return fair.failure();
  return rival;
}

struct Size {
  Index hidden;
  std::uint64_t quick_steps, full_steps, ddp_quick_steps, ddp_full_steps;
  double must, goal;
};
constexpr Size kSizes[] = {{4096, 8, 30, 2, 8, 3.0, 3.5}, {1024, 60, 200, 20, 60, 2.3, 2.8}};

}  // namespace

Outcome check_rival(double product_speed, double own_product_speed) {
  if (2.0 * product_speed >= own_product_speed) return Unit{};
  return usage_failure(fmt::format(
      "rivals: PyTorch multiplies with {:.0f} GFLOP/s where polydot does with {:.0f}: no fair rival; "
      "give it a fast BLAS (apt-get install libopenblas0-pthread)",
      product_speed, own_product_speed));
}

Result<Measured> measure_rivals(const SpeedBench& bench) {
  const auto rival = fair_rival(bench);
  if (!rival) return rival.failure();
  Measured measured;
  ClusterPlan plan;
  for (const Size& size : kSizes) {
    plan.hidden = bench.two_hidden(size.hidden);
    plan.steps = bench.steps(size.quick_steps, size.full_steps);
    std::vector<double> coded, ddp;
    for (int k = 0; k < bench.pairs(); ++k) {
      const auto run = bench.run(plan);
      if (!run) return run.failure();
      coded.push_back(1e3 / run->profile.wall_ms);
      const auto speed =
          ddp_speed(bench, plan.peers, plan.hidden.front(),
                    bench.options().size == SpeedSize::kFull ? size.ddp_full_steps : size.ddp_quick_steps);
      if (!speed) return speed.failure();
      ddp.push_back(*speed);
    }
    const int number = &size == kSizes ? 1 : 2;
    measured.rows.push_back({number, fmt::format("steps/s over DDP with gloo, hidden {}", size.hidden), "1/s",
                             ratio_of(coded, ddp), size.must, size.goal, true});
  }
  const auto code = codes::make_code(plan.code, plan.grid, plan.peers);
  if (!code) return code.failure();
  Index corrected = plan.peers;
  for (const codes::Pass& pass : code->passes)
    corrected = std::min(corrected, codes::error_bounds(pass.code, plan.peers).independent);
  measured.remarks.push_back(
      fmt::format("P = {}, 2x2, {} random wrong peer corrected, every round checked; beside: PyTorch {}, {} "
                  "processes of one "
                  "thread ({}), the best of {} repetitions a run. A product of 1024 x 1024: polydot {:.0f}, "
                  "PyTorch {:.0f} "
                  "GFLOP/s.",
                  plan.peers, corrected, rival->version, plan.peers, fmt::join(fair_environment(), " "),
                  kRepetitions, rival->own_product_speed, rival->product_speed));
  return measured;
}

}  // namespace polydot::bench
