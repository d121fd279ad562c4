// Peers whose hosts have names: one that is not known yet, and one whose address is another one after a
// while.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "tests/tools/hand_started.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

constexpr int kPeers = 5, kLate = 4;

class Names : public testing::Test {
 protected:
  void SetUp() override {
    setenv("LD_PRELOAD", POLYDOT_TEST_HOSTS, 1);
    setenv("POLYDOT_TEST_HOSTS", (scratch_ / "hosts").c_str(), 1);
    know("");
  }
  void TearDown() override {
    unsetenv("LD_PRELOAD");
    unsetenv("POLYDOT_TEST_HOSTS");
  }
  void know(const std::string& late) const {
    write_file(scratch_ / "hosts.new", "early 127.0.0.1\n" + (late.empty() ? "" : "late " + late + "\n"));
    std::filesystem::rename(scratch_ / "hosts.new", scratch_ / "hosts");
  }

  const Scratch scratch_;
  const std::string data_ = write_tiny_digits(scratch_);
};

std::size_t rows_of(const HandStarted& cluster, int peer) {
  return lines_of(read_file(cluster.of_peer(peer, "metrics.csv"))).size();
}

TEST_F(Names, AreAskedForAgainAndDialledWhereTheyLeadNow) {
  with_free_ports(kPeers, [&](const std::vector<int>& ports) {
    HandStarted cluster(
        ports,
        join({{"--grid", "1x2", "--steps", "1000000000", "--patience-ms", "1500"}, tiny_network(data_)}),
        scratch_);
    std::string text = read_file(cluster.file());
    for (int k = 0; k < kPeers; ++k) {
      const std::string port = ":" + std::to_string(ports[static_cast<std::size_t>(k)]) + "\"";
      const auto at = text.find("\"127.0.0.1" + port);
      EXPECT_NE(at, std::string::npos);
      text.replace(at, 10 + port.size(), (k == kLate ? "\"late" : "\"early") + port);
    }
    write_file(cluster.file(), text);
    const std::string late_port = ":" + std::to_string(ports[kLate]);
    know("");
    for (int p = 0; p < kLate; ++p) cluster.start_peer(p);
    const auto says = [&](const std::string& part) {
      return [&cluster, part] { return cluster.peer(0).err().find(part) != std::string::npos; };
    };
    if (!cluster.peer(0).runs_until(says("peer 4: cannot resolve host 'late'"))) {
      const std::vector<Ended> all = cluster.wait();
      if (any_found_its_port_taken(all)) return false;
      ADD_FAILURE() << all[0].err;
      return true;
    }
    EXPECT_TRUE(cluster.peer(0).runs_until([&] { return rows_of(cluster, 0) > 5; }))
        << "they begin without it";
    know("127.0.0.2");
    cluster.start_peer(kLate, {"--bind", "127.0.0.2" + late_port});
    EXPECT_TRUE(cluster.peer(0).runs_until(says("peer 4: the address of late is 127.0.0.2")));
    EXPECT_TRUE(cluster.peer(kLate).runs_until([&] { return rows_of(cluster, kLate) > 5; }))
        << "it is let in";
    cluster.peer(kLate).signal(SIGTERM);
    EXPECT_EQ(cluster.peer(kLate).wait().exit_code, 128 + SIGTERM);
    const std::size_t before = rows_of(cluster, kLate);
    know("127.0.0.3");
    cluster.start_peer(kLate, {"--bind", "127.0.0.3" + late_port});
    EXPECT_TRUE(
        cluster.peer(0).runs_until(says("the address of late is 127.0.0.3 now, no longer 127.0.0.2")));
    EXPECT_TRUE(cluster.peer(kLate + 1).runs_until([&] { return rows_of(cluster, kLate) > before + 5; }))
        << cluster.peer(kLate + 1).err();
    for (const std::size_t k : {0, 1, 2, 3, 5}) cluster.peer(k).signal(SIGTERM);
    for (const std::size_t k : {0, 1, 2, 3, 5})
      EXPECT_EQ(cluster.peer(k).wait().exit_code, 128 + SIGTERM) << k;
    EXPECT_EQ(cluster.peer(0).err().find("cannot resolve"), cluster.peer(0).err().rfind("cannot resolve"))
        << "said once";
    return true;
  });
}

}  // namespace
}  // namespace polydot::tools
