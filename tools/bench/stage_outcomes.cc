#include "tools/bench/stage_outcomes.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dnn/data/strokes.h"
#include "node/faults/injector.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::bench {

namespace {

using codes::PeerSet;
using node::FaultClass;

// Floors are learned in the first steps; a fault has until the next one to end, and what it left behind has
// until the run's end.
constexpr std::uint64_t kLearnSteps = 20, kApart = 6, kAfter = 12;
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

  // In the order of their steps.
  void read(PlacedFault& fault, std::uint64_t from, std::uint64_t to) {
    const std::vector<Struck> struck = injections_of(fault);
    PeerSet victims, wanted;
    for (const Struck& one : struck) {
      victims.insert(one.peer);
      fault.fault_class = std::max(fault.fault_class, one.injection->fault_class);
      fault.size_over_floor = std::max(fault.size_over_floor, one.injection->size_over_floor);
    }
    for (const std::int64_t p : fault.spec.peers) wanted.insert(static_cast<int>(p));
    const bool shows = fault.counts() || must_show(fault.spec);
    fault.expected =
        shows ? expected_end(fault.spec, places_, names_a_shard(struck, from)) : FaultEnd::kBelowFloor;
    fault.end = victims == wanted ? end_of(fault, struck, victims, from, to) : FaultEnd::kNotInjected;
    for (const auto& [peer, injection] : struck)
      for (const codes::Index layer : updated_layers(*injection)) may_be_wrong_.insert({peer, layer});
  }

 private:
  struct Struck {
    int peer = 0;
    const node::Injection* injection = nullptr;
  };

  std::vector<Struck> injections_of(const PlacedFault& fault) const {
    std::vector<Struck> struck;
    for (std::size_t p = 0; p < run_.injectors.size(); ++p)
      for (const node::Injection& one : run_.injectors[p]->injections())
        if (one.step == *fault.spec.first_step && one.stage == fault.spec.stage)
          struck.push_back({static_cast<int>(p), &one});
    return struck;
  }

  // Whether a scrub of another peer accuses a shard that the fault may be in, until it has to be repaired.
  bool names_a_shard(const std::vector<Struck>& struck, std::uint64_t from) const {
    for (const RoundWatch& watch : run_.watches)
      for (const Named& named : watch.named)
        for (const auto& [peer, injection] : struck)
          if (named.peer == peer && named.finder != peer && named.part != protocol::RoundPart::kProduct &&
              named.key.step >= from && named.key.step <= from + kRepairedWithin &&
              has(updated_layers(*injection), named.layer))
            return true;
    return false;
  }

  FaultEnd end_of(PlacedFault& fault, const std::vector<Struck>& struck, const PeerSet& victims,
                  std::uint64_t from, std::uint64_t to) const {
    for (const RoundWatch& watch : run_.watches)
      for (const WrongProduct& wrong : watch.wrong_products)
        if (wrong.at.first >= from && wrong.at.first < to) {
          fault.remark = fmt::format("peer {} is {:.3g} off in step {}, slot {}", wrong.peer,
                                     wrong.difference, wrong.at.first, wrong.at.second & 0xff);
          // The victim's own decode is not what the others have.
          return FaultEnd::kWrongValue;
        }
    bool found = false;
    for (const RoundWatch& watch : run_.watches)
      for (const Named& named : watch.named) {
        if (named.key.step < from || named.key.step >= to) continue;
        // What an earlier fault left in a shard is read with that fault.
        if (!victims.contains(named.peer) && !may_be_wrong_.contains({named.peer, named.layer})) {
          fault.remark = text_of(named);
          return FaultEnd::kWrongPeer;
        }
        found |= victims.contains(named.peer) && named.finder != named.peer && named.key.step <= from + 1;
      }
    if (fault.fault_class == FaultClass::kErasure) return end_of_erasure(fault, victims, from);
    if (fault.fault_class != FaultClass::kAboveFloor) return FaultEnd::kBelowFloor;
    if (!found) return FaultEnd::kMissed;
    for (const int p : victims.members())
      if (happened(p, from, to, {"quarantined"}, [](const auto&) { return true; }))
        return FaultEnd::kQuarantined;
    const bool repaired = is_repaired(fault, struck, from, to);
    const std::optional<Named> last = named_late(struck, from);
    if (!last) return repaired ? FaultEnd::kRepaired : FaultEnd::kCorrected;
    fault.remark = text_of(*last);
    const auto of_layer = [&](const auto& event) { return event.layer == last->layer; };
    const bool cleaned = happened(last->peer, last->key.step, run_.cluster->program(0).steps_done() + 1,
                                  {"cleaned"}, of_layer);
    fault.remark += cleaned ? "; cleaned then" : "; not cleaned";
    // A repair is due where a scrub has named the shard.
    return cleaned && (repaired || !names_a_shard(struck, from)) ? FaultEnd::kRestCleaned
                                                                 : FaultEnd::kStillWrong;
  }

  // The last time that a shard which the fault may be in was named, later than it had to be right, and before
  // the next fault of that peer.
  std::optional<Named> named_late(const std::vector<Struck>& struck, std::uint64_t from) const {
    std::optional<Named> last;
    for (const auto& [peer, injection] : struck) {
      std::uint64_t end = ~std::uint64_t{0};
      for (const node::Injection& later : run_.injectors[static_cast<std::size_t>(peer)]->injections())
        if (later.step > from) end = std::min(end, later.step);
      for (const RoundWatch& watch : run_.watches)
        for (const Named& named : watch.named)
          if (named.peer == peer && named.key.step > from + kRepairedWithin && named.key.step < end &&
              has(updated_layers(*injection), named.layer) && (!last || last->key < named.key))
            last = named;
    }
    return last;
  }

  static bool has(const std::vector<codes::Index>& layers, codes::Index layer) {
    return std::find(layers.begin(), layers.end(), layer) != layers.end();
  }

  // Lost, if everybody else refused the frame by its checksum, and nobody found anything in the numbers.
  FaultEnd end_of_erasure(PlacedFault& fault, const PeerSet& victims, std::uint64_t step) const {
    for (const RoundWatch& watch : run_.watches)
      for (const Named& named : watch.named)
        if (named.key.step == step && named.key.slot == *fault.spec.slot) {
          fault.remark = text_of(named);
          return FaultEnd::kCorrected;
        }
    for (const int victim : victims.members())
      for (std::size_t p = 0; p < run_.watches.size(); ++p) {
        const auto& events = run_.watches[p].events;
        // A frame may come before its receiver has begun that step.
        const bool refused = std::any_of(events.begin(), events.end(), [&](const auto& event) {
          return event.peer == victim && event.step + 1 >= step && event.step <= step + 1 &&
                 std::string_view(event.name) == "wrong_checksum";
        });
        if (refused || static_cast<int>(p) == victim) continue;
        fault.remark = fmt::format("peer {} refused nothing of peer {}", p, victim);
        return FaultEnd::kMissed;
      }
    return FaultEnd::kErased;
  }

  // Each shard that was hit; or, where operands were, one of a layer that they are used in. That everybody
  // was told to clean theirs does not count.
  bool is_repaired(PlacedFault& fault, const std::vector<Struck>& struck, std::uint64_t from,
                   std::uint64_t to) const {
    for (const auto& [peer, injection] : struck) {
      if (injection->fault_class != FaultClass::kAboveFloor) continue;
      const std::vector<codes::Index> layers = updated_layers(*injection);
      const bool right = happened(peer, from, to, {"repaired", "rebuilt"}, [&](const auto& event) {
        return has(layers, event.layer) && (!is_stored(injection->stage) || event.shard == injection->shard);
      });
      if (right) continue;
      fault.remark = fmt::format(
          "peer {}: layer {}, shard {} was not repaired{}", peer, injection->layer, injection->shard,
          happened(peer, from, to, {"cleaned"}, [](const auto&) { return true; }) ? ", only cleaned" : "");
      return false;
    }
    return true;
  }

  template <typename Is>
  bool happened(int peer, std::uint64_t from, std::uint64_t to, std::initializer_list<std::string_view> names,
                Is is_it) const {
    for (const RoundWatch& watch : run_.watches)
      for (const protocol::PeerEvent& event : watch.events)
        if (event.step >= from && event.step < to && event.peer == peer &&
            std::find(names.begin(), names.end(), event.name) != names.end() && is_it(event))
          return true;
    return false;
  }

  static std::string text_of(const Named& named) {
    return fmt::format("peer {} names {} in step {}, layer {}, {}, {:.3g} thresholds", named.finder,
                       named.peer, named.key.step, named.layer, name_of(named.part), named.size_over_floor);
  }

  const Run& run_;
  const StagePlaces places_;
  // Peers and layers in whose shards something may be left, of the faults so far.
  std::set<std::pair<int, codes::Index>> may_be_wrong_;
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

StageOutcomes run_outcomes(const StageTwin& twin, const std::vector<NumberedCell>& cells) {
  POLYDOT_CHECK_LE(cells.size(), twin.most_faults());
  const StagePlaces places = twin.setting().places();
  StageOutcomes outcomes;
  std::vector<node::InjectSpec> specs;
  for (std::size_t k = 0; k < cells.size(); ++k) {
    PlacedFault& fault = outcomes.faults.emplace_back();
    fault.which = cells[k];
    fault.spec = placed(cells[k].cell, cells[k].number, kLearnSteps + k * kApart, places);
    specs.push_back(fault.spec);
  }
  const codes::KernelCounts before = codes::kernel_counts();
  const Run run = run_watched(twin.setting(), twin.seed(), twin.steps(), specs, nullptr, &twin.products());
  outcomes.kernels = since(before);
  outcomes.weight_difference = difference_of(
      weights_of(run, training_of(twin.setting(), twin.seed(), twin.steps()).code), twin.weights());
  Reading reading(run, places);
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
