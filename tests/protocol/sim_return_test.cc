// Coming back: crash, freeze, partition and power loss, in one process on virtual time. Whatever happens, all
// peers end with the reference's weights.
#include <gmock/gmock.h>

#include "node/checkpoints/ballot_file.h"
#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::int64_t kCrashMs = 300;

// Over a network that takes its time, so that time passes.
ClusterOptions timed(std::uint64_t steps, std::uint64_t checkpoint_every = 20) {
  ClusterOptions options = small_training(steps);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  options.checkpoint_every = checkpoint_every;
  return options;
}

void expect_all_well(SimRun& run) {
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
}

// Nothing passes between these and the others until then.
void cut_between(SimNetwork& network, const std::vector<int>& some, int peers, std::int64_t until_ms) {
  for (int p = 0; p < peers; ++p)
    for (int q = 0; q < peers; ++q) {
      const bool here = std::find(some.begin(), some.end(), p) != some.end();
      const bool there = std::find(some.begin(), some.end(), q) != some.end();
      if (here != there) network.cut(p, q, until_ms);
    }
}

std::uint64_t all_rollbacks(SimRun& run) {
  std::uint64_t sum = 0;
  for (int p = 0; p < run.cluster().size(); ++p) sum += run.peer(p).status().rollbacks;
  return sum;
}

class Return : public ::testing::TestWithParam<int> {};

TEST_P(Return, AfterACrashWithItsDisk) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] { run.cluster().crash(GetParam()); });
  run.cluster().at(kCrashMs + 400, [&] { run.cluster().restart(GetParam()); });
  expect_all_well(run);
  EXPECT_EQ(run.peer(GetParam()).status().follows, 1u);
  EXPECT_GE(run.peer(GetParam()).status().rebuilds, 3u) << "a shard of each layer";
  EXPECT_EQ(all_rollbacks(run), 0u);
}

TEST(Margin, WithoutOneRoundsGoOnUncheckedAndAreCounted) {
  ClusterOptions options = timed(60);
  for (const int margin : {0, 1}) {
    options.margin = margin;
    SimRun run(options);
    run.cluster().at(100, [&] {
      for (int p : {1, 3, 5, 8}) run.cluster().kill(p);
    });
    run.run();
    for (int p : {0, 2, 4, 6, 7, 9}) {
      const protocol::Status& status = run.peer(p).status();
      if (margin == 0) {
        EXPECT_EQ(status.phase, protocol::PeerPhase::kEnded);
        EXPECT_FALSE(run.peer(p).failure());
        EXPECT_GT(status.unchecked_rounds, 0u);
        EXPECT_LT(status.unchecked_rounds, status.rounds) << "with all ten they were checked";
        EXPECT_THAT(run.watch(p).notices, Contains(HasSubstr("margin 0")));
      } else {
        EXPECT_EQ(status.unchecked_rounds, 0u);
        EXPECT_LT(run.cluster().program(p).steps_done(), 60u) << "six are as many as decode a backward pass";
      }
    }
    if (margin == 0) run.expect_reference(PeerSet::of({0, 2, 4, 6, 7, 9}));
  }
}

TEST_P(Return, AfterACrashWithoutItsDisk) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] {
    run.cluster().crash(GetParam());
    run.cluster().lose_disk(GetParam());
  });
  run.cluster().at(kCrashMs + 400, [&] { run.cluster().restart(GetParam()); });
  expect_all_well(run);
  EXPECT_EQ(run.peer(GetParam()).status().follows, 1u);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

INSTANTIATE_TEST_SUITE_P(EveryPeer, Return, ::testing::Range(0, 10));

TEST(ReturnMore, AFrozenPeerCostsOnePatienceAndIsRebuilt) {
  SimRun run(timed(400));
  run.cluster().at(kCrashMs, [&] { run.cluster().freeze(4, kCrashMs + 2000); });
  expect_all_well(run);
  EXPECT_EQ(run.peer(4).status().follows, 1u);
}

TEST(ReturnMore, AnHourOfSleepUsesUpNobodysPatience) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] { run.cluster().jump_clock(4, 3'600'000); });
  expect_all_well(run);
}

TEST(ReturnMore, ANewMachineInAnOldPlace) {
  SimRun run(timed(300));
  run.cluster().at(0, [&] { run.cluster().crash(7); });
  run.cluster().at(1800, [&] { run.cluster().restart(7); });
  expect_all_well(run);
}

TEST(ReturnMore, OneAfterTheOtherAllOfThem) {
  SimRun run(timed(1200));
  for (int p = 0; p < 10; ++p) {
    const std::int64_t at = kCrashMs + 700 * p;
    run.cluster().at(at, [&run, p] {
      run.cluster().crash(p);
      if (p % 2 == 1) run.cluster().lose_disk(p);
    });
    run.cluster().at(at + 300, [&run, p] { run.cluster().restart(p); });
  }
  expect_all_well(run);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

TEST(ReturnMore, AllAtOnceResumeFromACheckpoint) {
  SimRun run(timed(200));
  run.cluster().at(800, [&] {
    for (int p = 0; p < 10; ++p) run.cluster().crash(p);
  });
  for (int p = 0; p < 10; ++p) run.cluster().at(900 + 7 * p, [&run, p] { run.cluster().restart(p); });
  expect_all_well(run);
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(run.peer(p).status().resumes, 1u) << p;
    EXPECT_THAT(run.watch(p).notices, Contains(HasSubstr("resumes from the checkpoint")));
  }
}

TEST(ReturnMore, AllAtOnceAndThreeDisksAreLost) {
  SimRun run(timed(300));
  run.cluster().at(800, [&] {
    for (int p = 0; p < 10; ++p) run.cluster().crash(p);
    for (int p : {0, 4, 9}) run.cluster().lose_disk(p);
  });
  for (int p = 0; p < 10; ++p) run.cluster().at(900 + 7 * p, [&run, p] { run.cluster().restart(p); });
  expect_all_well(run);
}

TEST(ReturnMore, AllDisksLostIsANewStart) {
  SimRun run(timed(60));
  run.cluster().at(kCrashMs, [&] {
    for (int p = 0; p < 10; ++p) run.cluster().crash(p), run.cluster().lose_disk(p);
    for (int p = 0; p < 10; ++p) run.cluster().restart(p);
  });
  expect_all_well(run);
}

// Five of ten cannot go on; the others' return with empty disks is enough, and nothing is undone: who was
// rebuilt takes part in the round that waits, although it had abstained.
TEST(ReturnMore, WhoWaitsForAQuorumRebuildsIt) {
  // So that they come to wait in any round of a step, the first as well.
  for (std::int64_t crash_ms = kCrashMs; crash_ms < kCrashMs + 24; crash_ms += 6) {
    std::cout << "crash at " << crash_ms << "\n";
    SimRun run(timed(120));
    run.cluster().at(crash_ms, [&] {
      for (int p : {1, 3, 5, 7, 9}) run.cluster().crash(p), run.cluster().lose_disk(p);
    });
    for (int p : {1, 3, 5, 7, 9}) run.cluster().at(2500, [&run, p] { run.cluster().restart(p); });
    expect_all_well(run);
    EXPECT_EQ(all_rollbacks(run), 0u);
  }
}

// The first backward product of that step is wrong throughout; computed again it is right.
auto one_wrong_product(std::uint64_t step) {
  return [step, wrong = false](const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) mutable {
    const bool here = point.stage == codes::Stage::kProduct && point.step == step && point.training &&
                      point.pass == codes::PassKind::kBackward;
    if (!here || std::exchange(wrong, true)) return false;
    live.setConstant(7.0f);
    return true;
  };
}

// Peer 9 lacks three contributions of a step that the others have done, and one of the rest is wrong: it
// cannot make sure of it. Those three die, and the others need peer 9 for the next step.
TEST(ReturnMore, WhoCannotMakeSureOfARoundIsRebuiltWhereTheOthersNeedIt) {
  constexpr std::uint64_t kStep = 30;
  const PeerSet kDying = PeerSet::of({1, 5, 8});
  ClusterOptions options = timed(100);
  options.network.loses = [&](int from, int to, std::span<const std::byte> header) {
    std::uint64_t step = 0;
    std::memcpy(&step, header.data() + 40, sizeof step);
    return kDying.contains(from) && to == 9 &&
           header[1] == static_cast<std::byte>(protocol::MessageKind::kContribution) && step == kStep;
  };
  FunctionTap tap(one_wrong_product(kStep));
  std::vector<codes::FaultTap*> taps(10, nullptr);
  taps[3] = &tap;
  SimRun run(options, taps);
  bool dead = false, back = false;
  std::int64_t died_ms = 0, went_on_ms = 0;
  run.cluster().on_time([&](std::int64_t now) {
    const std::uint64_t step = run.peer(4).status().key.step;
    if (step > kStep && !std::exchange(dead, true)) {
      died_ms = now;
      for (const int p : kDying.members()) run.cluster().crash(p);
    }
    if (step > kStep + 2 && went_on_ms == 0) went_on_ms = now;
    if (step > kStep + 10 && !std::exchange(back, true))
      for (const int p : kDying.members()) run.cluster().restart(p);
  });
  expect_all_well(run);
  EXPECT_TRUE(back);
  EXPECT_EQ(tap.fired, 1);
  EXPECT_GE(run.peer(9).status().follows, 1u);
  EXPECT_LT(went_on_ms - died_ms, options.patience_ms / 2);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

// Three are gone and one of the rest sends a wrong product: seven rows show that something is wrong, and no
// more. Computed again it is right: nobody waits a patience for the three.
TEST(ReturnMore, AWrongNumberBesideThreeThatAreGoneCostsNoPatience) {
  ClusterOptions options = timed(100);
  constexpr std::uint64_t kGone = 30, kWrong = 45;
  FunctionTap tap(one_wrong_product(kWrong));
  std::vector<codes::FaultTap*> taps(10, nullptr);
  taps[3] = &tap;
  SimRun run(options, taps);
  bool gone = false, back = false;
  std::int64_t before_ms = 0, after_ms = 0;
  run.cluster().on_time([&](std::int64_t now) {
    const std::uint64_t step = run.peer(9).status().key.step;
    if (step >= kGone && !std::exchange(gone, true))
      for (const int p : {1, 5, 8}) run.cluster().crash(p);
    if (step >= kWrong && before_ms == 0) before_ms = now;
    if (step > kWrong && after_ms == 0) after_ms = now;
    if (step > kWrong + 20 && !std::exchange(back, true))
      for (const int p : {1, 5, 8}) run.cluster().restart(p);
  });
  expect_all_well(run);
  EXPECT_TRUE(back);
  EXPECT_EQ(tap.fired, 1);
  EXPECT_GT(run.peer(9).status().recomputed_rounds, 0u) << "nobody could say who was wrong";
  EXPECT_LT(after_ms - before_ms, options.patience_ms / 2);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

// Seven are enough to decode, and most sets of seven to check; in this one too much could hide. It stands
// until somebody comes back: neither computing again nor a checkpoint makes it better.
TEST(ReturnMore, AWeakSetStandsUntilSomebodyComesBack) {
  ClusterOptions options = timed(80);
  SimRun run(options);
  const std::int64_t back_ms = kCrashMs + 8 * options.patience_ms;
  run.cluster().at(kCrashMs, [&] {
    for (int p : {0, 1, 2}) run.cluster().crash(p);
  });
  std::uint64_t stood_at = 0, stood_still = 0;
  run.cluster().at(kCrashMs + 2 * options.patience_ms, [&] { stood_at = run.peer(5).status().key.step; });
  run.cluster().at(back_ms, [&] {
    stood_still = run.peer(5).status().key.step;
    EXPECT_EQ(run.peer(5).status().waiting_for, PeerSet::of({0, 1, 2}));
    run.cluster().restart(1);
  });
  run.cluster().at(back_ms + 50, [&] { run.cluster().restart(0), run.cluster().restart(2); });
  expect_all_well(run);
  EXPECT_EQ(stood_at, stood_still);
  EXPECT_EQ(all_rollbacks(run), 0u);
  EXPECT_EQ(run.peer(5).status().recomputed_rounds, 0u);
}

// Fewer are missing, and one of the others claims to be in an epoch that does not exist: it is asked about,
// and rounds and repairs go on.
TEST(ReturnMore, TheWordOfOneAboutALaterEpochStopsNobody) {
  SimRun run(timed(200));
  protocol::Message request;
  request.kind = protocol::MessageKind::kRequest;
  request.key.epoch = 5;
  run.cluster().at(kCrashMs, [&] {
    for (int p : {1, 3, 5, 7}) run.cluster().crash(p), run.cluster().lose_disk(p);
    for (int p : {0, 2, 4, 6, 8}) run.cluster().hand(p, 9, request);
  });
  for (int p : {1, 3, 5, 7}) run.cluster().at(3500, [&run, p] { run.cluster().restart(p); });
  expect_all_well(run);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

// Its record says that it accepted a ballot to leave the epoch in which the others go on.
TEST(ReturnMore, WithAnAcceptanceThatWasInVain) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] {
    run.cluster().crash(4);
    protocol::BallotRecord record;
    record.promised = record.accepted = 13;
    ASSERT_TRUE(node::keep_ballot_record(run.cluster().disk(4), run.cluster().identity(4), record));
  });
  run.cluster().at(kCrashMs + 400, [&] { run.cluster().restart(4); });
  expect_all_well(run);
  EXPECT_EQ(run.peer(4).status().follows, 1u);
  EXPECT_EQ(all_rollbacks(run), 0u);
  EXPECT_EQ(run.cluster().durable_record(4)->accepted, 0u);
}

TEST(ReturnMore, TheMinorityFollowsAfterAPartition) {
  SimRun run(timed(500));
  run.cluster().at(kCrashMs, [&] { cut_between(run.cluster().network(), {2, 5, 8}, 10, kCrashMs + 1500); });
  expect_all_well(run);
  EXPECT_EQ(all_rollbacks(run), 0u);
}

// Neither half has a majority: both stand still, and go on where they were.
TEST(ReturnMore, HalvesGoOnAfterAPartition) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] {
    cut_between(run.cluster().network(), {0, 1, 2, 3, 4}, 10, kCrashMs + 4000);
  });
  expect_all_well(run);
}

TEST(ReturnMore, OverALossyNetwork) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    std::cout << "seed " << seed << "\n";
    ClusterOptions options = timed(300);
    options.network.seed = seed;
    options.network.loss = 0.05;
    SimRun run(options);
    run.cluster().at(kCrashMs, [&] { run.cluster().crash(6); });
    run.cluster().at(kCrashMs + 400, [&] { run.cluster().restart(6); });
    expect_all_well(run);
  }
}

}  // namespace
}  // namespace polydot::simulator::testing
