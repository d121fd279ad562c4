// Ten peers train over a simulated network that carries bytes through the real codec: without faults, with a
// bad network, with peers that die, stop or disagree. Faults in the numbers: sim_faults_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string name_with(int peer) { return std::to_string(peer) + " ("; }

TEST(SimCluster, TrainsLikeTheReferenceWithoutFaults) {
  SimRun run(small_training(150));
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody(), 1e-5);
  for (int p = 0; p < 10; ++p) {
    const Watch& watch = run.watch(p);
    EXPECT_EQ(watch.started, 1);
    EXPECT_EQ(watch.training_rounds, 150u * 5u);
    EXPECT_TRUE(watch.located.empty());
    EXPECT_EQ(watch.loud_rounds, 0u);
    EXPECT_TRUE(watch.notices.empty());
    EXPECT_EQ(watch.present, std::set<int>{10});
    const protocol::Status& status = run.peer(p).status();
    EXPECT_EQ(status.rounds, watch.training_rounds + watch.evaluation_rounds);
    EXPECT_EQ(status.noise_rounds + status.recomputed_rounds + status.unchecked_rounds +
                  status.rounds_with_findings,
              0u);
    EXPECT_EQ(status.dropped_messages, 0u);
  }
  const NetworkCounters& network = run.cluster().network().counters();
  EXPECT_EQ(network.sent, network.delivered);
  EXPECT_EQ(network.lost + network.reordered, 0u);
}

TEST(SimCluster, TrainsLikeTheReferenceOverABadNetwork) {
  for (double loss : {0.05, 0.3}) {
    constexpr std::uint64_t kSeed = 1;
    std::cout << "network seed " << kSeed << ", loss " << loss << "\n";
    ClusterOptions options = small_training(100);
    options.network = bad_network(kSeed, loss);
    SimRun run(options);
    run.run();
    const NetworkCounters& network = run.cluster().network().counters();
    EXPECT_NEAR(static_cast<double>(network.lost) / static_cast<double>(network.sent), loss, 0.02);
    EXPECT_GT(network.reordered, 500u);
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    std::uint64_t noise = 0;
    std::set<int> present;
    for (int p = 0; p < 10; ++p) {
      EXPECT_TRUE(run.watch(p).located.empty()) << "peer " << p;
      EXPECT_EQ(run.peer(p).status().recomputed_rounds, 0u);
      noise += run.peer(p).status().noise_rounds;
      present.insert(run.watch(p).present.begin(), run.watch(p).present.end());
    }
    std::cout << "  " << network.lost << " frames lost, " << network.reordered << " reordered, " << noise
              << " noise rounds, at least " << *present.begin() << " contributions a round\n";
  }
}

// Everything a run leaves behind, to the bit.
std::vector<std::uint32_t> bits_of(SimRun& run) {
  std::vector<std::uint32_t> bits;
  for (int p = 0; p < run.cluster().size(); ++p)
    for (Index l = 0; l < run.cluster().program(p).layer_count(); ++l) {
      const codes::Matrix& weights = run.cluster().program(p).layer(l).shard(0).weights;
      const std::size_t at = bits.size();
      bits.resize(at + static_cast<std::size_t>(weights.size()));
      std::memcpy(bits.data() + at, weights.data(), static_cast<std::size_t>(weights.size()) * sizeof(float));
    }
  return bits;
}

TEST(SimCluster, IsAFunctionOfItsSeeds) {
  const auto train = [](std::uint64_t network_seed) {
    ClusterOptions options = small_training(40);
    options.network = bad_network(network_seed);
    auto run = std::make_unique<SimRun>(options);
    run->run();
    return run;
  };
  const auto first = train(7), again = train(7), other = train(8);
  EXPECT_EQ(bits_of(*first), bits_of(*again));
  EXPECT_EQ(first->cluster().network().counters(), again->cluster().network().counters());
  EXPECT_EQ(first->cluster().network().now_ms(), again->cluster().network().now_ms());
  EXPECT_FALSE(first->cluster().network().counters() == other->cluster().network().counters());
}

TEST(SimCluster, TheOthersFinishWhenOnePeerDies) {
  ClusterOptions options = small_training(100);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  SimRun run(options);
  bool killed = false;
  run.cluster().on_time([&](std::int64_t) {
    if (killed || run.cluster().program(0).steps_done() < 30) return;
    run.cluster().kill(6);
    killed = true;
  });
  run.run();
  ASSERT_TRUE(killed);
  ASSERT_LT(run.cluster().program(6).steps_done(), 40u);
  PeerSet others = run.everybody();
  others.erase(6);
  run.expect_finished(others);
  run.expect_reference(others);
  for (int p : others.members()) {
    EXPECT_TRUE(run.watch(p).present.contains(9));
    EXPECT_TRUE(run.watch(p).located.empty()) << "missing is not wrong";
  }
}

// Five rounds a step, and in each of them a dead peer costs nothing but the first patience.
TEST(SimCluster, ADeadPeerIsWaitedForOnce) {
  const auto duration_ms = [](bool kill) {
    ClusterOptions options = small_training(60);
    options.network.least_delay_ms = options.network.most_delay_ms = 1;
    SimRun run(options);
    run.cluster().on_time([&](std::int64_t) {
      if (kill && run.cluster().program(0).steps_done() == 10) run.cluster().kill(3);
    });
    run.run();
    return run.cluster().network().now_ms();
  };
  const std::int64_t whole = duration_ms(false), with_death = duration_ms(true);
  // One patience (1,000 ms) in the round, one at the end: nobody says goodbye for the dead peer.
  EXPECT_GT(with_death, whole + 1000);
  EXPECT_LT(with_death, whole + 2100);
}

TEST(SimCluster, GivesUpNamingTheDeadWhenTooManyDie) {
  ClusterOptions options = small_training(100);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  SimRun run(options);
  const PeerSet dead = PeerSet::of({1, 4, 5, 8});  // six are left: enough forward, not backward
  bool killed = false;
  run.cluster().on_time([&](std::int64_t) {
    if (killed || run.cluster().program(0).steps_done() < 10) return;
    for (int p : dead.members()) run.cluster().kill(p);
    killed = true;
  });
  run.run();
  ASSERT_TRUE(killed);
  for (int p : (run.everybody() - dead).members()) {
    ASSERT_TRUE(run.peer(p).failure()) << "peer " << p;
    EXPECT_EQ(run.peer(p).failure()->kind, FailureKind::kNetwork);
    const std::string& line = run.peer(p).failure()->message;
    EXPECT_THAT(line, HasSubstr("step 1"));
    for (int d : dead.members()) EXPECT_THAT(line, HasSubstr(name_with(d)));
    EXPECT_THAT(line, Not(HasSubstr("\n")));
    EXPECT_EQ(run.peer(p).status().phase, protocol::PeerPhase::kEnded);
    EXPECT_LT(run.cluster().program(p).steps_done(), 12u);  // nothing was guessed
  }
}

TEST(SimCluster, AStartWithoutAPeerThatNeverComes) {
  SimRun run(small_training(10));
  run.cluster().kill(7);
  run.run();
  run.expect_finished(run.everybody() - PeerSet::of({7}));
  run.expect_reference(run.everybody() - PeerSet::of({7}));
}

TEST(SimCluster, TooFewForAStartAreNamed) {
  SimRun run(small_training(10));
  for (int p : {1, 2, 3, 7}) run.cluster().kill(p);
  run.run();
  int named = 0;
  for (int p : {0, 4, 5, 6, 8, 9}) {
    ASSERT_TRUE(run.peer(p).failure());
    EXPECT_EQ(run.peer(p).failure()->kind, FailureKind::kNetwork);
    named += run.peer(p).failure()->message.find("7 (never heard)") != std::string::npos;
    EXPECT_EQ(run.watch(p).started, 0);
  }
  EXPECT_GE(named, 1);  // the others may hear it leave before they give up themselves
}

TEST(SimCluster, UnequalSettingsAreNamedOnBothSides) {
  for (double loss : {0.0, 0.2}) {
    ClusterOptions options = small_training(10);
    options.network.loss = loss;
    options.shared = {{"seed", "1"}, {"training.lr", "0.02"}};
    options.adjust = [](protocol::PeerOptions& peer) {
      if (peer.self == 4) peer.shared["training.lr"] = "0.03";
    };
    SimRun run(options);
    run.run();
    // Some may only hear that another one left because of it.
    PeerSet naming;
    for (int p = 0; p < 10; ++p) {
      ASSERT_TRUE(run.peer(p).failure()) << "peer " << p;
      const auto& [kind, line] = *run.peer(p).failure();
      EXPECT_EQ(kind, FailureKind::kDisagreement) << line;
      EXPECT_EQ(run.cluster().program(p).steps_done(), 0u);
      EXPECT_EQ(run.watch(p).started, 0);
      EXPECT_THAT(line, HasSubstr("peer "));
      EXPECT_THAT(line, Not(HasSubstr("seed")));
      const bool all_there = line.find("training.lr") != std::string::npos &&
                             line.find("0.02") != std::string::npos && line.find("0.03") != std::string::npos;
      if (all_there) naming.insert(p);
      if (all_there && p != 4) {
        EXPECT_THAT(line, HasSubstr("peer 4"));
      }
    }
    EXPECT_FALSE(naming.empty());
    if (loss > 0.0) continue;  // the hello of the other side may be lost for good
    EXPECT_TRUE(naming.contains(4));
    EXPECT_GE(naming.size(), 2);
  }
}

TEST(SimCluster, AKeyThatOnlyOneHasIsADifference) {
  ClusterOptions options = small_training(10);
  options.adjust = [](protocol::PeerOptions& peer) {
    if (peer.self == 0) peer.shared["training.clip"] = "5";
  };
  SimRun run(options);
  run.run();
  EXPECT_THAT(run.peer(3).failure()->message,
              AllOf(HasSubstr("peer 0"), HasSubstr("training.clip"), HasSubstr("5")));
  EXPECT_THAT(run.peer(0).failure()->message, AllOf(HasSubstr("training.clip"), HasSubstr("5")));
}

TEST(SimCluster, AllJoinUnderHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ClusterOptions options = small_training(1);
    options.network = bad_network(seed, 0.5);
    SimRun run(options);
    run.run();
    EXPECT_GT(run.cluster().network().counters().lost, 1000u);
    for (int p = 0; p < 10; ++p)
      EXPECT_EQ(run.watch(p).started, 1) << "peer " << p << ", network seed " << seed;
  }
}

// The last round of a slow peer needs the others, who have finished: they linger for it.
TEST(SimCluster, NobodyIsStrandedAtTheEndOfAShortRun) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("network seed " + std::to_string(seed));
    ClusterOptions options = small_training(2);
    options.network = bad_network(seed, 0.3);
    SimRun run(options);
    run.run();
    run.expect_finished(run.everybody());
  }
}

TEST(SimCluster, AllStopAfterTheStepWhenToldTo) {
  ClusterOptions options = small_training(100);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 5;
  SimRun run(options);
  bool told = false;
  run.cluster().on_time([&](std::int64_t) {
    if (told || run.cluster().program(2).steps_done() < 25) return;
    for (int p = 0; p < 10; ++p) run.peer(p).stop_after_step(130);
    told = true;
  });
  run.run();
  ASSERT_TRUE(told);
  for (int p = 0; p < 10; ++p) {
    EXPECT_TRUE(run.peer(p).stopped());
    EXPECT_FALSE(run.peer(p).failure());
    EXPECT_GE(run.cluster().program(p).steps_done(), 24u);
    EXPECT_LE(run.cluster().program(p).steps_done(), 26u);
  }
}

TEST(SimCluster, TheOthersGoOnWithoutDelayWhenOnePeerStops) {
  const auto duration_ms = [](const PeerSet& stop) {
    ClusterOptions options = small_training(60);
    options.network.least_delay_ms = options.network.most_delay_ms = 1;
    SimRun run(options);
    run.cluster().on_time([&](std::int64_t) {
      if (run.cluster().program(0).steps_done() != 10) return;
      for (int p : stop.members()) run.peer(p).stop_after_step(143);
    });
    run.run();
    run.expect_finished(run.everybody() - stop);
    run.expect_reference(run.everybody() - stop);
    for (int p : stop.members()) {
      EXPECT_TRUE(run.peer(p).stopped());
      EXPECT_LE(run.cluster().program(p).steps_done(), 12u);
    }
    return run.cluster().network().now_ms();
  };
  const std::int64_t whole = duration_ms({}), without_two = duration_ms(PeerSet::of({5, 8}));
  EXPECT_LT(without_two, whole + 100);  // they said goodbye: nobody waits for them
}

}  // namespace
}  // namespace polydot::simulator::testing
