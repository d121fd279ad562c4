// What it costs that peers are wrong: in every round of every step two of ten, in one and the same entry.
#include <fmt/format.h>

#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

constexpr int kPeers = 10, kWrong = 2;
// Of the exponent: off by the value itself at least, so that it is located, but not so far that it stands
// out by its size alone.
constexpr int kBit = 26;

// The pairs take turns: nobody is wrong so often that it is left out.
std::vector<std::string> faults(std::uint64_t steps) {
  std::vector<std::string> specs;
  for (int first = 0; first < kPeers; first += kWrong)
    specs.push_back(fmt::format("product:bitflip:bit={}:row=0:col=0:steps={}-{}:every={}:peer={}+{}", kBit,
                                first / kWrong, steps, kPeers / kWrong, first, first + 1));
  return specs;
}

struct Injected {
  std::uint64_t count = 0, above_floor = 0, missed = 0;
};

// Whether two peers were wrong all the time, and located.
Result<Injected> injected_in(const ClusterRun& run) {
  const nlohmann::json& faults = run.summary.at("faults");
  const Injected injected{faults.at("injected"), faults.at("above_floor"), faults.at("missed")};
  const std::uint64_t left_out = faults.at("left_out");
  if (injected.count < kWrong * run.profile.steps || 10 * injected.above_floor < 9 * injected.count ||
      injected.missed > 0 || left_out > 0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("of {} faults {} were above the noise floor, of these {} missed and {} left "
                               "out: not what is measured",
                               injected.count, injected.above_floor, injected.missed, left_out)};
  return injected;
}

}  // namespace

Result<Measured> measure_faulty(const SpeedBench& bench) {
  Measured measured;
  Injected all;
  for (const Index hidden : {1024, 2048}) {
    ClusterPlan clean{.peers = kPeers, .hidden = bench.two_hidden(hidden)};
    clean.steps = hidden == 1024 ? bench.steps(40, 100) : bench.steps(15, 50);
    ClusterPlan faulty = clean;
    faulty.inject = faults(faulty.steps);
    std::vector<double> wall[2], cpu[2];
    for (int k = 0; k < bench.pairs(); ++k) {
      const auto with = bench.run(faulty);
      if (!with) return with.failure();
      const auto injected = injected_in(*with);
      if (!injected) return injected.failure();
      all.count += injected->count, all.above_floor += injected->above_floor;
      const auto without = bench.run(clean);
      if (!without) return without.failure();
      wall[0].push_back(with->profile.wall_ms), wall[1].push_back(without->profile.wall_ms);
      cpu[0].push_back(with->profile.process_cpu_ms), cpu[1].push_back(without->profile.process_cpu_ms);
    }
    measured.rows.push_back({6, fmt::format("step with 2 wrong peers over a clean one, hidden {}", hidden),
                             "ms", ratio_of(wall[0], wall[1]), 1.6, 1.3});
    measured.rows.push_back({6,
                             fmt::format("processor time of the same, hidden {}", hidden),
                             "ms",
                             ratio_of(cpu[0], cpu[1]),
                             {},
                             {}});
  }
  measured.remarks.push_back(
      fmt::format("P = {}, 2x2; bit {} of entry (0, 0) of the product flipped in every round at {} peers "
                  "that take turns: {} "
                  "flips, {} of them surely locatable, all of these located. Injecting is in the figure.",
                  kPeers, kBit, kWrong, all.count, all.above_floor));
  return measured;
}

}  // namespace polydot::bench
