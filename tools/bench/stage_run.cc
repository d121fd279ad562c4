#include "tools/bench/stage_run.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "tools/bench/small_training.h"
#include "tools/bench/stage_score.h"

namespace polydot::bench {

namespace {

constexpr std::int64_t kLimitMs = 1'000'000'000;  // virtual: only a hang gets there

WatchedRun run_watched(std::uint64_t seed, const std::vector<node::InjectSpec>& specs, ProductBook* kept,
                       const ProductBook* compared) {
  WatchedRun run;
  std::vector<codes::FaultTap*> taps;
  std::vector<protocol::PeerObserver*> observers;
  run.watches.reserve(kSmallPeers);
  for (int p = 0; p < kSmallPeers; ++p) {
    run.injectors.push_back(node::Injector::make(specs, seed, p, "").value());
    taps.push_back(specs.empty() ? nullptr : run.injectors.back().get());
    run.watches.emplace_back(p, p == 0 ? kept : nullptr, compared);
    observers.push_back(&run.watches.back());
  }
  run.cluster = std::make_unique<simulator::SimCluster>(
      small_training(kStepsOfARun, seed), small_train_data(), small_test_data(), taps, observers);
  run.ended = run.cluster->run(kLimitMs);
  return run;
}

}  // namespace

CellCounts& CellCounts::operator+=(const CellCounts& other) {
  placed += other.placed, injected += other.injected;
  above += other.above, near += other.near, below += other.below, masked += other.masked,
      erasures += other.erasures;
  found += other.found, undone += other.undone;
  observations += other.observations, observations_missed += other.observations_missed;
  found_near += other.found_near, found_below += other.found_below, steps += other.steps;
  committed_wrong += other.committed_wrong;
  wrong_peer += other.wrong_peer, false_alarms += other.false_alarms, misled += other.misled;
  late += other.late;
  miscorrections += other.miscorrections, wrong_weights += other.wrong_weights, refused += other.refused;
  recomputed += other.recomputed, operands += other.operands, rollbacks += other.rollbacks;
  repairs += other.repairs, rebuilds += other.rebuilds, gave_up += other.gave_up;
  checksums += other.checksums, unexplained_scrubs += other.unexplained_scrubs;
  product_difference = std::max(product_difference, other.product_difference);
  weight_difference = std::max(weight_difference, other.weight_difference);
  return *this;
}

CleanRun run_clean(std::uint64_t seed) {
  CleanRun clean;
  const WatchedRun run = run_watched(seed, {}, &clean.products, nullptr);
  POLYDOT_CHECK(run.ended);
  for (const RoundWatch& watch : run.watches) POLYDOT_CHECK(watch.named.empty());
  for (codes::Index l = 0; l < kSmallLayers; ++l)
    clean.weights.push_back(run.cluster->decoded_weights(l, 0, codes::PeerSet::all(kSmallPeers)));
  return clean;
}

void run_cell(std::uint64_t seed, std::size_t first, std::size_t count, const CleanRun& clean,
              CellOutcome& outcome) {
  std::vector<node::InjectSpec> specs;
  for (std::size_t k = 0; k < count; ++k)
    specs.push_back(placed(outcome.cell, first + k, kFirstStep + k * kStepsApart));
  const WatchedRun run = run_watched(seed, specs, nullptr, &clean.products);
  score_run(seed, run, specs, clean, outcome);
}

}  // namespace polydot::bench
