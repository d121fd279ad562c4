// Nobody is blamed, and nothing repaired, where nothing is wrong: gradients that vanish, and steps so large
// that rounding grows.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "dnn/data/strokes.h"
#include "node/faults/injector.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

constexpr int kRuns = 10;

// Two clusters, a point each: learned at once, and then gradients vanish, however long it goes on.
const dnn::Dataset& two_points() {
  static const dnn::Dataset data = [] {
    codes::Matrix features(6, 600);
    std::vector<dnn::Label> labels;
    for (Index k = 0; k < features.cols(); ++k) {
      labels.push_back(static_cast<dnn::Label>(k % 2));
      features.col(k).setConstant(k % 2 == 1 ? 0.5f : -0.5f);
    }
    return dnn::Dataset::from_floats(std::move(features), std::move(labels), 2);
  }();
  return data;
}

const dnn::Dataset& digits() {
  static const dnn::Dataset data = dnn::make_strokes(dnn::StrokesPart::kTrain, 3200);
  return data;
}

// Messages arrive in another order at each peer.
NetworkOptions uneven(std::uint64_t seed) {
  NetworkOptions network;
  network.seed = seed;
  network.least_delay_ms = 1;
  network.most_delay_ms = 3;
  return network;
}

void expect_quiet(SimRun& run) {
  run.expect_finished(run.everybody());
  for (int p = 0; p < run.cluster().size(); ++p) {
    EXPECT_EQ(run.watch(p).located.size(), 0u) << "peer " << p;
    EXPECT_EQ(run.watch(p).scrub_findings, 0u) << "peer " << p;
    const protocol::Status& status = run.peer(p).status();
    EXPECT_EQ(status.repairs + status.rebuilds, 0u) << "peer " << p;
    EXPECT_EQ(status.unexplained_scrubs, 0u) << "peer " << p;
  }
}

ClusterOptions vanishing(std::uint64_t seed) {
  ClusterOptions options = small_training(1500, code_of("polydot", {1, 2, 1}, 6));
  options.plan.network =
      *dnn::make_mlp(6, {16}, 2, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  options.plan.optimizer = {};
  options.plan.batch = 64;
  options.plan.seed = seed;
  options.plan.evaluate_each_epoch = false;
  options.network = uneven(seed);
  return options;
}

TEST(Quiet, VanishingGradientsBlameNobody) {
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRun run(vanishing(seed), {}, two_points(), two_points());
    run.run();
    expect_quiet(run);
  }
}

// One product in a hundred has a bit flipped: whoever is blamed was hit in that round.
TEST(Quiet, FlippedProductsBlameOnlyWhoWasHitWhileGradientsVanish) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::vector<std::unique_ptr<FunctionTap>> owned;
    std::vector<codes::FaultTap*> taps;
    std::set<std::pair<codes::RoundKey, int>> hit;
    std::mt19937_64 random(seed);
    for (int p = 0; p < 6; ++p) {
      owned.push_back(
          std::make_unique<FunctionTap>([&, p](const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) {
            if (point.stage != codes::Stage::kProduct || random() % 100 != 0) return false;
            float& value = live.data()[random() % static_cast<std::uint64_t>(live.rows())];
            value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (1u << (random() % 32)));
            hit.insert({{0, point.step, point.slot, point.attempt}, p});
            return true;
          }));
      taps.push_back(owned.back().get());
    }
    SimRun run(vanishing(seed), taps, two_points(), two_points());
    run.run();
    run.expect_finished(run.everybody());
    EXPECT_GT(hit.size(), 100u);
    std::size_t right = 0, wrong = 0;
    for (int p = 0; p < run.cluster().size(); ++p) {
      for (const Located& one : run.watch(p).located) ++(hit.contains({one.key, one.peer}) ? right : wrong);
      wrong += run.watch(p).scrub_findings;  // no shard is wrong
      EXPECT_EQ(run.peer(p).status().repairs, 0u) << "peer " << p;
    }
    EXPECT_GT(right, 100u);
    EXPECT_LE(100 * wrong, right + wrong) << wrong << " of " << right + wrong;
  }
}

// What the injector calls located for sure is located by everybody, while the threshold of momentum's scrubs
// is that of what moves the weights; and some of what is called less is above the floor of its own rounding.
TEST(Quiet, WrongMomentumThatMovesTheWeightsIsLocatedWhileGradientsVanish) {
  constexpr std::uint64_t kFirst = 900, kApart = 8, kFaults = 64, kSeed = 3;
  std::cout << "  seed " << kSeed << "\n";
  std::vector<node::InjectSpec> specs;
  for (std::uint64_t k = 0; k < kFaults; ++k) {
    node::InjectSpec& spec = specs.emplace_back();
    spec.stage = codes::Stage::kOptimizer;
    spec.model = node::FaultModel::kBitFlip;
    spec.first_step = spec.last_step = kFirst + k * kApart;
    spec.peers = {static_cast<std::int64_t>(k % 6)};
    spec.layer = static_cast<std::int64_t>(k / 6 % 2);
    spec.bit = 20 + k % 11;
  }
  std::vector<std::unique_ptr<node::Injector>> owned;
  std::vector<codes::FaultTap*> taps;
  for (int p = 0; p < 6; ++p) {
    owned.push_back(node::Injector::make(specs, kSeed, p, "").value());
    taps.push_back(owned.back().get());
  }
  SimRun run(vanishing(kSeed), taps, two_points(), two_points());
  run.run();
  run.expect_finished(run.everybody());
  int above = 0, hidden = 0;
  for (int victim = 0; victim < 6; ++victim)
    for (const node::Injection& fault : owned[static_cast<std::size_t>(victim)]->injections()) {
      const auto is_this = [&](const Located& one) {
        return one.peer == victim && one.key.step == fault.found_step && one.key.slot == fault.found_slot;
      };
      int finders = 0;
      for (int p = 0; p < 6; ++p)
        finders +=
            p != victim && std::any_of(run.watch(p).scrubbed.begin(), run.watch(p).scrubbed.end(), is_this);
      if (fault.fault_class == node::FaultClass::kAboveFloor) {
        ++above;
        EXPECT_EQ(finders, 5) << "step " << fault.step << ", bit " << fault.bit << ", "
                              << fault.size_over_floor << " floors";
      } else {
        ++hidden;
      }
    }
  EXPECT_GE(above, 10);
  EXPECT_GE(hidden, 10);
}

TEST(Quiet, LargeStepsOfATinyNetworkBlameNobody) {
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ClusterOptions options = small_training(600);
    options.plan.network =
        *dnn::make_mlp(784, {8}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
    options.plan.optimizer = {};
    options.plan.batch = 64;
    options.plan.optimizer.learning_rate = 0.3;
    options.plan.seed = seed;
    options.plan.evaluate_each_epoch = false;
    options.network = uneven(seed);
    SimRun run(options, {}, digits(), digits());
    run.run();
    expect_quiet(run);
  }
}

}  // namespace
}  // namespace polydot::simulator::testing
