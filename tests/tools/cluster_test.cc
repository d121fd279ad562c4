// Peers that are started one by one, as on several hosts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <thread>

#include "node/text/json_text.h"
#include "tests/tools/hand_started.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;

json json_of(const std::string& path) { return node::parse_json(read_file(path)); }

TEST(Cluster, TrainsAsTheLauncherDoesInWhateverOrderItsPeersStart) {
  constexpr int kPeers = 10;
  constexpr double kRounding = 1e-4;
  const Scratch scratch;
  const Words flags = join({{"--steps", "50", "--seed", "4"}, tiny_network(write_tiny_digits(scratch))});
  const Ended launched = run(scratch, join({{"train", "--json"}, flags}));
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  const json expected = node::parse_json(launched.out);

  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("order and pauses from seed " + std::to_string(seed));
  with_free_ports(kPeers, [&](const std::vector<int>& ports) {
    std::mt19937 random(seed);
    std::vector<int> order(kPeers);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    HandStarted cluster(ports, flags, scratch);
    for (const int index : order) {
      cluster.start_peer(index);
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));  // 2 s in all, more or less
    }
    const std::vector<Ended> all = cluster.wait();
    if (any_found_its_port_taken(all)) return false;
    for (std::size_t k = 0; k < all.size(); ++k)
      EXPECT_EQ(all[k].exit_code, 0) << "peer " << order[k] << ": " << all[k].err;
    if (testing::Test::HasFailure()) return true;
    for (int p = 0; p < kPeers; ++p) {
      SCOPED_TRACE(p);
      const json own = json_of(cluster.of_peer(p, "summary.json"));
      if (own.is_discarded()) return ADD_FAILURE() << "no summary", true;
      EXPECT_EQ(own.at("steps"), 50);
      EXPECT_NEAR(own.at("test_accuracy"), expected.at("test_accuracy"), 1.01 / kTinyTestCount);
      EXPECT_NEAR(own.at("train_loss"), expected.at("train_loss"),
                  kRounding * expected.at("train_loss").get<double>());
    }
    const json whole = json_of(cluster.run() + "/summary.json");
    EXPECT_FALSE(whole.is_discarded()) << "the last peer writes the summary of the run";
    if (!whole.is_discarded()) {
      EXPECT_EQ(whole.at("peers_finished"), kPeers);
    }
    return true;
  });
}

// Types the line into a shell at a terminal, waits until a peer has trained, presses Ctrl-C, and waits for
// the prompt.
constexpr const char* kAtATerminal = R"(
import os, pty, select, sys, time
shell, line, record = sys.argv[1:4]
pid, fd = pty.fork()
if pid == 0:
    os.execv(shell, [shell, '-i'])
seen = b''
def read():
    global seen
    if select.select([fd], [], [], 0.05)[0]:
        try: seen += os.read(fd, 4096)
        except OSError: sys.exit(seen.decode(errors='replace'))
os.write(fd, ("PS1='the ''prompt '; PATH=" + os.environ['PATH'] + "\n" + line + '\n').encode())
def trained():
    try: return len(open(record).readlines()) > 5
    except OSError: return False
while not trained(): read()
os.write(fd, b'\x03')
seen = b''
while b'the prompt' not in seen: read()
print('prompt')
os.kill(pid, 9)
)";

TEST(Cluster, CtrlCAtTheLineThatInitPrintsEndsItsPeers) {
  constexpr int kPeers = 5;
  if (!std::filesystem::exists("/usr/bin/python3")) GTEST_SKIP() << "no python3 to be a terminal";
  for (const std::string shell : {"/bin/bash", "/bin/dash"}) {
    SCOPED_TRACE(shell);
    const Scratch scratch;
    const Words flags =
        join({{"--grid", "1x2", "--steps", "1000000000"}, tiny_network(write_tiny_digits(scratch))});
    with_free_ports(kPeers, [&](const std::vector<int>& ports) {
      HandStarted cluster(ports, flags, scratch);
      std::string line = cluster.line();
      const std::string program = "polydot peer";
      const auto at = line.find(program);
      if (at == std::string::npos) return ADD_FAILURE() << line, true;
      line.replace(at, program.size(), POLYDOT_BINARY " peer --out " + cluster.run());
      const Ended ended = Process(scratch.path(), {"/usr/bin/python3", "-c", kAtATerminal, shell, line,
                                                   cluster.of_peer(0, "metrics.csv")})
                              .wait();
      if (found_its_port_taken(ended)) return false;
      EXPECT_EQ(ended.out, "prompt\n") << ended.err;
      for (int p = 0; p < kPeers; ++p) {
        EXPECT_EQ(json_of(cluster.of_peer(p, "summary.json")).at("exit_code"), 128 + SIGINT) << p;
        EXPECT_FALSE(std::filesystem::is_empty(cluster.of_peer(p, "checkpoints"))) << p;
      }
      return true;
    });
  }
}

TEST(Cluster, EveryPeerObeysASignalAndSaysGoodbye) {
  constexpr int kPeers = 5;
  const Scratch scratch;
  const Words flags =
      join({{"--grid", "1x2", "--steps", "1000000000"}, tiny_network(write_tiny_digits(scratch))});
  with_free_ports(kPeers, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, flags, scratch);
    for (int p = 0; p < kPeers; ++p) cluster.start_peer(p);
    for (int p = 0; p < kPeers; ++p) {
      const auto has_trained = [&] {
        return lines_of(read_file(cluster.of_peer(p, "metrics.csv"))).size() > 1;
      };
      if (!cluster.peer(static_cast<std::size_t>(p)).runs_until(has_trained)) return false;  // port taken
    }
    // All at once, also on a busy machine: nobody sees another leave before its own signal.
    for (const int signal : {SIGSTOP, SIGTERM, SIGCONT})
      for (std::size_t p = 0; p < kPeers; ++p) cluster.peer(p).signal(signal);
    for (const Ended& ended : cluster.wait()) EXPECT_EQ(ended.exit_code, 128 + SIGTERM) << ended.err;
    for (int p = 0; p < kPeers; ++p)
      EXPECT_EQ(json_of(cluster.of_peer(p, "summary.json")).at("exit_code"), 128 + SIGTERM);
    return true;
  });
}

TEST(Cluster, ASecondSignalEndsAPeerThatStillLingers) {
  const Scratch scratch;
  // Nobody else is ever started, and its patience is an hour.
  const Words flags =
      join({{"--grid", "1x2", "--patience-ms", "3600000"}, tiny_network(write_tiny_digits(scratch))});
  with_free_ports(4, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, flags, scratch);
    cluster.start_peer(0);
    Process& peer = cluster.peer(0);
    if (!peer.runs_until([&] { return std::filesystem::exists(cluster.of_peer(0, "metrics.csv")); }))
      return false;
    while (peer.running()) {  // two that come at once count as one
      peer.signal(SIGTERM);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const Ended ended = peer.wait();
    EXPECT_EQ(ended.exit_code, 128 + SIGTERM) << ended.err;
    return true;
  });
}

TEST(Cluster, APeerThatWaitsSaysForWhomAndSinceWhen) {
  const Scratch scratch;
  const Words flags =
      join({{"--grid", "1x2", "--patience-ms", "3600000"}, tiny_network(write_tiny_digits(scratch))});
  with_free_ports(4, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, flags, scratch);
    cluster.start_peer(0);
    cluster.start_peer(2);
    const auto says = [&] { return cluster.peer(0).err().find("waiting for") != std::string::npos; };
    if (!cluster.peer(0).runs_until(says)) return false;
    const std::string line = cluster.peer(0).err();
    EXPECT_THAT(line, testing::ContainsRegex("polydot: waiting for [0-9.]+ s to start, for peers .*1.*3"));
    return true;
  });
}

}  // namespace
}  // namespace polydot::tools
