// Ten peers train over a simulated network while faults are put into their numbers on purpose: located,
// corrected, computed again or refused, and the weights at the end are those of the uncoded run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "node/faults/injector.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::Stage;
using codes::TapPoint;
using ::testing::AllOf;
using ::testing::HasSubstr;

using LiveMatrix = Eigen::Ref<codes::Matrix>;

std::vector<std::unique_ptr<node::Injector>> injectors(const std::vector<std::string>& specs, int peers,
                                                       std::uint64_t seed) {
  std::vector<std::unique_ptr<node::Injector>> made;
  for (int p = 0; p < peers; ++p)
    made.push_back(node::Injector::make(node::parse_inject_specs(specs).value(), seed, p, "").value());
  return made;
}

template <typename Tap>
std::vector<codes::FaultTap*> taps_of(const std::vector<std::unique_ptr<Tap>>& owners) {
  std::vector<codes::FaultTap*> taps;
  for (const auto& owner : owners) taps.push_back(owner.get());
  return taps;
}

// A tap at each peer in `where`, null elsewhere; make(peer) makes what it does.
std::vector<std::unique_ptr<FunctionTap>> function_taps(const PeerSet& where, int peers,
                                                        const std::function<FunctionTap::Act(int)>& make) {
  std::vector<std::unique_ptr<FunctionTap>> taps(static_cast<std::size_t>(peers));
  for (int p : where.members()) taps[static_cast<std::size_t>(p)] = std::make_unique<FunctionTap>(make(p));
  return taps;
}

bool is_located(const Watch& watch, const node::Injection& fault, int peer) {
  return std::any_of(watch.located.begin(), watch.located.end(), [&](const Located& one) {
    return one.peer == peer && one.key.step == fault.step && one.key.slot == fault.slot;
  });
}

using Truth = std::vector<std::unique_ptr<node::Injector>>;

// Two peers wrong in one entry spend that entry's budget together: corrected, but not always blamed.
bool is_alone(const Truth& truth, const node::Injection& fault, int victim) {
  for (int other = 0; other < static_cast<int>(truth.size()); ++other)
    for (const node::Injection& one : truth[static_cast<std::size_t>(other)]->injections())
      if (other != victim && std::tuple(one.step, one.slot, one.row, one.col) ==
                                 std::tuple(fault.step, fault.slot, fault.row, fault.col))
        return false;
  return true;
}

// What was decoded without it did no harm.
bool came_too_late(const Watch& watch, const node::Injection& fault, int victim) {
  for (const auto& [key, peers] : watch.used)
    if (key.step == fault.step && key.slot == fault.slot) return !peers.contains(victim);
  return false;
}

// Every fault above the floor that was in time is located at every peer; whoever is located has a fault
// there.
void expect_truth(SimRun& run, const Truth& truth) {
  int above = 0, all = 0;
  const int peers = run.cluster().size();
  for (int victim = 0; victim < peers; ++victim)
    for (const node::Injection& fault : truth[static_cast<std::size_t>(victim)]->injections()) {
      ++all;
      if (fault.fault_class != node::FaultClass::kAboveFloor || !is_alone(truth, fault, victim)) continue;
      ++above;
      for (int p = 0; p < peers; ++p)
        EXPECT_TRUE(came_too_late(run.watch(p), fault, victim) || is_located(run.watch(p), fault, victim))
            << "peer " << p << " misses peer " << victim << ", step " << fault.step << ", slot " << fault.slot
            << ", bit " << fault.bit << ", size over floor " << fault.size_over_floor;
    }
  for (int p = 0; p < peers; ++p)
    for (const Located& one : run.watch(p).located) {
      const auto& faults = truth[static_cast<std::size_t>(one.peer)]->injections();
      EXPECT_TRUE(std::any_of(faults.begin(), faults.end(),
                              [&](const node::Injection& fault) {
                                return fault.step == one.key.step && fault.slot == one.key.slot;
                              }))
          << "peer " << one.peer << " is blamed by peer " << p << " for nothing, step " << one.key.step
          << ", slot " << one.key.slot;
    }
  std::cout << "  " << all << " faults injected, " << above << " above the floor\n";
  EXPECT_GT(above, 20);
}

struct CodeChoice {
  const char* name;
  codes::Grid grid;
  Index peers;
};
void PrintTo(const CodeChoice& choice, std::ostream* out) { *out << choice.name << " of " << choice.peers; }

class SimFaults : public ::testing::TestWithParam<CodeChoice> {};

TEST_P(SimFaults, FlippedProductsAreLocatedAndCorrected) {
  const auto& [name, grid, count] = GetParam();
  constexpr std::uint64_t kSeed = 5;
  std::cout << "injection seed " << kSeed << "\n";
  const int peers = static_cast<int>(count);
  const auto truth = injectors({"product:bitflip:rate=0.03"}, peers, kSeed);
  SimRun run(small_training(100, code_of(name, grid, count)), taps_of(truth));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  expect_truth(run, truth);
  int victims = 0;
  for (const auto& injector : truth) victims += !injector->injections().empty();
  EXPECT_EQ(victims, peers);
  for (int p = 0; p < peers; ++p) EXPECT_EQ(run.watch(p).states.count(codes::RoundState::kUnexplained), 0u);
}

INSTANTIATE_TEST_SUITE_P(Codes, SimFaults,
                         ::testing::Values(CodeChoice{"polydot", {2, 2, 1}, 10},
                                           CodeChoice{"mds", {2, 2, 1}, 8},
                                           CodeChoice{"replication", {2, 2, 1}, 12},
                                           CodeChoice{"polydot", {2, 2, 2}, 14}),
                         [](const auto& tested) {
                           return std::string(tested.param.name) + std::to_string(tested.param.grid.d) +
                                  "of" + std::to_string(tested.param.peers);
                         });

TEST(SimFaults, FlipsAndABadNetworkTogether) {
  constexpr std::uint64_t kSeed = 6;
  std::cout << "injection and network seed " << kSeed << "\n";
  const auto truth = injectors({"product:bitflip:rate=0.02"}, 10, kSeed);
  ClusterOptions options = small_training(100);
  options.network = bad_network(kSeed);
  options.margin = 4;  // spares for errors: no round goes on with fewer than all
  SimRun run(options, taps_of(truth));
  run.run();
  EXPECT_GT(run.cluster().network().counters().lost, 1000u);
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  expect_truth(run, truth);
}

TEST(SimFaults, AWrongShardIsLocatedAndRepaired) {
  constexpr std::uint64_t kSeed =
      3;  // of its three flips, one per layer, at least one is far above the floor
  const auto truth = injectors({"weights:bitflip:rate=1:peer=3:steps=20-20"}, 10, kSeed);
  SimRun run(small_training(80), taps_of(truth));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());  // its own shard too: it was repaired
  ASSERT_EQ(truth[3]->injections().size(), 3u);
  std::set<Index> wrong_layers;
  for (const node::Injection& fault : truth[3]->injections()) {
    std::cout << "  layer " << fault.layer << ": bit " << fault.bit << ", "
              << node::name_of(fault.fault_class) << "\n";
    if (fault.fault_class == node::FaultClass::kAboveFloor) wrong_layers.insert(fault.layer);
  }
  ASSERT_FALSE(wrong_layers.empty());
  EXPECT_GE(run.peer(3).status().repairs, wrong_layers.size());
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(run.watch(p).blamed(), PeerSet::of({3}));
    std::set<Index> seen;
    for (const Located& one : run.watch(p).located) {
      EXPECT_GE(one.key.step, 20u);
      EXPECT_LE(one.key.step, 21u) << "found again after its repair";
      seen.insert(one.layer);
    }
    for (Index layer : wrong_layers) EXPECT_TRUE(seen.contains(layer)) << "layer " << layer;
  }
}

// What a peer may send instead of its product, whole.
struct Garbage {
  const char* name;
  std::function<float(dnn::Random&, float)> make;  // from the right value
};

const std::vector<Garbage>& kinds_of_garbage() {
  static const std::vector<Garbage> kinds = {
      {"noise", [](dnn::Random& random, float) { return static_cast<float>(random.gaussian()); }},
      {"huge", [](dnn::Random& random, float) { return static_cast<float>(1e30 * random.gaussian()); }},
      {"nan", [](dnn::Random&, float) { return std::numeric_limits<float>::quiet_NaN(); }},
      {"zeros", [](dnn::Random&, float) { return 0.0F; }},
      {"twice", [](dnn::Random&, float value) { return 2.0F * value; }},
  };
  return kinds;
}

TEST(SimFaults, APeerThatSendsGarbageInEveryRoundHurtsNobody) {
  constexpr std::uint64_t kSeed = 9;
  std::cout << "garbage seed " << kSeed << "\n";
  for (const Garbage& garbage : kinds_of_garbage()) {
    SCOPED_TRACE(garbage.name);
    dnn::Random random(kSeed, dnn::RandomStream::kFaults, 1);
    const auto taps = function_taps(PeerSet::of({7}), 10, [&](int) {
      return [&](const TapPoint& point, LiveMatrix live) {
        if (point.stage != Stage::kProduct) return false;
        for (Index c = 0; c < live.cols(); ++c)
          for (Index r = 0; r < live.rows(); ++r) live(r, c) = garbage.make(random, live(r, c));
        return true;
      };
    });
    SimRun run(small_training(60), taps_of(taps));
    run.run();
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());  // its own too: it decodes from the others
    EXPECT_EQ(static_cast<std::uint64_t>(taps[7]->fired), run.peer(7).status().rounds);
    for (int p = 0; p < 10; ++p) {
      EXPECT_EQ(run.watch(p).blamed(), PeerSet::of({7}));
      EXPECT_GE(run.peer(p).status().rounds_with_findings, protocol::Offenders::kWindow / 2);
      EXPECT_LT(run.peer(p).status().rounds_with_findings, protocol::Offenders::kWindow + 8)
          << "left out after half a window of it";
      EXPECT_EQ(run.peer(p).status().recomputed_rounds, 0u);
    }
  }
}

// Five of ten peers, each with errors of its own: more than any five contributions beyond K can tell.
constexpr std::uint64_t kBadStep = 12;
constexpr Index kBadLayer = 1;

std::vector<std::unique_ptr<FunctionTap>> too_many_wrong(int attempts) {
  return function_taps(PeerSet::of({0, 2, 3, 6, 9}), 10, [attempts](int peer) {
    return [attempts, visits = 0,
            random = dnn::Random(77, dnn::RandomStream::kFaults, static_cast<std::uint64_t>(peer))](
               const TapPoint& point, LiveMatrix live) mutable {
      const bool there = point.stage == Stage::kProduct && point.training && point.step == kBadStep &&
                         point.layer == kBadLayer && point.pass == codes::PassKind::kForward;
      if (!there || visits++ >= attempts) return false;
      for (Index c = 0; c < live.cols(); ++c)
        for (Index r = 0; r < live.rows(); ++r) live(r, c) += static_cast<float>(random.gaussian());
      return true;
    };
  });
}

TEST(SimFaults, AnUnexplainedRoundIsComputedAgainAndDone) {
  for (bool bad : {false, true}) {
    SCOPED_TRACE(bad ? "bad network" : "good network");
    const auto taps = too_many_wrong(1);
    ClusterOptions options = small_training(60);
    if (bad) options.network = bad_network(4);
    SimRun run(options, taps_of(taps));
    run.run();
    for (const auto& tap : taps)
      if (tap) {
        EXPECT_EQ(tap->fired, 1);
      }
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    int unexplained = 0;
    for (int p = 0; p < 10; ++p) {
      // Who saw nothing of it may have been asked to compute again by another.
      if (!bad) {
        EXPECT_EQ(run.peer(p).status().recomputed_rounds, 1u);
      }
      unexplained += run.watch(p).states.contains(codes::RoundState::kUnexplained);
      for (const std::string& line : run.watch(p).notices)
        EXPECT_THAT(line, AllOf(HasSubstr("step 12"), HasSubstr("layer 1"), HasSubstr("computed again")));
    }
    EXPECT_GE(unexplained, bad ? 1 : 10);
  }
}

TEST(SimFaults, UnexplainedInEveryAttemptIsRefusedByAll) {
  // Every attempt, then again after each rollback to the start.
  constexpr int kJudged =
      static_cast<int>(protocol::PeerOptions::kMaxAttempts) * (1 + protocol::PeerOptions::kMaxRollbacks);
  const auto taps = too_many_wrong(1000);
  SimRun run(small_training(60), taps_of(taps));
  run.run();
  for (const auto& tap : taps)
    if (tap) {
      EXPECT_EQ(tap->fired, kJudged);
    }
  for (int p = 0; p < 10; ++p) {
    ASSERT_TRUE(run.peer(p).failure()) << "peer " << p;
    EXPECT_EQ(run.peer(p).failure()->kind, FailureKind::kRefused);
    EXPECT_THAT(run.peer(p).failure()->message,
                AllOf(HasSubstr("step 12"), HasSubstr("layer 1"), HasSubstr("3 attempts")));
    EXPECT_EQ(run.cluster().program(p).steps_done(), kBadStep) << "a refused step is not committed";
    EXPECT_EQ(run.watch(p).states.at(codes::RoundState::kUnexplained), static_cast<std::uint64_t>(kJudged));
  }
}

TEST(SimFaults, WithoutCodingEverythingIsDecodedUnchecked) {
  SimRun run(small_training(100, code_of("uncoded", {2, 2, 1}, 4)));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  for (int p = 0; p < 4; ++p) {
    EXPECT_EQ(run.peer(p).status().unchecked_rounds, run.peer(p).status().rounds);
    EXPECT_TRUE(run.watch(p).located.empty());
  }
}

TEST(SimFaults, WithoutCodingAWrongProductSpoilsTheRun) {
  const auto taps = function_taps(PeerSet::of({1}), 4, [](int) {
    return [](const TapPoint& point, LiveMatrix live) {
      if (point.stage != Stage::kProduct || point.step != 20 || !point.training) return false;
      live(0, 0) += 10.0F;
      return true;
    };
  });
  SimRun run(small_training(60, code_of("uncoded", {2, 2, 1}, 4)), taps_of(taps));
  run.run();
  EXPECT_EQ(taps[1]->fired, 5);
  run.expect_finished(run.everybody());  // nobody notices
  const auto clean = std::make_unique<SimRun>(small_training(60, code_of("uncoded", {2, 2, 1}, 4)));
  clean->run();
  const double off = static_cast<double>((run.cluster().decoded_weights(1, 0, run.everybody()) -
                                          clean->cluster().decoded_weights(1, 0, run.everybody()))
                                             .norm());
  EXPECT_GT(off, 1e-3);
}

TEST(SimFaults, EvaluationRoundsAreCodedAndChecked) {
  const auto taps = function_taps(PeerSet::of({4}), 10, [](int) {
    return [](const TapPoint& point, LiveMatrix live) {
      if (point.stage != Stage::kProduct || point.training) return false;
      live(0, 1) = 1e3F;
      return true;
    };
  });
  SimRun run(small_training(40), taps_of(taps));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_EQ(taps[4]->fired, 12);  // two evaluations, each two batches of three layers
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(run.watch(p).evaluation_rounds, 12u);
    EXPECT_EQ(run.watch(p).located.size(), 12u);
    EXPECT_EQ(run.watch(p).blamed(), PeerSet::of({4}));
    for (const Located& one : run.watch(p).located) EXPECT_FALSE(one.training);
  }
}

}  // namespace
}  // namespace polydot::simulator::testing
