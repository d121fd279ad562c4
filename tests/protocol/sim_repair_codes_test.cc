// Repair of every code, with every optimizer, over bad networks, and with more going wrong meanwhile.
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::PassKind;
using codes::Stage;
using codes::TapPoint;
using LiveMatrix = Eigen::Ref<codes::Matrix>;
using Change = std::function<void(LiveMatrix)>;

constexpr int kVictim = 3;
constexpr std::uint64_t kSteps = 28, kStep = 12;

void one_value(LiveMatrix live) { live(1, 1) += 3.0f; }
// Of any block of rows that a peer may hold.
void two_values(LiveMatrix live) {
  live(1, 1) += 3.0f;
  live(live.rows() - 1, 1) += 3.0f;
}
void garbage(LiveMatrix live) { live.setConstant(7.0f); }

struct Fault {
  Stage stage = Stage::kWeights;
  codes::Index layer = 1;
  Change change = one_value;
  std::uint64_t first = kStep, last = kStep;
  int peer = kVictim;
};

// The training rounds of these steps, the first visit of each.
FunctionTap::Act act_of(const Fault& fault) {
  auto next = std::make_shared<std::uint64_t>(fault.first);
  return [=](const TapPoint& point, LiveMatrix live) {
    if (point.stage != fault.stage || point.layer != fault.layer || !point.training) return false;
    if (point.step < *next || point.step > fault.last) return false;
    *next = point.step + 1;
    fault.change(live);
    return true;
  };
}

// A training with these faults, one at most at each peer.
class FaultyRun {
 public:
  FaultyRun(const ClusterOptions& options, const std::vector<Fault>& faults) {
    std::vector<codes::FaultTap*> taps(static_cast<std::size_t>(options.code.peers()), nullptr);
    for (const Fault& fault : faults) {
      taps_.push_back(std::make_unique<FunctionTap>(act_of(fault)));
      taps[static_cast<std::size_t>(fault.peer)] = taps_.back().get();
      faulty.insert(fault.peer);
    }
    sim = std::make_unique<SimRun>(options, taps);
  }
  // Who is right at the end: everybody, unless it is said otherwise.
  void run(const PeerSet& wrong = {}) {
    sim->run();
    for (const auto& tap : taps_) EXPECT_GE(tap->fired, 1);
    sim->expect_finished(sim->everybody() - dead);
    sim->expect_reference(sim->everybody() - dead - wrong);
    PeerSet named;
    for (int p = 0; p < sim->cluster().size(); ++p) named = named | sim->watch(p).blamed();
    EXPECT_TRUE(named.subset_of(faulty | wrong)) << "somebody was blamed who was right";
    const protocol::Status& status = sim->peer(kVictim).status();
    std::cout << "  repairs " << status.repairs << ", rebuilds " << status.rebuilds << ", bytes "
              << status.repair_bytes << ", operands " << status.operands_recomputed << "\n";
  }
  const protocol::Status& status(int p = kVictim) const { return sim->peer(p).status(); }

  std::unique_ptr<SimRun> sim;
  PeerSet faulty, dead;

 private:
  std::vector<std::unique_ptr<FunctionTap>> taps_;
};

struct CodeCase {
  const char* name;
  codes::Grid grid;
  codes::Index peers;
};
std::string label(const CodeCase& one) {
  return std::string(one.name) + "_" + std::to_string(one.grid.m) + "x" + std::to_string(one.grid.n) + "x" +
         std::to_string(one.grid.d) + "_P" + std::to_string(one.peers);
}
void PrintTo(const CodeCase& one, std::ostream* out) { *out << label(one); }

class RepairOf : public ::testing::TestWithParam<CodeCase> {
 protected:
  ClusterOptions options(std::uint64_t steps = kSteps) const {
    const CodeCase& one = GetParam();
    ClusterOptions options = small_training(steps, code_of(one.name, one.grid, one.peers));
    options.plan.optimizer.weight_decay = 0.01;
    return options;
  }
};

TEST_P(RepairOf, AFlippedWeight) {
  FaultyRun run(options(), {{Stage::kWeights, 1, one_value}});
  run.run();
  EXPECT_EQ(run.status().repairs, 1u);
}
TEST_P(RepairOf, AFlippedMomentum) {
  FaultyRun run(options(), {{Stage::kOptimizer, 1, one_value}});
  run.run();
  EXPECT_GE(run.status().repairs + run.status().rebuilds, 1u);
}
TEST_P(RepairOf, AWholeShard) {
  for (const codes::Index layer : {0, 2}) {
    FaultyRun run(options(), {{Stage::kWeights, layer, garbage}});
    run.run();
    EXPECT_EQ(run.status().rebuilds, 1u);
  }
}
TEST_P(RepairOf, AGarbageDecodeNeedsNone) {
  FaultyRun run(options(), {{Stage::kDecode, 1, garbage}});
  run.run();
  EXPECT_EQ(run.status().operands_recomputed, 1u);
  EXPECT_EQ(run.status().repairs + run.status().rebuilds, 0u);
}
// The backward shard of the first layer is of no use (two-sided MDS), and nobody repairs it.
TEST_P(RepairOf, AnUpdateByAWrongDelta) {
  FaultyRun run(options(), {{Stage::kHadamard, 0, two_values}});
  run.run(std::string(GetParam().name) == "mds" ? PeerSet::of({kVictim}) : PeerSet{});
  EXPECT_EQ(run.status().repairs + run.status().rebuilds, 1u);
}
TEST_P(RepairOf, OverABadNetwork) {
  for (const std::uint64_t seed : {1, 2}) {
    std::cout << "seed " << seed << "\n";
    ClusterOptions bad = options();
    bad.network = bad_network(seed);
    FaultyRun run(bad, {{Stage::kWeights, 1, one_value}});
    run.run();
    EXPECT_GE(run.status().repairs, 1u);
  }
}
TEST_P(RepairOf, WithoutMomentum) {
  ClusterOptions plain = options();
  plain.plan.optimizer.momentum = 0;
  FaultyRun flipped(plain, {{Stage::kWeights, 1, one_value}});
  flipped.run();
  EXPECT_EQ(flipped.status().repairs, 1u);
  FaultyRun lost(plain, {{Stage::kWeights, 1, garbage}});
  lost.run();
  EXPECT_EQ(lost.status().rebuilds, 1u);
}

INSTANTIATE_TEST_SUITE_P(Codes, RepairOf,
                         ::testing::Values(CodeCase{"polydot", {2, 2, 1}, 10},
                                           CodeCase{"polydot", {2, 3, 1}, 12},
                                           CodeCase{"polydot", {3, 3, 1}, 20},
                                           CodeCase{"polydot", {2, 2, 2}, 14}, CodeCase{"mds", {2, 2, 1}, 7},
                                           CodeCase{"replication", {2, 2, 1}, 12},
                                           CodeCase{"monomial", {2, 2, 1}, 9}),
                         [](const auto& tested) { return label(tested.param); });

TEST(RepairMore, AFlippedWeightCostsFewLines) {
  FaultyRun run(small_training(kSteps), {{Stage::kWeights, 1, one_value}});
  run.run();
  const codes::Matrix& shard = run.sim->cluster().program(kVictim).layer(1).shard(0).weights;
  const auto row = static_cast<std::uint64_t>(shard.cols()) * sizeof(float);
  EXPECT_EQ(run.status().repairs, 1u);
  EXPECT_GE(run.status().repair_bytes, 4 * row);
  EXPECT_LE(run.status().repair_bytes, 4 * row * 4);
}

// Wrong after the last update before an evaluation: that sees it first.
TEST(RepairMore, WithAnEvaluationInBetween) {
  FaultyRun run(small_training(40), {{Stage::kUpdate, 1, one_value, 19, 19}});
  run.run();
  EXPECT_EQ(run.status().repairs, 1u);
  EXPECT_GT(run.sim->watch(0).evaluation_rounds, 0u);
  bool in_evaluation = false;
  for (const Located& one : run.sim->watch(0).located) in_evaluation |= !one.training;
  EXPECT_TRUE(in_evaluation);
}

TEST(RepairMore, ASecondPeerIsWrongAtTheSameTime) {
  for (const bool same_line : {true, false})
    for (const codes::Index layer : {1, 0}) {
      Fault other{Stage::kWeights, layer, one_value};
      if (!same_line) other.change = [](LiveMatrix live) { live(0, 0) -= 2.0f; };
      other.peer = 7;
      FaultyRun run(small_training(kSteps), {{Stage::kWeights, 1, one_value}, other});
      run.run();
      EXPECT_EQ(run.status(kVictim).repairs, 1u);
      EXPECT_EQ(run.status(7).repairs, 1u);
    }
}
TEST(RepairMore, ASecondPeerLosesItsShardAtTheSameTime) {
  Fault other{Stage::kWeights, 1, garbage};
  other.peer = 7;
  FaultyRun run(small_training(kSteps), {{Stage::kWeights, 1, garbage}, other});
  run.run();
  EXPECT_EQ(run.status(kVictim).rebuilds, 1u);
  EXPECT_EQ(run.status(7).rebuilds, 1u);
}

// Wrong behind its own scrub, so that it gives a wrong piece: located among the pieces, repaired a step
// later.
TEST(RepairMore, AGiverIsWrongToo) {
  std::uint64_t repairs = 0;
  for (int giver = 0; giver < 10; ++giver) {
    if (giver == kVictim) continue;
    SCOPED_TRACE("giver " + std::to_string(giver));
    std::unique_ptr<FaultyRun> run;
    Fault wrong{Stage::kProduct, 1, [&](LiveMatrix) {
                  run->sim->cluster().program(giver).layer(1).shard(0).weights(1, 2) += 3.0f;
                }};
    wrong.peer = giver;
    run = std::make_unique<FaultyRun>(small_training(kSteps),
                                      std::vector<Fault>{{Stage::kWeights, 1, one_value}, wrong});
    run->run();
    EXPECT_EQ(run->status(kVictim).repairs, 1u);
    repairs += run->status(giver).repairs;
  }
  EXPECT_EQ(repairs, 9u);
}

TEST(RepairMore, AGiverDiesInBetween) {
  for (const int giver : {0, 4, 9}) {
    SCOPED_TRACE("giver " + std::to_string(giver));
    std::unique_ptr<FaultyRun> run;
    Fault death{Stage::kProduct, 1, [&](LiveMatrix) { run->sim->cluster().kill(giver); }};
    death.peer = giver;
    ClusterOptions options = small_training(kSteps);
    options.network.least_delay_ms = options.network.most_delay_ms = 5;
    run = std::make_unique<FaultyRun>(options, std::vector<Fault>{{Stage::kWeights, 1, one_value}, death});
    run->dead = PeerSet::of({giver});
    run->run();
    EXPECT_EQ(run->status().repairs, 1u);
  }
}

TEST(RepairMore, OfTheSameLineAgainAndAgain) {
  FaultyRun run(small_training(kSteps), {{Stage::kWeights, 1, one_value, kStep, kStep + 4}});
  run.run();
  EXPECT_GE(run.status().repairs, 2u);
}
TEST(RepairMore, OfTheSameLineAgainOverABadNetwork) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    std::cout << "seed " << seed << "\n";
    ClusterOptions options = small_training(kSteps);
    options.network = bad_network(seed);
    FaultyRun run(options, {{Stage::kWeights, 1, one_value, kStep, kStep + 4}});
    run.run();
    EXPECT_GE(run.status().repairs, 1u);
  }
}

// Too late for a repair: the others are right, and everybody ends.
TEST(RepairMore, AtTheLastStep) {
  for (const Stage stage : {Stage::kWeights, Stage::kOptimizer, Stage::kUpdate})
    for (const Change& change : {Change(one_value), Change(garbage)}) {
      FaultyRun run(small_training(kSteps), {{stage, 1, change, kSteps - 1, kSteps - 1}});
      run.run(PeerSet::of({kVictim}));
    }
}

// Every step wrong again: training ends, and the others are right.
TEST(RepairMore, AStickyWeight) {
  for (const std::uint64_t steps : {kSteps, std::uint64_t{80}}) {
    FaultyRun run(small_training(steps), {{Stage::kWeights, 1, one_value, 5, steps}});
    run.run(PeerSet::of({kVictim}));
  }
}
TEST(RepairMore, AStickyShard) {
  FaultyRun run(small_training(60), {{Stage::kWeights, 0, garbage, 5, 60}});
  run.run(PeerSet::of({kVictim}));
}

}  // namespace
}  // namespace polydot::simulator::testing
