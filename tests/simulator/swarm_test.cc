// The swarm itself: a fixed set of runs that meets every kind of event, and that a run is a function of its
// seed. Longer: polydot sim --seed N --runs R.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "dnn/data/sampler.h"
#include "node/config/inject_spec.h"
#include "tests/recorded_hashes.h"
#include "tools/simulator/swarm.h"

namespace polydot::simulator {
namespace {

using ::testing::IsEmpty;

using ::polydot::testing::RecordedHashes;

constexpr std::uint64_t kFirstSeed = 1, kFixedRuns = 24;
constexpr const char* kRecorded = "tests/simulator/recorded_hashes.txt";

void expect_bound(const RunResult& run) {
  EXPECT_LE(run.largest_share, 1.0 / 3)
      << "seed " << run.seed << ": " << run.largest_share_of << " comes too near to what is allowed";
}

TEST(Swarm, TheFixedSetMeetsEveryKindOfEventAndHolds) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  RecordedHashes recorded(kRecorded);
  SwarmOptions options;
  options.first.seed = kFirstSeed;
  options.runs = kFixedRuns;
  options.keep_going = true;
  options.jobs = 2;
  const SwarmResult result = run_swarm(options, [&](const RunResult& run) {
    ScenarioOptions again = options.first;
    again.seed = run.seed;
    EXPECT_THAT(run.violations, IsEmpty()) << replay_command(again);
    expect_bound(run);
    recorded.expect(std::to_string(run.seed), run.log_hash);
  });
  std::cout << "  seeds from " << kFirstSeed << ": " << result.faults.text() << "\n";
  EXPECT_EQ(result.runs, kFixedRuns);
  EXPECT_GE(result.steps, 300u * kFixedRuns);
  EXPECT_EQ(result.faults.missing(), "") << "never happened";
  EXPECT_GT(result.rebuilds, 0u);
  EXPECT_GT(result.repairs, 0u);
  EXPECT_GT(result.committed, 1000u * kFixedRuns);
  EXPECT_EQ(result.committed_wrong, 0u);
}

// Each found a bug; CHANGELOG and the history say which. Some of them go back to a checkpoint.
TEST(Swarm, SeedsThatFoundBugsHold) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  RecordedHashes recorded(kRecorded);
  std::uint64_t rollbacks = 0;
  for (const std::uint64_t seed :
       {69u,     120u,    128u,    212u,    233u,    1046u,   1068u,   1071u,   1099u,   1102u,   3095u,
        3174u,   3209u,   3210u,   3278u,   3396u,   6161u,   6332u,   10678u,  20253u,  30160u,  30254u,
        41349u,  50276u,  70700u,  71486u,  90153u,  90803u,  111188u, 111456u, 111926u, 130066u, 130292u,
        131466u, 150231u, 170218u, 200168u, 200541u, 300117u, 300166u, 300169u, 300230u}) {
    ScenarioOptions options;
    options.seed = seed;
    const RunResult run = run_scenario(options, EventLog::Detail::kHash);
    EXPECT_THAT(run.violations, IsEmpty()) << replay_command(options);
    expect_bound(run);
    recorded.expect(std::to_string(seed), run.log_hash);
    rollbacks += run.rollbacks;
  }
  EXPECT_GT(rollbacks, 0u);
}

// However few steps and whatever code: every fault is one that can be injected.
TEST(Swarm, DrawsFaultsThatCanBe) {
  std::size_t faults = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    ScenarioOptions options;
    options.seed = seed;
    options.steps = 10;
    options.peers = 8;
    options.code = CodeChoice{"replication", {2, 1, 1}};
    for (const std::string& spec : draw_scenario(options).soft_errors) {
      const auto parsed = node::parse_inject_spec(spec);
      EXPECT_TRUE(parsed.ok()) << "seed " << seed << ": " << parsed.failure().message;
      ++faults;
    }
  }
  EXPECT_GT(faults, 300u);
}

TEST(Swarm, ARunIsAFunctionOfItsSeed) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed : {3u, 4u, 5u}) {
    ScenarioOptions options;
    options.seed = seed;
    options.steps = 60;
    const RunResult first = run_scenario(options, EventLog::Detail::kFrames);
    const RunResult again = run_scenario(options, EventLog::Detail::kHash);
    EXPECT_EQ(first.log_hash, again.log_hash) << "seed " << seed;
    EXPECT_EQ(first.virtual_ms, again.virtual_ms);
    EXPECT_FALSE(first.log.empty());
    EXPECT_TRUE(again.log.empty());
    hashes.insert(first.log_hash);
  }
  EXPECT_EQ(hashes.size(), 3u);
}

TEST(Swarm, RunsAreHandedOverInTheOrderOfTheirSeeds) {
  SwarmOptions options;
  options.first.seed = 20;
  options.first.steps = 20;
  options.first.profile = FaultProfile::kNone;
  options.runs = 6;
  options.jobs = 3;
  std::vector<std::uint64_t> seeds;
  run_swarm(options, [&](const RunResult& run) { seeds.push_back(run.seed); });
  EXPECT_EQ(seeds, (std::vector<std::uint64_t>{20, 21, 22, 23, 24, 25}));
}

TEST(Swarm, EveryRunOfAnEpochTakesEachSampleOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ScenarioOptions options;
    options.seed = seed;
    const Scenario scenario = draw_scenario(options);
    dnn::Sampler sampler(scenario.train->count(), scenario.cluster.plan.batch, scenario.cluster.plan.seed);
    std::multiset<std::uint32_t> taken;
    for (std::uint64_t step = 0; step < sampler.steps_per_epoch(); ++step) {
      const auto batch = sampler.batch_at(step);
      taken.insert(batch.begin(), batch.end());
    }
    EXPECT_EQ(taken.size(), static_cast<std::size_t>(scenario.train->count())) << "seed " << seed;
    EXPECT_EQ(std::set<std::uint32_t>(taken.begin(), taken.end()).size(), taken.size()) << "seed " << seed;
  }
}

TEST(Swarm, DrawsScenariosThatTheCodeCanBear) {
  std::set<std::string> codes;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    ScenarioOptions options;
    options.seed = seed;
    const Scenario scenario = draw_scenario(options);
    EXPECT_GE(scenario.peers(), 6) << "seed " << seed;
    EXPECT_LE(scenario.peers(), 24) << "seed " << seed;
    EXPECT_LT(scenario.needed(codes::PassKind::kForward), scenario.peers()) << "seed " << seed;
    EXPECT_LE(scenario.most_impaired, scenario.peers() - scenario.needed(codes::PassKind::kBackward));
    codes::Index weights = 0;
    for (const dnn::Dense& layer : scenario.cluster.plan.network.layers())
      weights += layer.outputs * (layer.inputs + 1);
    EXPECT_LE(weights, 2000) << "seed " << seed;
    codes.insert(scenario.code_name);
  }
  EXPECT_EQ(codes, (std::set<std::string>{"polydot", "mds", "replication"}));
}

// Frames of an epoch that was left still come only where all go back again and again.
TEST(Swarm, InSomeRunsAllGoBack) {
  POLYDOT_SKIP_UNLESS_REPRODUCIBLE();
  ScenarioOptions options;
  options.seed = 43;
  EXPECT_THAT(draw_scenario(options).soft_errors,
              ::testing::Contains(::testing::StartsWith("weights:whole:step=")));
  const RunResult run = run_scenario(options, EventLog::Detail::kHash);
  EXPECT_THAT(run.violations, IsEmpty()) << replay_command(options);
  EXPECT_GE(run.rollbacks, 3u);
}

}  // namespace
}  // namespace polydot::simulator
