// Wrong shards at the sizes that users run, where other kernels multiply than in small networks: found, put
// right at once, and as often as they are wrong.
#include <gtest/gtest.h>

#include <bit>

#include "codes/kernels/shard_kernel.h"
#include "dnn/data/strokes.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::Stage;
using codes::TapPoint;
using LiveMatrix = Eigen::Ref<codes::Matrix>;

constexpr int kVictim = 3;

const dnn::Dataset& strokes_train() {
  static const dnn::Dataset data = dnn::make_strokes(dnn::StrokesPart::kTrain, 640);
  return data;
}
const dnn::Dataset& strokes_test() {
  static const dnn::Dataset data = [] {
    dnn::Dataset test = dnn::make_strokes(dnn::StrokesPart::kTest, 64);
    test.set_standardisation(strokes_train().standardisation());
    return test;
  }();
  return data;
}

struct SizeCase {
  const char* name;
  codes::Grid grid;
  codes::Index peers;
  std::vector<Index> hidden;
};
std::string label(const SizeCase& one) {
  std::string text = one.name;
  for (const Index units : one.hidden) text += "_" + std::to_string(units);
  return text;
}
void PrintTo(const SizeCase& one, std::ostream* out) { *out << label(one); }

// As `polydot train` does it by default: batch 64, momentum 0.9, rate 0.01.
ClusterOptions training_of(const SizeCase& one, std::uint64_t steps) {
  ClusterOptions options = small_training(steps, code_of(one.name, one.grid, one.peers));
  options.plan.network =
      *dnn::make_mlp(784, one.hidden, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy);
  options.plan.optimizer = {};
  options.plan.batch = 64;
  options.plan.evaluate_each_epoch = false;
  return options;
}

struct Flip {
  std::uint64_t step;
  Index layer, shard;
  Stage stage = Stage::kWeights;
};

void flip_bit_28(LiveMatrix live, Index row, Index col) {
  live(row, col) = std::bit_cast<float>(std::bit_cast<std::uint32_t>(live(row, col)) ^ (1u << 28));
}

// One flip after the other, each in another place.
FunctionTap::Act all_of(const std::vector<Flip>& flips) {
  return [flips](const TapPoint& point, LiveMatrix live) {
    bool flipped = false;
    for (std::size_t k = 0; k < flips.size(); ++k) {
      const Flip& flip = flips[k];
      if (point.stage != flip.stage || point.step != flip.step || point.layer != flip.layer ||
          point.shard != flip.shard)
        continue;
      flip_bit_28(live, 1, 2 + static_cast<Index>(k) % 3);
      flipped = true;
    }
    return flipped;
  };
}

class RepairAtSize : public ::testing::TestWithParam<SizeCase> {
 protected:
  // Every flip is found in its own step, repaired by the next but one, and nothing else happens to anybody.
  void expect_repaired(const std::vector<Flip>& flips, std::uint64_t steps) {
    std::vector<codes::FaultTap*> taps(static_cast<std::size_t>(GetParam().peers), nullptr);
    FunctionTap tap(all_of(flips));
    taps[kVictim] = &tap;
    const codes::KernelCounts before = codes::kernel_counts();
    SimRun run(training_of(GetParam(), steps), taps, strokes_train(), strokes_test());
    run.run();
    // The products of the first layer were those of the tile kernel, not of a small network.
    EXPECT_GE(codes::kernel_counts().rows_in_tiles - before.rows_in_tiles,
              steps * static_cast<std::uint64_t>(GetParam().peers));
    EXPECT_EQ(tap.fired, static_cast<int>(flips.size()));
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    const Watch& victim = run.watch(kVictim);
    EXPECT_EQ(victim.count_of("repaired"), flips.size());
    EXPECT_EQ(victim.count_of("scrub_recomputed") + victim.count_of("cleaned") + victim.count_of("rebuilt"),
              0u);
    for (const Flip& flip : flips) {
      const bool repaired =
          std::any_of(victim.events.begin(), victim.events.end(), [&](const protocol::PeerEvent& event) {
            return std::string_view(event.name) == "repaired" && event.layer == flip.layer &&
                   event.shard == flip.shard && event.step >= flip.step && event.step <= flip.step + 2;
          });
      EXPECT_TRUE(repaired) << "the flip of step " << flip.step;
    }
    for (int p = 0; p < run.cluster().size(); ++p) {
      EXPECT_EQ(run.peer(p).status().operands_recomputed, 0u) << "peer " << p;
      EXPECT_EQ(run.peer(p).status().recomputed_rounds, 0u) << "peer " << p;
      if (p != kVictim) {
        EXPECT_EQ(run.peer(p).status().repairs, 0u) << "peer " << p;
      }
      for (const auto* found : {&run.watch(p).located, &run.watch(p).scrubbed})
        for (const Located& one : *found) {
          EXPECT_EQ(one.peer, kVictim);
          EXPECT_TRUE(std::any_of(
              flips.begin(), flips.end(),
              [&](const Flip& flip) { return one.key.step >= flip.step && one.key.step <= flip.step + 1; }))
              << "still wrong in step " << one.key.step;
        }
      for (const Flip& flip : flips)
        EXPECT_TRUE(std::any_of(
            run.watch(p).scrubbed.begin(), run.watch(p).scrubbed.end(),
            [&](const Located& one) { return one.layer == flip.layer && one.key.step == flip.step; }))
            << "peer " << p << " has not seen the flip of step " << flip.step;
    }
  }
  Index last_layer() const { return static_cast<Index>(GetParam().hidden.size()); }
  Index backward_shard() const {
    return code_of(GetParam().name, GetParam().grid, GetParam().peers).pass(codes::PassKind::kBackward).shard;
  }
};

// Far more often than a cleaning would come by, and again where it was wrong before.
TEST_P(RepairAtSize, AFlippedWeightHoweverOften) {
  expect_repaired(
      {{5, 0, 0}, {8, 0, 0}, {11, 1, 0}, {14, last_layer(), 0}, {17, 0, 0}, {20, 1, backward_shard()}}, 24);
}
TEST_P(RepairAtSize, AFlippedMomentumHoweverOften) {
  expect_repaired({{5, 0, 0, Stage::kOptimizer},
                   {8, 0, 0, Stage::kOptimizer},
                   {11, last_layer(), backward_shard(), Stage::kOptimizer}},
                  15);
}

// The weight is wrong while the shard is multiplied, and right again before anybody looks at it.
TEST_P(RepairAtSize, AScrubThatWasComputedWrongAccusesNoShard) {
  std::vector<codes::FaultTap*> taps(static_cast<std::size_t>(GetParam().peers), nullptr);
  float before = 0.0f;
  FunctionTap tap([&](const TapPoint& point, LiveMatrix) {
    static const codes::Matrix* shard = nullptr;
    if (point.step != 6 || point.layer != 0 || !point.training) return false;
    if (point.stage == Stage::kEncode) {
      shard = point.weights;
      before = (*shard)(1, 2);
      const_cast<codes::Matrix&> (*shard)(1, 2) += 1.0f;
      return true;
    }
    if (point.stage == Stage::kProduct) const_cast<codes::Matrix&> (*shard)(1, 2) = before;
    return false;
  });
  taps[kVictim] = &tap;
  SimRun run(training_of(GetParam(), 10), taps, strokes_train(), strokes_test());
  run.run();
  EXPECT_EQ(tap.fired, 1);
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_EQ(run.watch(kVictim).count_of("scrub_recomputed"), 1u);
  EXPECT_EQ(run.watch(0).scrubbed.size(), 1u);
  for (int p = 0; p < run.cluster().size(); ++p)
    EXPECT_EQ(run.peer(p).status().repairs + run.peer(p).status().cleanings, 0u) << "peer " << p;
}

INSTANTIATE_TEST_SUITE_P(Codes, RepairAtSize,
                         ::testing::Values(SizeCase{"polydot", {2, 2, 1}, 10, {256, 128}},
                                           SizeCase{"polydot", {2, 2, 1}, 10, {1024}},
                                           SizeCase{"mds", {6, 6, 1}, 10, {256, 128}},
                                           SizeCase{"mds", {6, 6, 1}, 10, {1024}},
                                           SizeCase{"replication", {2, 2, 1}, 12, {256, 128}},
                                           SizeCase{"replication", {2, 2, 1}, 12, {1024}}),
                         [](const auto& tested) { return label(tested.param); });

}  // namespace
}  // namespace polydot::simulator::testing
