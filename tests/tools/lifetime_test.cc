// Who ends when: launcher and peers under signals, and peers that go on without one of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

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
  json summary(const std::string& file) const { return json::parse(read_file(file), nullptr, false); }

  Scratch scratch_;
  std::string run_ = scratch_ / "run";
};

pid_t peer_of(const Process& launcher, int index) {
  for (const pid_t pid : launcher.children())
    if (command_line_of(pid).find("--index " + std::to_string(index) + " ") != std::string::npos) return pid;
  ADD_FAILURE() << "no process runs peer " << index;
  return -1;
}

TEST_F(Lifetime, DetachedPeersFinishAlone) {
  Process launcher = start_run({"--detach", "--steps", "1000"});
  ASSERT_TRUE(launcher.runs_until([this] { return all_have_trained(); })) << launcher.wait().err;
  const std::vector<pid_t> peers = launcher.children();
  ASSERT_EQ(peers.size(), std::size_t{kPeers});
  launcher.signal(SIGKILL);
  EXPECT_EQ(launcher.wait().exit_code, 128 + SIGKILL);
  for (int p = 0; p < kPeers; ++p)
    ASSERT_FALSE(std::filesystem::exists(of_peer(p, "summary.json"))) << "ended before the launcher";
  for (const pid_t pid : peers) EXPECT_EQ(wait_for_orphan(pid), 0);

  for (int p = 0; p < kPeers; ++p) {
    const json own = summary(of_peer(p, "summary.json"));
    ASSERT_FALSE(own.is_discarded()) << p;
    EXPECT_EQ(own.at("exit_code"), 0);
    EXPECT_EQ(own.at("steps"), 1000);
  }
  const json whole = summary(run_ + "/summary.json");
  ASSERT_FALSE(whole.is_discarded());
  EXPECT_EQ(whole.at("peers_finished"), kPeers);
  EXPECT_EQ(whole.at("steps"), 1000);
  EXPECT_EQ(lines_of(read_file(run_ + "/metrics.csv")).size(), 1001U);
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
  EXPECT_THAT(ended.err, HasSubstr("polydot: peer 2 ended with code 137"));
  EXPECT_FALSE(std::filesystem::exists(of_peer(2, "summary.json")));
  const json whole = summary(run_ + "/summary.json");
  ASSERT_FALSE(whole.is_discarded());
  EXPECT_EQ(whole.at("peers_finished"), kPeers - 1);
  EXPECT_EQ(whole.at("steps"), 1000);
  EXPECT_EQ(whole.at("faults").at("false_alarms"), 0);
}

TEST_F(Lifetime, SignalsEndTheRunAfterTheStepAtHand) {
  for (const int signal : {SIGINT, SIGTERM}) {
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
    for (int p = 0; p < kPeers; ++p) EXPECT_TRUE(std::filesystem::exists(of_peer(p, "summary.json"))) << p;
  }
}

}  // namespace
}  // namespace polydot::tools
