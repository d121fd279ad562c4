// Faults of every stage, one at a time, in a simulated cluster: the right peer is named at the latest one
// step later, everybody else decodes what is right, and afterwards the shards are on the code again.
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::Stage;
using codes::TapPoint;
using LiveMatrix = Eigen::Ref<codes::Matrix>;

constexpr int kVictim = 3;
constexpr std::uint64_t kStep = 30;

// Changes the victim's live buffer once, in step kStep, at the first visit of `stage` to `layer`.
FunctionTap::Act once(Stage stage, Index layer, const std::function<void(LiveMatrix)>& change) {
  auto done = std::make_shared<bool>(false);
  return [=](const TapPoint& point, LiveMatrix live) {
    if (*done || point.stage != stage || point.layer != layer || point.step != kStep || !point.training)
      return false;
    *done = true;
    change(live);
    return true;
  };
}

struct Outcome {
  std::set<int> named;          // peers located in a product or a scrub, at anybody
  std::uint64_t last_step = 0;  // of the last finding
  std::uint64_t repairs = 0, rebuilds = 0, bytes = 0, recomputed = 0;
};

Outcome run_with(FunctionTap& tap, SimRun& run) {
  run.run();
  EXPECT_EQ(tap.fired, 1);
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  Outcome outcome;
  for (int p = 0; p < run.cluster().size(); ++p)
    for (const Located& one : run.watch(p).located) {
      outcome.named.insert(one.peer);
      outcome.last_step = std::max(outcome.last_step, one.key.step);
    }
  const protocol::Status& status = run.peer(kVictim).status();
  outcome.repairs = status.repairs;
  outcome.rebuilds = status.rebuilds;
  outcome.bytes = status.repair_bytes;
  outcome.recomputed = status.operands_recomputed;
  std::cout << "  named " << outcome.named.size() << ", last at step " << outcome.last_step << ", repairs "
            << outcome.repairs << ", rebuilds " << outcome.rebuilds << ", bytes " << outcome.bytes
            << ", operands " << outcome.recomputed << "\n";
  return outcome;
}

Outcome with_fault(Stage stage, Index layer, const std::function<void(LiveMatrix)>& change) {
  std::vector<codes::FaultTap*> taps(10, nullptr);
  FunctionTap tap(once(stage, layer, change));
  taps[kVictim] = &tap;
  SimRun run(small_training(60), taps);
  return run_with(tap, run);
}

void one_value(LiveMatrix live) { live(1, 2) += 3.0f; }
void garbage(LiveMatrix live) { live.setConstant(7.0f); }

TEST(Repair, AFlippedWeightIsFoundByTheScrubAndItsRowPutRight) {
  const Outcome outcome = with_fault(Stage::kWeights, 1, one_value);
  EXPECT_EQ(outcome.named, std::set<int>{kVictim});
  EXPECT_LE(outcome.last_step, kStep + 1);
  EXPECT_EQ(outcome.repairs, 1u);
}
TEST(Repair, AFlippedMomentum) {
  const Outcome outcome = with_fault(Stage::kOptimizer, 1, one_value);
  EXPECT_LE(outcome.last_step, kStep + 1);
  EXPECT_EQ(outcome.repairs, 1u);
}
TEST(Repair, AWholeShard) {
  const Outcome outcome = with_fault(Stage::kWeights, 0, garbage);
  EXPECT_EQ(outcome.named, std::set<int>{kVictim});
  EXPECT_EQ(outcome.rebuilds, 1u);
}
TEST(Repair, ADecodeThatIsGarbage) {
  for (Index layer : {0, 1, 2}) {
    const Outcome outcome = with_fault(Stage::kDecode, layer, garbage);
    EXPECT_EQ(outcome.named, std::set<int>{kVictim});
    EXPECT_EQ(outcome.recomputed, 1u);
    EXPECT_EQ(outcome.repairs + outcome.rebuilds, 0u);
  }
}
// The scales of a round come from the own operand: one that is wild, or not finite, must not make the peer
// judge the others wrong, or ask them to compute again.
TEST(Repair, AWildOperandDoesNotMisleadItsOwner) {
  const float wild[] = {1e12f, 1e30f, std::numeric_limits<float>::infinity(),
                        std::numeric_limits<float>::quiet_NaN()};
  for (const float value : wild)
    for (Index layer : {0, 1}) {
      SCOPED_TRACE(std::to_string(value) + " in layer " + std::to_string(layer));
      std::vector<codes::FaultTap*> taps(10, nullptr);
      FunctionTap tap(
          once(Stage::kActivation, layer, [&](LiveMatrix live) { live.col(3).setConstant(value); }));
      taps[kVictim] = &tap;
      SimRun run(small_training(60), taps);
      const Outcome outcome = run_with(tap, run);
      EXPECT_EQ(outcome.named, std::set<int>{kVictim});
      EXPECT_EQ(outcome.recomputed, 1u);
      for (int p = 0; p < 10; ++p) EXPECT_EQ(run.peer(p).status().recomputed_rounds, 0u) << "peer " << p;
    }
}
TEST(Repair, AWrongActivation) { EXPECT_EQ(with_fault(Stage::kActivation, 0, one_value).recomputed, 1u); }
TEST(Repair, AWrongLossGradient) { EXPECT_EQ(with_fault(Stage::kLoss, 2, one_value).recomputed, 1u); }
TEST(Repair, AWrongHadamardProduct) { EXPECT_EQ(with_fault(Stage::kHadamard, 1, one_value).recomputed, 1u); }
TEST(Repair, AWrongHadamardProductThatOnlyTheUpdateUses) {
  const Outcome outcome = with_fault(Stage::kHadamard, 0, one_value);
  EXPECT_EQ(outcome.repairs, 1u);
  EXPECT_LE(outcome.last_step, kStep + 1);
}
TEST(Repair, AWrongBatch) { EXPECT_EQ(with_fault(Stage::kBatch, 0, one_value).recomputed, 1u); }
TEST(Repair, AWrongUpdate) { EXPECT_EQ(with_fault(Stage::kUpdate, 2, one_value).repairs, 1u); }
TEST(Repair, AWrongEncoding) {
  const Outcome outcome = with_fault(Stage::kEncode, 1, one_value);
  EXPECT_EQ(outcome.recomputed + outcome.repairs + outcome.rebuilds, 0u);
  EXPECT_EQ(outcome.last_step, kStep);
}

}  // namespace
}  // namespace polydot::simulator::testing
