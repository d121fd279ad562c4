// One of eight peers talks well-formed nonsense from the first moment, or from some step on: the other seven
// train on, end with the weights of the uncoded run, blame nobody else, and keep no more than they may.
#include "tools/simulator/nonsense_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <numeric>

#include "tests/protocol/sim_run.h"
#include "tools/simulator/memory_checker.h"
#include "tools/simulator/swarm.h"

namespace polydot::simulator {
namespace {

using testing::code_of;
using ::testing::IsEmpty;
using testing::SimRun;
using testing::small_training;

constexpr int kPeers = 8, kLiar = 5;
constexpr std::uint64_t kSteps = 60;

// from_step: of the others, when the peer loses its mind; 0: it never was another.
void expect_that_seven_go_on(const NonsenseOptions& nonsense, const codes::ProductCode& code,
                             std::uint64_t from_step) {
  NonsensePeer liar(nonsense);
  ClusterOptions options = small_training(kSteps, code);
  options.network.seed = nonsense.seed;
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 5;
  options.network.observer = &liar;
  options.checkpoint_every = 10;
  SimRun run(options);
  Violations violations;
  MemoryChecker memory(memory_bounds(options.code, options.plan, 5 + 2 * 3), violations);
  codes::PeerSet others = run.everybody();
  others.erase(kLiar);
  bool started = false;
  const auto look = [&](std::int64_t now_ms) {
    if (!started && run.cluster().program(0).steps_done() >= from_step) {
      started = true;
      liar.start(run.cluster());
    }
    for (int p : others.members()) memory.check(now_ms, p, run.peer(p).memory());
  };
  if (from_step == 0) look(0);
  run.cluster().on_time(look);
  ASSERT_NO_FATAL_FAILURE(run.run());
  ASSERT_TRUE(started);
  const std::uint64_t said = std::accumulate(liar.sent().begin(), liar.sent().end(), std::uint64_t{0});
  EXPECT_GT(said, 100u) << "else this test shows nothing";
  run.expect_finished(others);
  run.expect_reference(others);
  EXPECT_THAT(violations.lines(), IsEmpty());
  for (int p : others.members())
    EXPECT_TRUE(run.watch(p).blamed().subset_of(codes::PeerSet::of({kLiar}))) << "peer " << p;
}

codes::ProductCode code_at(std::uint64_t seed) {
  return seed % 2 == 0 ? code_of("polydot", {2, 1, 1}, kPeers) : code_of("mds", {2, 2, 1}, kPeers);
}

// Each kind of message alone: 0 hello, 1 contribution, 2 request, 3 goodbye, 4 abstain, 5 repair request,
// 6 piece, 7 ballot, 8 no piece.
class NonsenseOfOneKind : public ::testing::TestWithParam<int> {};

TEST_P(NonsenseOfOneKind, HarmsNobodyElse) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    NonsenseOptions nonsense;
    nonsense.self = kLiar;
    nonsense.seed = seed;
    nonsense.weights[static_cast<std::size_t>(GetParam())] = 1.0;
    nonsense.burst = seed <= 2 ? 8 : 64;
    nonsense.interval_ms = 3.0;
    SCOPED_TRACE(to_text(nonsense) + " seed " + std::to_string(seed));
    std::cout << "seed " << seed << ": " << to_text(nonsense);
    expect_that_seven_go_on(nonsense, code_at(seed), seed % 3 == 0 ? 10 : 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NonsenseOfOneKind, ::testing::Range(0, kNonsenseKinds));

TEST(Nonsense, OfAllKindsHarmsNobodyElse) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Draw draw(seed);
    const NonsenseOptions nonsense = draw_nonsense(draw, kLiar);
    SCOPED_TRACE(to_text(nonsense) + " seed " + std::to_string(seed));
    std::cout << "seed " << seed << ": " << to_text(nonsense);
    expect_that_seven_go_on(nonsense, code_at(seed), seed % 3 == 0 ? 10 : 0);
  }
}

// As `polydot sim --faults nonsense`: all checkers, with codes, networks and times as they are drawn.
TEST(Nonsense, InTheSwarmHarmsNobodyElse) {
  SwarmOptions options;
  options.first.profile = FaultProfile::kNonsense;
  options.first.steps = 60;
  options.first.seed = 1;
  options.runs = 16;
  options.keep_going = true;
  const SwarmResult result = run_swarm(options, [&](const RunResult& run) {
    ScenarioOptions again = options.first;
    again.seed = run.seed;
    EXPECT_THAT(run.violations, IsEmpty()) << replay_command(again);
  });
  EXPECT_EQ(result.steps, 60u * options.runs);
}

// 503: a peer that came back believed the liar, who said hello first, and ended. The others: the sets that it
// said it had decoded from made all decode from poor ones, and judge by what those deserve: products 0.3 %
// and more off.
TEST(Nonsense, SeedsThatFoundBugsHold) {
  for (const std::uint64_t seed : {503u, 1059u, 1122u, 40079u, 40624u, 40647u, 40983u, 41089u}) {
    ScenarioOptions options;
    options.profile = FaultProfile::kNonsense;
    options.steps = seed == 503 ? 120 : 100;
    options.seed = seed;
    const RunResult run = run_scenario(options, EventLog::Detail::kHash);
    EXPECT_THAT(run.violations, IsEmpty()) << replay_command(options);
  }
}

}  // namespace
}  // namespace polydot::simulator
