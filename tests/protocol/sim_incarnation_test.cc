// A process is started again, or once more, or its frames outlive it: on virtual time, with real training.
#include <gtest/gtest.h>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

constexpr std::int64_t kCrashMs = 300;

ClusterOptions timed(std::uint64_t steps) {
  ClusterOptions options = small_training(steps);
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  options.checkpoint_every = 20;
  return options;
}

// With a disk and without, within a patience (1,000 ms) of the crash: it does not wait until that is over.
TEST(Incarnation, AProcessThatIsStartedAgainIsTakenAsSoonAsItAnswers) {
  for (const bool keeps_disk : {true, false}) {
    SimRun run(timed(300));
    std::int64_t started_ms = -1;
    run.cluster().at(kCrashMs, [&] { run.cluster().crash(4); });
    run.cluster().at(kCrashMs + 50, [&] {
      if (!keeps_disk) run.cluster().lose_disk(4);
      run.cluster().restart(4);
    });
    run.cluster().on_time([&](std::int64_t now) {
      const bool runs = now > kCrashMs + 50 && run.peer(4).status().phase == protocol::PeerPhase::kRunning;
      if (runs && started_ms < 0) started_ms = now;
    });
    run.run();
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    EXPECT_GT(started_ms, 0);
    EXPECT_LT(started_ms, kCrashMs + 400) << "disk kept: " << keeps_disk;
  }
}

// The network may hold frames of a process longer than it lives.
TEST(Incarnation, LateFramesOfAProcessThatHasEndedChangeNothing) {
  ClusterOptions options = timed(300);
  options.network.straggling = 0.05;
  options.network.straggle_ms = 600;
  SimRun run(options);
  for (const std::int64_t at : {kCrashMs, kCrashMs + 400, kCrashMs + 800}) {
    run.cluster().at(at, [&] { run.cluster().crash(4); });
    run.cluster().at(at + 100, [&] { run.cluster().restart(4); });
  }
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  std::uint64_t unheard = 0;
  for (int p = 0; p < 10; ++p) unheard += run.peer(p).status().unheard_messages;
  EXPECT_GT(unheard, 0u) << "no late frame came";
  EXPECT_GT(run.cluster().network().counters().straggled, 0u);
}

std::uint64_t all_unheard(SimRun& run) {
  std::uint64_t sum = 0;
  for (int p = 0; p < run.cluster().size(); ++p) sum += run.peer(p).status().unheard_messages;
  return sum;
}

// A second process, bound elsewhere, while the right one is there: it stays, it leaves, nobody notices.
TEST(Incarnation, ASecondProcessElsewhereChangesNothing) {
  SimRun run(timed(300));
  run.cluster().at(kCrashMs, [&] { run.cluster().start_second(4); });
  run.cluster().at(kCrashMs + 900, [&] {
    EXPECT_TRUE(run.cluster().has_second(4));
    run.cluster().end_second(4);
  });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  EXPECT_GT(all_unheard(run), 0u);
  EXPECT_FALSE(run.cluster().has_second(4)) << "it left";
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(run.peer(p).status().follows, 0u) << p;
    int said = 0;
    for (const std::string& line : run.watch(p).notices) said += line.starts_with("two processes claim");
    EXPECT_EQ(said, p == 4 ? 0 : 1) << p;
  }
}

// While the right one is down longer than a patience the second takes its place, and has to give it back.
TEST(Incarnation, TheRightOneComesBackAlthoughASecondHasItsPlace) {
  for (const bool frozen : {false, true}) {
    SimRun run(timed(600));
    run.cluster().at(kCrashMs, [&] {
      run.cluster().start_second(4);
      frozen ? run.cluster().freeze(4, kCrashMs + 1800) : run.cluster().crash(4);
    });
    run.cluster().at(kCrashMs + 1800, [&] {
      if (!frozen) run.cluster().restart(4);
    });
    run.cluster().at(kCrashMs + 3000, [&] { run.cluster().end_second(4); });
    run.run();
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    EXPECT_GE(run.peer(4).status().follows, 1u);
  }
}

// It is there first, and ends while the others wait for the right one.
TEST(Incarnation, ASecondProcessThatWasFirstGivesWay) {
  SimRun run(timed(100));
  run.cluster().crash(4);
  run.cluster().start_second(4);
  run.cluster().at(100, [&] { run.cluster().restart(4); });
  run.cluster().at(250, [&] { run.cluster().end_second(4); });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
}

// It is all that was ever heard of that peer when it is stopped: nobody gives up the start for it (seed
// 300230).
TEST(Incarnation, ASecondProcessThatIsStoppedWhileAllJoinEndsNobody) {
  SimRun run(timed(100));
  run.cluster().crash(4);
  run.cluster().start_second(4);
  run.cluster().at(60, [&] { run.cluster().end_second(4); });
  run.cluster().at(120, [&] { run.cluster().restart(4); });
  run.run();
  run.expect_finished(run.everybody());
  run.expect_reference(run.everybody());
  for (int p : run.everybody().members()) EXPECT_EQ(run.peer(p).status().follows, 0u) << p;
}

}  // namespace
}  // namespace polydot::simulator::testing
