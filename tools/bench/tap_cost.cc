#include "tools/bench/tap_cost.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "node/faults/injector.h"
#include "tools/bench/small_training.h"

namespace polydot::bench {

namespace {

constexpr int kRuns = 5;

enum class Tapped { kNo, kWithoutSpecs, kWaiting };

// CPU seconds of this thread. The simulator has no other.
double run(std::uint64_t steps, Tapped tapped) {
  std::vector<node::InjectSpec> specs;
  if (tapped == Tapped::kWaiting) {
    node::InjectSpec never;
    never.first_step = never.last_step = steps + 1;
    specs.push_back(never);
  }
  std::vector<std::unique_ptr<node::Injector>> injectors;
  std::vector<codes::FaultTap*> taps;
  for (int p = 0; p < kSmallPeers && tapped != Tapped::kNo; ++p) {
    injectors.push_back(node::Injector::make(specs, 1, p, "").value());
    taps.push_back(injectors.back().get());
  }
  simulator::SimCluster cluster(small_training(steps, 1), small_train_data(), small_test_data(), taps);
  const std::clock_t before = std::clock();
  POLYDOT_CHECK(cluster.run(1'000'000'000));
  return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

std::string tap_cost_table(bool full) {
  const std::uint64_t steps = full ? 1000 : 100;
  std::vector<double> none, empty, waiting;
  for (int k = 0; k < kRuns; ++k) {
    none.push_back(run(steps, Tapped::kNo));
    empty.push_back(run(steps, Tapped::kWithoutSpecs));
    waiting.push_back(run(steps, Tapped::kWaiting));
  }
  const double base = median(none);
  const auto row = [&](const char* name, std::vector<double> times) {
    const double least = *std::min_element(times.begin(), times.end());
    const double most = *std::max_element(times.begin(), times.end());
    return fmt::format("| {} | {:.3f} | {:.2f}-{:.2f} | {:.3f} |\n", name, median(times), least, most,
                       median(times) / base);
  };
  return fmt::format(
      "CPU time of {} steps of all ten peers together, {} alternating runs each.\n\n"
      "| | median, s | least-most | over that without tap |\n|---|--:|--:|--:|\n{}{}{}",
      steps, kRuns, row("no tap", none), row("injector, no spec for this peer", empty),
      row("injector, a spec for a step that never comes", waiting));
}

}  // namespace polydot::bench
