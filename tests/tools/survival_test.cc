// Processes that are killed, stopped, or lose their disk: the run ends where one without trouble would have.
#include <gmock/gmock.h>

#include "node/text/json_text.h"
#include "tests/tools/hand_started.h"
#include "tests/tools/run_under_test.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Survival : public RunUnderTest {
 protected:
  // Its process may have ended by itself a moment ago.
  void kill_peer(int peer) const {
    const pid_t pid = pid_of(peer);
    ASSERT_GT(pid, 0);
    kill(pid, SIGKILL);
  }
  // A machine may be so fast that the run is over before all has happened to it that should: calls `attempt`
  // with twice as many steps each time until it returns true.
  void with_enough_steps(std::uint64_t steps, const std::function<bool(std::uint64_t)>& attempt) const {
    for (int k = 0; k < 6 && !HasFailure(); ++k, steps *= 2)
      if (attempt(steps)) return;
    ADD_FAILURE() << "a run of " << steps / 2 << " steps was over too soon";
  }
  // False, for with_enough_steps: the others finished without this peer, and it could not be otherwise.
  bool has_ended_well(Process& run, int peer) const {
    const Ended ended = run.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err << log_of(peer);
    return false;
  }
  // Until the peer, killed as it was, takes part again.
  bool comes_back(Process& run, int peer, int lives, int returns) const {
    return run.runs_until([&] { return lives_of(peer) > lives && returns_of(peer) > returns; });
  }
};

TEST_F(Survival, EachPeerInTurnIsKilledAndComesBack) {
  with_enough_steps(4000, [&](std::uint64_t steps) {
    Process run = start_run({"--steps", std::to_string(steps), "--respawn", "--certify"});
    for (int p = 0; p < kPeers; ++p) {
      if (!run.runs_until([&] { return steps_of(p) > 10; })) return false;
      const int lives = lives_of(p), returns = returns_of(p);
      kill_peer(p);
      if (!comes_back(run, p, lives, returns)) return has_ended_well(run, p);
    }
    const Ended ended = run.wait();
    const json summary = expect_good_end(ended, steps);
    EXPECT_EQ(summary.at("peers_finished"), kPeers) << ended.err << logs();
    EXPECT_EQ(summary.at("survival").at("restarts"), kPeers);
    EXPECT_EQ(count_of(ended.err, "ended by signal 9; it is started again in 0.5 s"), kPeers) << ended.err;
    EXPECT_EQ(node::parse_json(read_file(of_peer(0, "summary.json"))).at("lives"), 2);
    return true;
  });
}

TEST_F(Survival, WhoWasStoppedForAWhileCatchesUp) {
  constexpr std::uint64_t kSteps = 2000;
  Process run = start_run({"--steps", std::to_string(kSteps), "--certify"});
  ASSERT_TRUE(run.runs_until([&] { return steps_of(3) > 10; })) << run.wait().err;
  const pid_t pid = pid_of(3);
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  const std::uint64_t stopped_at = steps_of(3);
  const bool others_went_on = run.runs_until([&] { return steps_of(0) > stopped_at + 300; });
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  ASSERT_TRUE(others_went_on) << run.wait().err;
  const json summary = expect_good_end(run.wait(), kSteps);
  EXPECT_EQ(summary.at("peers_finished"), kPeers) << logs();
  EXPECT_EQ(summary.at("survival").at("restarts"), 0);
}

TEST_F(Survival, WhoLostItsDiskIsRebuilt) {
  with_enough_steps(2000, [&](std::uint64_t steps) {
    Process run = start_run({"--steps", std::to_string(steps), "--respawn", "--certify"});
    if (!run.runs_until([&] { return steps_of(4) > 10; })) return false;
    // While the launcher stands still nobody is started again: the folder goes between two lives.
    run.signal(SIGSTOP);
    const pid_t pid = pid_of(4);
    kill_peer(4);
    run.runs_until([&] { return command_line_of(pid).empty(); });  // nobody has reaped it yet
    const std::string folder = of_peer(4, "");
    std::filesystem::remove_all(folder);
    run.signal(SIGCONT);
    if (!comes_back(run, 4, 0, 0)) return has_ended_well(run, 4);
    const json summary = expect_good_end(run.wait(), steps);
    EXPECT_EQ(summary.at("peers_finished"), kPeers) << logs();
    EXPECT_EQ(lives_of(4), 1);
    return true;
  });
}

TEST_F(Survival, WhenAllWereKilledTheRunIsResumed) {
  constexpr std::uint64_t kSteps = 1000;
  Process first = start_run({"--steps", std::to_string(kSteps), "--checkpoint-every", "50"});
  ASSERT_TRUE(first.runs_until([&] { return steps_of(0) > 220; })) << first.wait().err;
  const std::vector<pid_t> peers = first.children();
  first.signal(SIGKILL);
  first.wait();
  for (const pid_t pid : peers) EXPECT_EQ(wait_for_orphan(pid), 128 + SIGKILL);
  EXPECT_FALSE(std::filesystem::exists(run_ + "/summary.json"));
  // Whose folder is missing is like one whose disk was lost.
  std::filesystem::remove_all(of_peer(7, ""));

  const Ended ended = run(scratch_, {"train", "--resume", run_, "--certify"});
  const json summary = expect_good_end(ended, kSteps);
  EXPECT_THAT(ended.err, HasSubstr("resumes, seed 1"));
  EXPECT_EQ(summary.at("peers_finished"), kPeers) << logs();
  EXPECT_EQ(summary.at("survival").at("restarts"), kPeers - 1);
  EXPECT_EQ(summary.at("survival").at("resumes"), 1);
  EXPECT_THAT(log_of(0), HasSubstr("resumes from"));
  EXPECT_EQ(log_of(0).find("resumes from the start"), std::string::npos) << log_of(0);

  const Ended again = run(scratch_, {"train", "--resume", run_});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.err, "polydot: " + run_ + " has finished: nothing to resume\n");
}

// By the command that started it, without a launcher.
TEST_F(Survival, AHandStartedPeerReturnsByItself) {
  with_free_ports(kPeers, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, join({tiny_network(data_), {"--steps", "4000", "--patience-ms", "1000"}}),
                        scratch_);
    for (int p = 0; p < kPeers; ++p) cluster.start_peer(p);
    const auto lines = [&](const char* name) { return lines_of(read_file(cluster.of_peer(5, name))).size(); };
    if (!cluster.peer(5).runs_until([&] { return lines("metrics.csv") > 20; }))
      return !any_found_its_port_taken(cluster.wait());
    // A second one is told who is there.
    cluster.start_peer(5);
    const Ended second = cluster.peer(kPeers).wait();
    EXPECT_EQ(second.exit_code, 2) << second.err;
    EXPECT_THAT(second.err, HasSubstr("is in use by process " + std::to_string(cluster.peer(5).pid())));
    cluster.peer(5).signal(SIGKILL);
    cluster.peer(5).wait();
    const std::size_t before = lines("metrics.csv");
    cluster.start_peer(5);
    const std::vector<Ended> all = cluster.wait();
    if (any_found_its_port_taken(all)) return false;
    EXPECT_EQ(all[5].exit_code, 128 + SIGKILL);
    for (int p = 0; p < kPeers; ++p)
      if (p != 5) {
        EXPECT_EQ(all[static_cast<std::size_t>(p)].exit_code, 0) << all[static_cast<std::size_t>(p)].err;
      }
    EXPECT_EQ(all.back().exit_code, 0) << all.back().err;
    EXPECT_GT(lines("metrics.csv"), before);
    EXPECT_EQ(node::parse_json(read_file(cluster.of_peer(5, "summary.json"))).at("lives"), 2);
    return true;
  });
}

TEST_F(Survival, TroubleWithTheCheckpointsIsSaidAndTrainingGoesOn) {
  Process run = start_run({"--steps", "1500", "--certify", "--checkpoint-every", "10"});
  ASSERT_TRUE(run.runs_until([&] { return steps_of(6) > 40; })) << run.wait().err;
  const std::string folder = of_peer(6, "checkpoints"), aside = of_peer(6, "aside");
  const auto says = [&](const char* line, int times) {
    return run.runs_until([&] { return count_of(log_of(6), line) == times; });
  };
  std::filesystem::rename(folder, aside);
  EXPECT_TRUE(says("there is no such folder: make it", 1)) << log_of(6);
  write_file(folder, "a file");
  const std::uint64_t at = steps_of(6);
  EXPECT_TRUE(run.runs_until([&] { return steps_of(6) > at + 30; }));
  std::filesystem::remove(folder);
  std::filesystem::rename(aside, folder);
  EXPECT_TRUE(says("checkpoints are kept again", 1)) << log_of(6);
  expect_good_end(run.wait(), 1500);
  EXPECT_EQ(count_of(log_of(6), "no checkpoint at step"), 1) << log_of(6);
}

}  // namespace
}  // namespace polydot::tools
