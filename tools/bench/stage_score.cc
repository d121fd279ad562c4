#include "tools/bench/stage_score.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "codes/decode/set_decoder.h"
#include "dnn/operations/random.h"
#include "tools/bench/small_training.h"

namespace polydot::bench {

namespace {

using codes::PeerSet;
using node::FaultClass;
using node::Injection;
using PlaceOfBlame = std::pair<codes::RoundKey, protocol::RoundPart>;

std::string describe(std::uint64_t seed, const node::InjectSpec& spec, const Injection* injection) {
  std::string text = fmt::format("seed {}, `{}`", seed, node::to_text(spec));
  if (injection != nullptr)
    text += fmt::format(" ({}, {:.3g} thresholds, row {}, col {}, {} elements, {:g} -> {:g})",
                        node::name_of(injection->fault_class), injection->size_over_floor, injection->row,
                        injection->col, injection->count, static_cast<double>(injection->before),
                        static_cast<double>(injection->after));
  return text;
}

// One placed injection, at one peer: what the injector says of it; of an attempt after the other the worst.
const Injection* injection_of(const WatchedRun& run, int peer, std::uint64_t step) {
  const Injection* worst = nullptr;
  for (const Injection& one : run.injectors[static_cast<std::size_t>(peer)]->injections())
    if (one.step == step && (worst == nullptr || one.fault_class > worst->fault_class)) worst = &one;
  return worst;
}

class Score {
 public:
  Score(std::uint64_t seed, const WatchedRun& run, CellOutcome& outcome)
      : seed_(seed), run_(run), counts_(outcome.counts), remarks_(outcome.remarks) {
    for (const RoundWatch& watch : run.watches)
      named_.insert(named_.end(), watch.named.begin(), watch.named.end());
  }

  // Also of what came before the first injection, and long after the last.
  void injection(const node::InjectSpec& spec, std::uint64_t from, std::uint64_t to) {
    ++counts_.placed;
    PeerSet victims;
    const Injection* any = nullptr;
    for (std::int64_t peer : spec.peers) {
      const int victim = static_cast<int>(peer);
      const Injection* injection = injection_of(run_, victim, *spec.first_step);
      if (injection == nullptr) continue;
      victims.insert(victim);
      any = injection;
    }
    for (int victim : victims.members())
      classify(spec, victim, *injection_of(run_, victim, *spec.first_step), victims);
    blames(spec, any, victims, from, to);
    wrong_values(spec, any, from, to);
  }

  void whole_run(const CleanRun& clean) {
    std::uint64_t recomputed = 0, rollbacks = 0;
    std::size_t failed = 0;
    for (int p = 0; p < kSmallPeers; ++p) {
      const protocol::Peer& peer = run_.cluster->peer(p);
      const protocol::Status& status = peer.status();
      if (peer.failure()) {
        ++failed;
        remarks_.push_back(fmt::format("seed {}: peer {}: {}", seed_, p, peer.failure()->message));
      }
      recomputed = std::max(recomputed, status.recomputed_rounds);
      rollbacks = std::max(rollbacks, status.rollbacks);
      counts_.operands += status.operands_recomputed;
      counts_.repairs += status.repairs;
      counts_.rebuilds += status.rebuilds;
      counts_.checksums += status.wrong_checksums;
      counts_.unexplained_scrubs += status.unexplained_scrubs;
      const RoundWatch& watch = run_.watches[static_cast<std::size_t>(p)];
      counts_.product_difference = std::max(counts_.product_difference, watch.largest_difference);
      for (const protocol::PeerEvent& event : watch.events)
        counts_.gave_up += std::string_view(event.name) == "gave up";
    }
    counts_.recomputed += recomputed;
    counts_.rollbacks += rollbacks;
    counts_.refused += failed;
    if (!run_.ended) remarks_.push_back(fmt::format("seed {}: hangs", seed_));
    weights(clean);
  }

 private:
  void classify(const node::InjectSpec& spec, int victim, const Injection& injection,
                const PeerSet& victims) {
    ++counts_.injected;
    counts_.masked += injection.fault_class == FaultClass::kMasked;
    counts_.near += injection.fault_class == FaultClass::kNearFloor;
    counts_.below += injection.fault_class == FaultClass::kBelowFloor;
    counts_.erasures += injection.fault_class == FaultClass::kErasure;
    const Seen seen = seen_of(victim, injection, victims);
    if (injection.fault_class != FaultClass::kAboveFloor) {
      counts_.found_near += seen.anybody && injection.fault_class == FaultClass::kNearFloor;
      counts_.found_below += seen.anybody && injection.fault_class != FaultClass::kNearFloor;
      return;
    }
    ++counts_.above;
    counts_.observations += seen.observers;
    counts_.observations_missed += seen.missed.size();
    if (seen.observers > 0 && seen.missed.empty()) {
      ++counts_.found;
      counts_.steps += injection.found_step - injection.step;
      return;
    }
    counts_.undone += seen.observers == 0;
    remarks_.push_back((seen.observers == 0
                            ? std::string("undone: ")
                            : fmt::format("missed by {} of {}: ", seen.missed.size(), seen.observers)) +
                       describe(seed_, spec, &injection));
  }

  struct Seen {
    bool anybody = false;  // located the victim where it must show
    int observers = 0;
    PeerSet missed;  // of those
  };
  // As node/records/run_score.h counts, but by injections of known peers.
  Seen seen_of(int victim, const Injection& injection, const PeerSet& victims) const {
    const auto is_there = [&](const codes::RoundKey& key) {
      return key.step == injection.found_step && key.slot == injection.found_slot &&
             key.epoch == injection.found_epoch;
    };
    const codes::Stage stage = injection.stage;
    const bool is_stored = stage == codes::Stage::kWeights || stage == codes::Stage::kOptimizer ||
                           stage == codes::Stage::kUpdate;
    const bool in_any_attempt =
        is_stored || (injection.lasting && injection.model != node::FaultModel::kSticky);
    const auto located = [&](int finder, const codes::RoundKey& key) {
      return std::any_of(named_.begin(), named_.end(), [&](const Named& named) {
        return named.finder == finder && named.peer == victim && named.key == key;
      });
    };
    Seen seen;
    for (int p = 0; p < kSmallPeers; ++p) {
      if (victims.contains(p)) continue;
      bool is_observer = false, found = false;
      for (const Judged& round : run_.watches[static_cast<std::size_t>(p)].judged) {
        const bool shows = in_any_attempt || round.key.attempt == injection.found_attempt;
        if (!round.delivered || !shows || !is_there(round.key) || !round.present.contains(victim)) continue;
        is_observer = true;
        found = found || located(p, round.key);
      }
      seen.anybody = seen.anybody || found;
      seen.observers += is_observer;
      if (is_observer && !found) seen.missed.insert(p);
    }
    return seen;
  }

  // Whoever was located and was not injected. A remark for each peer, with the first place.
  void blames(const node::InjectSpec& spec, const Injection* injection, const PeerSet& victims,
              std::uint64_t from, std::uint64_t to) {
    std::map<std::pair<std::string, int>, std::pair<std::set<PlaceOfBlame>, const Named*>> told;
    for (const Named& named : named_) {
      if (named.key.step < from || named.key.step >= to) continue;
      if (victims.contains(named.peer) && named.key.step <= *spec.first_step + 1) continue;
      auto& [places, first] = told[{kind_of(named, spec, victims), named.peer}];
      places.emplace(named.key, named.part);
      if (first == nullptr || named.key < first->key) first = &named;
    }
    for (const auto& [kind, blame] : told) {
      const auto& [places, first] = blame;
      count_of(kind.first) += places.size();
      remarks_.push_back(fmt::format(
          "{}: peer {} in {} places, first by {} in step {}, slot {}, attempt {}, layer {}, {}, {:.3g} "
          "thresholds: {}",
          kind.first, kind.second, places.size(), first->finder, first->key.step, first->key.slot & 0xff,
          first->key.attempt, first->layer, name_of(first->part), first->size_over_floor,
          describe(seed_, spec, injection)));
    }
  }

  std::string kind_of(const Named& named, const node::InjectSpec& spec, const PeerSet& victims) const {
    if (is_lasting(named)) return "late";
    if (victims.empty() || named.key.step < *spec.first_step) return "false alarm";
    return victims.contains(named.finder) ? "misled" : "wrong peer";
  }
  std::size_t& count_of(const std::string& kind) {
    return kind == "late"          ? counts_.late
           : kind == "false alarm" ? counts_.false_alarms
           : kind == "misled"      ? counts_.misled
                                   : counts_.wrong_peer;
  }

  // What an earlier injection at that peer has left in its shard, be it below the floor, and nothing has put
  // right since. A repair of the lines that showed leaves the others.
  bool is_lasting(const Named& named) const {
    const auto& injections = run_.injectors[static_cast<std::size_t>(named.peer)]->injections();
    return std::any_of(injections.begin(), injections.end(), [&](const Injection& one) {
      const bool leaves_nothing = one.stage == codes::Stage::kEncode || one.stage == codes::Stage::kProduct ||
                                  one.stage == codes::Stage::kContribution;
      return !leaves_nothing && one.step < named.key.step && !is_mended(one, named);
    });
  }
  bool is_mended(const Injection& injection, const Named& named) const {
    const auto& events = run_.watches[static_cast<std::size_t>(named.peer)].events;
    const bool stored = injection.stage == codes::Stage::kWeights ||
                        injection.stage == codes::Stage::kOptimizer ||
                        injection.stage == codes::Stage::kUpdate;
    const bool one_line = stored && injection.count == 1;
    return std::any_of(events.begin(), events.end(), [&](const protocol::PeerEvent& event) {
      const std::string_view name = event.name;
      const bool all = name == "rebuilt" || (name == "repaired" && one_line);
      return all && event.layer == named.layer && event.step > injection.step && event.step < named.key.step;
    });
  }

  void wrong_values(const node::InjectSpec& spec, const Injection* injection, std::uint64_t from,
                    std::uint64_t to) {
    const WrongProduct* first = nullptr;
    PeerSet peers;
    for (const RoundWatch& watch : run_.watches)
      for (const WrongProduct& wrong : watch.wrong_products) {
        if (wrong.at.first < from || wrong.at.first >= to) continue;
        counts_.committed_wrong += !(wrong.difference <= RoundWatch::kCommittedWrong);
        peers.insert(wrong.peer);
        if (first == nullptr || wrong.at < first->at) first = &wrong;
      }
    if (first == nullptr) return;
    ++counts_.miscorrections;
    remarks_.push_back(fmt::format("wrong value: {:.3g} at {} peers (first: peer {}, step {}, slot {}): {}",
                                   first->difference, peers.size(), first->peer, first->at.first,
                                   first->at.second & 0xff, describe(seed_, spec, injection)));
  }

  // From the shards of all that finished, and from smaller sets that decode well.
  void weights(const CleanRun& clean) {
    constexpr int kSets = 3, kSetSize = 7;
    constexpr double kLargestGain = 10.0;
    const codes::LinearCode code = small_training(0, 1).code.shards.front().as_code();
    PeerSet finished;
    for (int p = 0; p < kSmallPeers; ++p)
      if (!run_.cluster->peer(p).failure()) finished.insert(p);
    if (finished.size() < kSetSize) return;
    std::vector<PeerSet> sets = {finished};
    dnn::Random random(seed_, dnn::RandomStream::kFaults, 99);
    while (sets.size() <= kSets) {
      PeerSet set = sets.front();
      while (set.size() > kSetSize) set.erase(static_cast<int>(random.below(kSmallPeers)));
      if (codes::gain_of(code, codes::VectorD::Ones(kSmallPeers), set) <= kLargestGain) sets.push_back(set);
    }
    double largest = 0.0;
    for (const PeerSet& set : sets)
      largest = std::max(largest, weight_difference(*run_.cluster, set, clean.weights));
    counts_.weight_difference = std::max(counts_.weight_difference, largest);
    if (largest <= RoundWatch::kTolerance) return;
    ++counts_.wrong_weights;
    remarks_.push_back(fmt::format("seed {}: the weights end {:.3g} off", seed_, largest));
  }

  std::uint64_t seed_;
  const WatchedRun& run_;
  CellCounts& counts_;
  std::vector<std::string>& remarks_;
  std::vector<Named> named_;
};

}  // namespace

void score_run(std::uint64_t seed, const WatchedRun& run, const std::vector<node::InjectSpec>& specs,
               const CleanRun& clean, CellOutcome& outcome) {
  Score score(seed, run, outcome);
  for (std::size_t k = 0; k < specs.size(); ++k) {
    const std::uint64_t step = kFirstStep + k * kStepsApart;
    score.injection(specs[k], k == 0 ? 0 : step, k + 1 == specs.size() ? kStepsOfARun : step + kStepsApart);
  }
  score.whole_run(clean);
}

}  // namespace polydot::bench
