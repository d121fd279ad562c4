#include "tools/bench/stage_outcomes.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "dnn/strokes.h"
#include "node/injector.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::bench {

namespace {

using codes::PeerSet;
using node::FaultClass;

// Floors are learned in the first steps; a fault has until the next one to end.
constexpr std::uint64_t kLearnSteps = 20, kApart = 6, kAfter = 4;
// A shard that is named from so many steps after the fault on was not put right.
constexpr std::uint64_t kRepairedWithin = 4;
constexpr std::int64_t kLimitMs = 1'000'000'000;  // virtual: only a hang gets there
constexpr std::uint32_t kTrainCount = 3200, kTestCount = 64;

const dnn::Dataset& train_data() {
  static const dnn::Dataset data = dnn::make_strokes(dnn::StrokesPart::kTrain, kTrainCount);
  return data;
}

const dnn::Dataset& test_data() {
  static const dnn::Dataset data = [] {
    dnn::Dataset test = dnn::make_strokes(dnn::StrokesPart::kTest, kTestCount);
    test.set_standardisation(train_data().standardisation());
    return test;
  }();
  return data;
}

simulator::ClusterOptions training_of(const StageSetting& setting, std::uint64_t seed, std::uint64_t steps) {
  simulator::ClusterOptions options;
  options.code = codes::make_code(setting.code, setting.grid, setting.peers).value();
  options.plan.network =
      dnn::make_mlp(784, setting.hidden, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy)
          .value();
  options.network.seed = seed;
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  options.plan.batch = 64;
  options.plan.seed = seed;
  options.plan.total_steps = steps;
  options.plan.evaluate_each_epoch = false;
  return options;
}

// A run, its injectors and who watches it.
struct Run {
  std::vector<std::unique_ptr<node::Injector>> injectors;
  std::vector<RoundWatch> watches;
  std::unique_ptr<simulator::SimCluster> cluster;
};

Run run_watched(const StageSetting& setting, std::uint64_t seed, std::uint64_t steps,
                const std::vector<node::InjectSpec>& specs, ProductBook* kept, const ProductBook* compared) {
  Run run;
  std::vector<codes::FaultTap*> taps;
  std::vector<protocol::PeerObserver*> observers;
  run.watches.reserve(static_cast<std::size_t>(setting.peers));
  for (int p = 0; p < setting.peers; ++p) {
    run.injectors.push_back(node::Injector::make(specs, seed, p, "").value());
    taps.push_back(specs.empty() ? nullptr : run.injectors.back().get());
    run.watches.emplace_back(p, p == 0 ? kept : nullptr, compared);
    observers.push_back(&run.watches.back());
  }
  run.cluster = std::make_unique<simulator::SimCluster>(training_of(setting, seed, steps), train_data(),
                                                        test_data(), taps, observers);
  POLYDOT_CHECK(run.cluster->run(kLimitMs));
  return run;
}

// How one fault ended, from all that was seen between it and the next.
class Reading {
 public:
  Reading(const Run& run, const StagePlaces& places) : run_(run), places_(places) {}

  void read(PlacedFault& fault, std::uint64_t from, std::uint64_t to) const {
    const PeerSet victims = look_at_injections(fault);
    fault.expected = fault.fault_class == FaultClass::kErasure      ? FaultEnd::kErased
                     : fault.fault_class == FaultClass::kAboveFloor ? expected_end(fault.spec, places_)
                                                                    : FaultEnd::kBelowFloor;
    fault.end = end_of(fault, victims, from, to);
  }

 private:
  // Who was hit, and by what, at the worst.
  PeerSet look_at_injections(PlacedFault& fault) const {
    PeerSet victims;
    for (std::size_t p = 0; p < run_.injectors.size(); ++p)
      for (const node::Injection& one : run_.injectors[p]->injections()) {
        if (one.step != *fault.spec.first_step || one.stage != fault.spec.stage) continue;
        victims.insert(static_cast<int>(p));
        fault.fault_class = std::max(fault.fault_class, one.fault_class);
        fault.size_over_floor = std::max(fault.size_over_floor, one.size_over_floor);
      }
    return victims;
  }

  FaultEnd end_of(PlacedFault& fault, const PeerSet& victims, std::uint64_t from, std::uint64_t to) const {
    for (const RoundWatch& watch : run_.watches)
      for (const WrongProduct& wrong : watch.wrong_products)
        if (wrong.at.first >= from && wrong.at.first < to) {
          fault.remark = fmt::format("peer {} is {:.3g} off in step {}, slot {}", wrong.peer,
                                     wrong.difference, wrong.at.first, wrong.at.second & 0xff);
          // The victim's own decode is not what the others have.
          return FaultEnd::kWrongValue;
        }
    bool found = false, again = false;
    for (const RoundWatch& watch : run_.watches)
      for (const Named& named : watch.named) {
        if (named.key.step < from || named.key.step >= to) continue;
        if (!victims.contains(named.peer)) {
          fault.remark = fmt::format("peer {} names {} in step {}, layer {}, {}, {:.3g} thresholds",
                                     named.finder, named.peer, named.key.step, named.layer,
                                     name_of(named.part), named.size_over_floor);
          return FaultEnd::kWrongPeer;
        }
        found |= named.finder != named.peer && named.key.step <= from + 1;
        if (named.key.step > from + kRepairedWithin) {
          again = true;
          fault.remark =
              fmt::format("peer {} is named in step {}, layer {}, {}, {:.3g} thresholds", named.peer,
                          named.key.step, named.layer, name_of(named.part), named.size_over_floor);
        }
      }
    if (again) return FaultEnd::kStillWrong;
    if (fault.fault_class == FaultClass::kErasure) return FaultEnd::kErased;
    if (fault.fault_class != FaultClass::kAboveFloor) return FaultEnd::kBelowFloor;
    if (!found) return FaultEnd::kMissed;
    if (happened(victims, from, to, {"quarantined"})) return FaultEnd::kQuarantined;
    return happened(victims, from, to, {"repaired", "rebuilt", "cleaned"}) ? FaultEnd::kRepaired
                                                                           : FaultEnd::kCorrected;
  }

  bool happened(const PeerSet& to_whom, std::uint64_t from, std::uint64_t to,
                std::initializer_list<std::string_view> names) const {
    for (const RoundWatch& watch : run_.watches)
      for (const protocol::PeerEvent& event : watch.events)
        if (event.step >= from && event.step < to && to_whom.contains(event.peer) &&
            std::find(names.begin(), names.end(), event.name) != names.end())
          return true;
    return false;
  }

  const Run& run_;
  const StagePlaces places_;
};

// Of every shard that rounds use, decoded from everybody.
std::vector<std::vector<codes::Matrix>> weights_of(const Run& run, const codes::ProductCode& code) {
  std::vector<std::vector<codes::Matrix>> weights(code.shards.size());
  const codes::Index forward = code.pass(codes::PassKind::kForward).shard;
  for (std::size_t shard = 0; shard < code.shards.size(); ++shard)
    for (codes::Index layer = 0; layer < run.cluster->layer_count(); ++layer) {
      const auto at = static_cast<codes::Index>(shard);
      weights[shard].push_back(
          layer == 0 && at != forward
              ? codes::Matrix()
              : run.cluster->decoded_weights(layer, at, PeerSet::all(run.cluster->size())));
    }
  return weights;
}

double difference_of(const std::vector<std::vector<codes::Matrix>>& weights,
                     const std::vector<std::vector<codes::Matrix>>& right) {
  double largest = 0.0;
  for (std::size_t shard = 0; shard < right.size(); ++shard)
    for (std::size_t layer = 0; layer < right[shard].size(); ++layer) {
      if (right[shard][layer].size() == 0) continue;
      const double relative = static_cast<double>((weights[shard][layer] - right[shard][layer]).norm()) /
                              static_cast<double>(right[shard][layer].norm());
      largest = std::max(largest, std::isfinite(relative) ? relative : 1e30);
    }
  return largest;
}

codes::KernelCounts since(const codes::KernelCounts& before) {
  codes::KernelCounts now = codes::kernel_counts();
  now.rows_in_tiles -= before.rows_in_tiles, now.rows_by_eigen -= before.rows_by_eigen;
  now.columns_in_tiles -= before.columns_in_tiles, now.columns_by_eigen -= before.columns_by_eigen;
  now.gradients_in_tiles -= before.gradients_in_tiles, now.gradients_by_eigen -= before.gradients_by_eigen;
  return now;
}

}  // namespace

const std::vector<StageSetting>& stage_settings() {
  static const std::vector<StageSetting> settings = {
      {"polydot, 784-256-128-10", "polydot", {2, 2, 1}, 10, {256, 128}},
      {"mds, 784-256-128-10", "mds", {6, 6, 1}, 10, {256, 128}},
      {"three copies, 784-256-128-10", "replication", {2, 2, 1}, 12, {256, 128}},
      {"polydot, 784-1024-10", "polydot", {2, 2, 1}, 10, {1024}},
      {"mds, 784-1024-10", "mds", {6, 6, 1}, 10, {1024}},
      {"three copies, 784-1024-10", "replication", {2, 2, 1}, 12, {1024}},
  };
  return settings;
}

StageTwin::StageTwin(const StageSetting& setting, std::uint64_t seed, std::size_t most_faults)
    : setting_(setting),
      seed_(seed),
      steps_(kLearnSteps + most_faults * kApart + kAfter),
      most_faults_(most_faults) {
  const Run run = run_watched(setting, seed, steps_, {}, &products_, nullptr);
  for (const RoundWatch& watch : run.watches) POLYDOT_CHECK(watch.named.empty());
  weights_ = weights_of(run, training_of(setting, seed, steps_).code);
}

StageOutcomes run_outcomes(const StageTwin& twin, const std::vector<StageCell>& cells, std::size_t number) {
  POLYDOT_CHECK_LE(cells.size(), twin.most_faults());
  const StagePlaces places = twin.setting().places();
  StageOutcomes outcomes;
  std::vector<node::InjectSpec> specs;
  for (std::size_t k = 0; k < cells.size(); ++k) {
    PlacedFault& fault = outcomes.faults.emplace_back();
    fault.cell = cells[k];
    fault.spec = placed(cells[k], number, kLearnSteps + k * kApart, places);
    specs.push_back(fault.spec);
  }
  const codes::KernelCounts before = codes::kernel_counts();
  const Run run = run_watched(twin.setting(), twin.seed(), twin.steps(), specs, nullptr, &twin.products());
  outcomes.kernels = since(before);
  outcomes.weight_difference = difference_of(
      weights_of(run, training_of(twin.setting(), twin.seed(), twin.steps()).code), twin.weights());
  const Reading reading(run, places);
  for (std::size_t k = 0; k < cells.size(); ++k) {
    PlacedFault& fault = outcomes.faults[k];
    const std::uint64_t from = *fault.spec.first_step;
    reading.read(fault, from, k + 1 == cells.size() ? twin.steps() : from + kApart);
    for (int p = 0; p < twin.setting().peers; ++p) {
      const protocol::Peer& peer = run.cluster->peer(p);
      const std::uint64_t done = peer.status().key.step;
      if (peer.failure() && done >= from && done < from + kApart) {
        fault.end = FaultEnd::kRefused;
        fault.remark = fmt::format("peer {}: {}", p, peer.failure()->message);
      }
    }
  }
  return outcomes;
}

}  // namespace polydot::bench
