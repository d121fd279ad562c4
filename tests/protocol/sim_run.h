// A small training in a simulated cluster, watched round by round, for comparison with the uncoded reference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codes/families/factories.h"
#include "dnn/reference/reference_training.h"
#include "tests/dnn/synthetic_data.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::simulator::testing {

using codes::Index;
using codes::PeerSet;

inline constexpr double kWeightTolerance = 1e-4;  // relative, over all weights together

// One peer located in one judged round.
struct Located {
  codes::RoundKey key;
  Index layer = 0;
  bool training = true;
  int peer = 0;
  friend auto operator<=>(const Located&, const Located&) = default;
};

// Keeps what a peer reports.
class Watch : public protocol::PeerObserver {
 public:
  void on_started(std::int64_t) override { ++started; }
  void on_notice(const std::string& line) override { notices.push_back(line); }
  void on_round(const protocol::RoundReport& report) override {
    const codes::RoundVerdict& verdict = *report.verdict;
    ++states[verdict.state];
    ++(report.training ? training_rounds : evaluation_rounds);
    loud_rounds += verdict.active_entries > 0;
    present.insert(report.present.size());
    if (verdict.state == codes::RoundState::kChecked) used[report.key] = report.present;
    if (verdict.state == codes::RoundState::kChecked && report.training && report.key.step == keep_step)
      products[report.key.slot] = verdict.product;
    for (const codes::Finding& finding : verdict.findings)
      located.push_back({report.key, report.layer, report.training, finding.peer});
    if (report.scrubs == nullptr) return;
    for (const protocol::ScrubReport& scrub : *report.scrubs) {
      scrub_findings += scrub.verdict.findings.size();
      for (const codes::Finding& finding : scrub.verdict.findings)
        scrubbed.push_back({report.key, report.layer, report.training, finding.peer});
      if (scrub.part == protocol::RoundPart::kMomentum && report.layer == 0)
        momentum_thresholds[report.key.step] = scrub.threshold;
    }
  }
  void on_event(const protocol::PeerEvent& event) override { events.push_back(event); }
  std::size_t count_of(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [&](const protocol::PeerEvent& event) { return event.name == name; }));
  }
  PeerSet blamed() const {
    PeerSet peers;
    for (const Located& one : located) peers.insert(one.peer);
    return peers;
  }

  std::optional<std::uint64_t> keep_step;           // of which the products are kept
  std::map<std::uint32_t, codes::Matrix> products;  // by slot: taken for checked
  int started = 0;
  std::map<codes::RoundState, std::uint64_t> states;  // of every judged round
  std::uint64_t training_rounds = 0, evaluation_rounds = 0;
  std::uint64_t loud_rounds = 0;            // something above the floor
  std::map<codes::RoundKey, PeerSet> used;  // by round: whose contributions it was checked with
  std::set<int> present;                    // how many contributions rounds were judged with
  std::vector<Located> located;
  std::size_t scrub_findings = 0;
  std::vector<Located> scrubbed;  // by scrubs alone
  std::vector<protocol::PeerEvent> events;
  std::map<std::uint64_t, double> momentum_thresholds;  // of the first layer, by step
  std::vector<std::string> notices;
};

// Calls a function at every tap point, and counts what it did.
class FunctionTap : public codes::FaultTap {
 public:
  // Returns true if it changed `live`.
  using Act = std::function<bool(const codes::TapPoint&, Eigen::Ref<codes::Matrix>)>;
  explicit FunctionTap(Act act) : act_(std::move(act)) {}
  void visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) override {
    fired += act_(point, live);
  }
  int fired = 0;

 private:
  Act act_;
};

inline const dnn::Dataset& train_data() {
  static const dnn::Dataset data = dnn::testing::synthetic_data(20, 640, 5, 1);
  return data;
}
inline const dnn::Dataset& test_data() {
  static const dnn::Dataset data = dnn::testing::synthetic_data(20, 90, 5, 2);
  return data;
}

inline codes::ProductCode code_of(const std::string& name, codes::Grid grid, Index peers) {
  auto code = codes::make_code(name, grid, peers);
  if (!code.ok()) std::cerr << code.failure().message << std::endl;
  return std::move(code).value();
}

// 20-16-12-5, ten peers, 2x2: 20 steps an epoch, five rounds a step, an evaluation of two batches each epoch.
inline ClusterOptions small_training(std::uint64_t steps,
                                     const codes::ProductCode& code = code_of("polydot", {2, 2, 1}, 10)) {
  ClusterOptions options;
  options.code = code;
  options.plan.network =
      *dnn::make_mlp(20, {16, 12}, 5, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  options.plan.optimizer.learning_rate = 0.02;
  options.plan.batch = 32;
  options.plan.eval_batch = 50;
  options.plan.total_steps = steps;
  return options;
}

inline NetworkOptions bad_network(std::uint64_t seed, double loss = 0.1) {
  NetworkOptions network;
  network.seed = seed;
  network.loss = loss;
  network.least_delay_ms = 1;
  network.most_delay_ms = 30;
  return network;
}

// A cluster and who watches it.
class SimRun {
 public:
  static constexpr std::int64_t kForEverMs = 600'000;  // virtual: only a hang gets there

  explicit SimRun(ClusterOptions options, const std::vector<codes::FaultTap*>& taps = {},
                  const dnn::Dataset& train = train_data(), const dnn::Dataset& test = test_data())
      : options_(std::move(options)),
        train_(train),
        test_(test),
        watches_(static_cast<std::size_t>(options_.code.peers())) {
    std::vector<protocol::PeerObserver*> observers;
    for (Watch& watch : watches_) observers.push_back(&watch);
    cluster_ = std::make_unique<SimCluster>(options_, train_, test_, taps, observers);
  }

  void run() { ASSERT_TRUE(cluster_->run(kForEverMs)) << "somebody hangs"; }
  SimCluster& cluster() { return *cluster_; }
  protocol::Peer& peer(int p) { return cluster_->peer(p); }
  Watch& watch(int p) { return watches_[static_cast<std::size_t>(p)]; }
  const Watch& watch(int p) const { return watches_[static_cast<std::size_t>(p)]; }
  PeerSet everybody() const { return PeerSet::all(cluster_->size()); }

  // All of `peers` have done every step and ended without a failure.
  void expect_finished(const PeerSet& peers) {
    for (int p : peers.members()) {
      EXPECT_EQ(peer(p).status().phase, protocol::PeerPhase::kEnded) << "peer " << p;
      EXPECT_FALSE(peer(p).failure()) << "peer " << p << ": " << peer(p).failure()->message;
      EXPECT_EQ(cluster_->program(p).steps_done(), options_.plan.total_steps) << "peer " << p;
    }
  }
  // The weights that the shards of `peers` hold are those of the uncoded run, for every shard code.
  void expect_reference(const PeerSet& peers, double tolerance = kWeightTolerance) {
    const auto reference = dnn::train_reference<float>(options_.plan, train_, test_, nullptr);
    const auto initial = dnn::initial_weights(options_.plan.network, options_.plan.seed);
    for (Index s = 0; s < static_cast<Index>(options_.code.shards.size()); ++s) {
      double difference = 0.0, learned = 0.0, norm = 0.0;
      // The first layer has no backpropagation: a shard for that alone is used by nobody, nor rebuilt.
      const bool forward = s == options_.code.pass(codes::PassKind::kForward).shard;
      for (std::size_t l = forward ? 0 : 1; l < initial.size(); ++l) {
        const codes::Matrix& wanted = reference.weights()[l];
        const codes::Matrix coded = cluster_->decoded_weights(static_cast<Index>(l), s, peers);
        difference += (coded - wanted).cast<double>().squaredNorm();
        learned += (wanted - initial[l]).cast<double>().squaredNorm();
        norm += wanted.cast<double>().squaredNorm();
      }
      if (options_.plan.total_steps >= 50) {
        EXPECT_GT(std::sqrt(learned / norm), 0.05) << "nothing was learned";
      }
      std::cout << "  " << options_.code.name << " shard " << s << ": coded against uncoded "
                << std::sqrt(difference / norm) << "\n";
      EXPECT_LT(std::sqrt(difference / norm), tolerance);
    }
  }

 private:
  ClusterOptions options_;
  const dnn::Dataset& train_;
  const dnn::Dataset& test_;
  std::vector<Watch> watches_;
  std::unique_ptr<SimCluster> cluster_;
};

}  // namespace polydot::simulator::testing
