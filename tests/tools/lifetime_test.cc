// Who ends when: launcher and peers under signals, and peers that go on without one of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int kPeers = 5;
constexpr const char* kEndless = "1000000000";  // steps

class Lifetime : public testing::Test {
 protected:
  Process start_run(const Words& flags) {
    return start(scratch_, join({{"train", "--grid", "1x2", "--peers", std::to_string(kPeers), "--out", run_},
                                 flags,
                                 tiny_network(write_tiny_digits(scratch_))}));
  }
  std::string of_peer(int index, const std::string& file) const {
    return run_ + "/peer-0" + std::to_string(index) + "/" + file;
  }
  // A row of a step, below the heading.
  bool has_trained(int index) const { return lines_of(read_file(of_peer(index, "metrics.csv"))).size() > 1; }
  bool all_have_trained() const {
    for (int p = 0; p < kPeers; ++p)
      if (!has_trained(p)) return false;
    return true;
  }
  json summary(const std::string& file) const { return node::parse_json(read_file(file)); }

  Scratch scratch_;
  std::string run_ = scratch_ / "run";
};

pid_t peer_of(const Process& launcher, int index) {
  for (const pid_t pid : launcher.children())
    if (command_line_of(pid).find("--index " + std::to_string(index) + " ") != std::string::npos) return pid;
  ADD_FAILURE() << "no process runs peer " << index;
  return -1;
}

// The command returns when they have begun; nothing that is done to it afterwards reaches them.
TEST_F(Lifetime, DetachedPeersFinishAlone) {
  Process launcher = start_run({"--detach", "--steps", "2000", "--json"});
  const Ended left = launcher.wait();
  ASSERT_EQ(left.exit_code, 0) << left.err;
  const json said = node::parse_json(left.out);
  ASSERT_TRUE(said.is_object()) << left.out;
  EXPECT_EQ(said.at("run"), run_);
  const auto peers = said.at("processes").get<std::vector<pid_t>>();
  ASSERT_EQ(peers.size(), std::size_t{kPeers});
  for (int p = 0; p < kPeers; ++p)
    ASSERT_FALSE(std::filesystem::exists(of_peer(p, "summary.json"))) << "ended before the launcher";
  // What ends with a process of the test would end the peers, which the test has adopted.
  Process status = start(scratch_, {"status", "--cluster", said.at("cluster").get<std::string>()});
  const Ended asked = status.wait();
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_THAT(asked.out, testing::Not(HasSubstr("joining")));
  for (const pid_t pid : peers) EXPECT_EQ(wait_for_orphan(pid), 0);

  for (int p = 0; p < kPeers; ++p) {
    const json own = summary(of_peer(p, "summary.json"));
    ASSERT_FALSE(own.is_discarded()) << p;
    EXPECT_EQ(own.at("exit_code"), 0);
    EXPECT_EQ(own.at("steps"), 2000);
  }
  const json whole = summary(run_ + "/summary.json");
  ASSERT_FALSE(whole.is_discarded());
  EXPECT_EQ(whole.at("peers_finished"), kPeers);
  EXPECT_EQ(whole.at("steps"), 2000);
  EXPECT_EQ(lines_of(read_file(run_ + "/metrics.csv")).size(), 2001U);
}

TEST_F(Lifetime, DetachedPeersCannotBeReportedOn) {
  for (const char* flag : {"--certify", "--reference", "--profile", "--respawn"}) {
    const Ended ended = start_run({"--detach", flag}).wait();
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.err, HasSubstr(flag));
  }
}

TEST_F(Lifetime, OtherwisePeersEndWithTheLauncher) {
  Process launcher = start_run({"--steps", kEndless});
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  const std::vector<pid_t> peers = launcher.children();
  ASSERT_EQ(peers.size(), std::size_t{kPeers});
  launcher.signal(SIGKILL);
  EXPECT_EQ(launcher.wait().exit_code, 128 + SIGKILL);
  for (const pid_t pid : peers) EXPECT_EQ(wait_for_orphan(pid), 128 + SIGKILL);
}

TEST_F(Lifetime, TheOthersFinishWithoutAPeerThatDies) {
  Process launcher = start_run({"--steps", "1000", "--patience-ms", "500"});
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  const pid_t victim = peer_of(launcher, 2);
  ASSERT_GT(victim, 0);
  ASSERT_EQ(kill(victim, SIGKILL), 0);
  const Ended ended = launcher.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("polydot: peer 2 ended with code 137: by a signal (Killed)\n"))
      << "not the last line that it had written";
  EXPECT_FALSE(std::filesystem::exists(of_peer(2, "summary.json")));
  const json whole = summary(run_ + "/summary.json");
  ASSERT_FALSE(whole.is_discarded());
  EXPECT_EQ(whole.at("peers_finished"), kPeers - 1);
  EXPECT_EQ(whole.at("steps"), 1000);
  EXPECT_EQ(whole.at("faults").at("false_alarms"), 0);
}

TEST_F(Lifetime, SignalsEndTheRunAfterTheStepAtHand) {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) {
    SCOPED_TRACE(signal);
    run_ = scratch_ / ("run-" + std::to_string(signal));
    Process launcher = start_run({"--steps", kEndless});
    ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
    const std::vector<pid_t> peers = launcher.children();
    ASSERT_EQ(peers.size(), std::size_t{kPeers});
    launcher.signal(signal);
    const Ended ended = launcher.wait();
    EXPECT_EQ(ended.exit_code, 128 + signal) << ended.err;
    for (const pid_t pid : peers) EXPECT_FALSE(exists(pid));
    const json whole = summary(run_ + "/summary.json");
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_EQ(whole.at("peers_finished"), 0);
    EXPECT_GT(whole.at("steps"), 0);
    for (int p = 0; p < kPeers; ++p) {
      EXPECT_EQ(summary(of_peer(p, "summary.json")).at("exit_code"), 128 + signal) << p;
      EXPECT_FALSE(std::filesystem::is_empty(of_peer(p, "checkpoints"))) << p;
    }
  }
}

// nohup, and what a script starts with & and ignores.
TEST_F(Lifetime, AHangUpThatWasIgnoredStaysIgnored) {
  Process launcher(scratch_.path(),
                   join({{"/usr/bin/nohup", POLYDOT_BINARY, "train", "--grid", "1x2", "--peers",
                          std::to_string(kPeers), "--out", run_, "--steps", "600"},
                         tiny_network(write_tiny_digits(scratch_))}));
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  launcher.signal(SIGHUP);
  EXPECT_EQ(launcher.wait().exit_code, 0);
}

TEST_F(Lifetime, ASecondSignalEndsAtOnce) {
  Process launcher = start_run({"--steps", kEndless});
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  // They cannot finish their step.
  for (const pid_t pid : launcher.children()) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  launcher.signal(SIGTERM);
  launcher.signal(SIGINT);
  const Ended ended = launcher.wait();
  EXPECT_TRUE(ended.exit_code == 128 + SIGINT || ended.exit_code == 128 + SIGTERM) << ended.exit_code;
  EXPECT_TRUE(launcher.children().empty());
}

// Too few are left to begin: nobody waits for a time-out. Ended while they still load their data.
TEST_F(Lifetime, TooFewToBeginIsSaidAtOnce) {
  Process launcher = start(scratch_, {"train", "--grid", "1x2", "--peers", std::to_string(kPeers), "--out",
                                      run_, "--steps", kEndless, "--patience-ms", "600000"});
  ASSERT_TRUE(launcher.runs_until([&] { return launcher.children().size() == std::size_t{kPeers}; }));
  const std::vector<pid_t> peers = launcher.children();
  for (const pid_t pid : {peers[0], peers[1], peers[2]}) kill(pid, SIGKILL);
  const Ended ended = launcher.wait();
  EXPECT_EQ(ended.exit_code, 128 + SIGKILL) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("too few peers are left to begin: 4 of 5 are needed"));
}

// As systemd and batch systems do it: to the launcher and to all peers, which hear it from the launcher once
// more.
TEST_F(Lifetime, ASignalToTheWholeGroupKeepsACheckpointToo) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    SCOPED_TRACE(signal);
    run_ = scratch_ / ("group-" + std::to_string(signal));
    Process launcher = start(scratch_, {"train", "--grid", "1x2", "--peers", std::to_string(kPeers), "--out",
                                        run_, "--steps", kEndless, "--hidden", "1024", "--batch", "256"});
    ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
    const std::vector<pid_t> peers = launcher.children();
    for (const pid_t pid : peers) kill(pid, signal);
    launcher.signal(signal);
    const Ended ended = launcher.wait();
    EXPECT_EQ(ended.exit_code, 128 + signal) << ended.err;
    ASSERT_FALSE(summary(run_ + "/summary.json").is_discarded());
    for (int p = 0; p < kPeers; ++p) {
      ASSERT_TRUE(std::filesystem::exists(of_peer(p, "summary.json"))) << p << " ended at once";
      EXPECT_FALSE(std::filesystem::is_empty(of_peer(p, "checkpoints"))) << p;
    }
  }
}

// A launcher that was killed leaves its temporary folder to the next one. What is not such a folder stays.
TEST_F(Lifetime, TemporaryFoldersOfDeadRunsAreRemoved) {
  namespace fs = std::filesystem;
  const std::string among = scratch_ / "tmp";
  for (const char* other : {"polydot-run-mine", "polydot-run-file"})
    fs::create_directories(among + "/" + other);
  write_file(among + "/polydot-run-mine/notes", "mine");
  const auto folders = [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(among)) names.push_back(entry.path().filename());
    return names;
  };
  const std::string data = write_tiny_digits(scratch_);
  const auto begin = [&](const Words& flags) {
    return Process(scratch_.path(), join({{"/usr/bin/env", "TMPDIR=" + among, POLYDOT_BINARY, "train",
                                           "--grid", "1x2", "--peers", "5", "--quiet"},
                                          flags,
                                          tiny_network(data)}));
  };
  Process dead = begin({"--steps", kEndless}), alive = begin({"--steps", kEndless});
  ASSERT_TRUE(dead.runs_until([&] { return folders().size() == 4; }));
  ASSERT_TRUE(dead.runs_until([&] { return dead.children().size() == 5; }));
  ASSERT_TRUE(alive.runs_until([&] { return alive.children().size() == 5; }));
  const std::vector<pid_t> peers = dead.children();
  dead.signal(SIGKILL);
  dead.wait();
  for (const pid_t pid : peers) wait_for_orphan(pid);
  EXPECT_EQ(folders().size(), 4U);
  EXPECT_EQ(begin({"--steps", "5"}).wait().exit_code, 0);
  EXPECT_EQ(folders().size(), 3U) << "the one that is alive, and what is not ours";
  EXPECT_EQ(read_file(among + "/polydot-run-mine/notes"), "mine");
  alive.signal(SIGTERM);
  EXPECT_EQ(alive.wait().exit_code, 128 + SIGTERM);
  EXPECT_EQ(folders().size(), 2U);
}

TEST_F(Lifetime, AFolderThatIsSweptAwayIsSaid) {
  Process launcher = start_run({"--steps", kEndless});
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  std::filesystem::remove_all(run_);
  EXPECT_TRUE(launcher.runs_until([&] { return launcher.err().find("is gone") != std::string::npos; }));
  launcher.signal(SIGTERM);
  EXPECT_EQ(launcher.wait().exit_code, 128 + SIGTERM);
}

}  // namespace
}  // namespace polydot::tools
