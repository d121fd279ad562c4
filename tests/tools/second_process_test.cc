// Somebody starts peer 3 once more, by the same file, in another folder and bound to another port.
#include <gmock/gmock.h>

#include "tests/tools/hand_started.h"
#include "tests/tools/run_under_test.h"

namespace polydot::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kAll = 10, kTwice = 3;

class SecondProcess : public RunUnderTest {
 protected:
  Words second(const std::vector<int>& ports) const {
    return {"--out", scratch_ / "second", "--bind", "127.0.0.1:" + std::to_string(ports.back())};
  }
  std::string status_of(const HandStarted& cluster) const {
    return run(scratch_, {"status", "--cluster", cluster.file(), "--json"}).out;
  }
};

// The network and the code of the defaults: 784-256-128-10 on ten peers, 2x2.
TEST_F(SecondProcess, OneBoundElsewhereDisturbsNobody) {
  with_free_ports(kAll + 1, [&](const std::vector<int>& ports) {
    const std::vector<int> listed(ports.begin(), ports.begin() + kAll);
    HandStarted cluster(listed, {"--steps", "400", "--patience-ms", "2000"}, scratch_);
    for (int p = 0; p < kAll; ++p) cluster.start_peer(p);
    const auto steps = [&](int p) { return lines_of(read_file(cluster.of_peer(p, "metrics.csv"))).size(); };
    if (!cluster.peer(0).runs_until([&] { return steps(0) > 20; }))
      return !any_found_its_port_taken(cluster.wait());
    cluster.start_peer(kTwice, second(ports));
    // Both are known to live, it takes its leave, and the others go on.
    const auto says_two = [&] {
      return cluster.peer(0).err().find("two processes claim to be peer 3") != std::string::npos;
    };
    EXPECT_TRUE(cluster.peer(0).runs_until(says_two)) << "the run was over before";
    const std::string meanwhile = status_of(cluster);
    cluster.peer(kAll).signal(SIGTERM);
    const Ended ended = cluster.peer(kAll).wait();
    EXPECT_EQ(ended.exit_code, 128 + SIGTERM) << ended.err;
    const std::size_t at = steps(0);
    const bool went_on = cluster.peer(0).runs_until([&] { return steps(0) > at + 20; });
    const std::string afterwards = went_on ? status_of(cluster) : "";
    const std::vector<Ended> all = cluster.wait();
    if (any_found_its_port_taken(all)) return false;
    EXPECT_THAT(meanwhile, HasSubstr("a second process claims to be it"));
    EXPECT_TRUE(went_on);
    EXPECT_THAT(afterwards,
                AllOf(HasSubstr("\"live\""), Not(HasSubstr("\"gone\"")), Not(HasSubstr("left with code"))));
    for (int p = 0; p < kAll; ++p) {
      const Ended& one = all[static_cast<std::size_t>(p)];
      EXPECT_EQ(one.exit_code, 0) << p << one.err;
      EXPECT_EQ(count_of(one.err, "two processes claim to be peer 3"), p == kTwice ? 0 : 1) << p << one.err;
    }
    return true;
  });
}

// At the same address there can be no second one.
TEST_F(SecondProcess, OneBoundToTheSameAddressIsTold) {
  with_free_ports(kPeers, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, join({tiny_network(data_), {"--steps", "100000"}}), scratch_);
    for (int p = 0; p < kPeers; ++p) cluster.start_peer(p);
    const auto steps = [&] { return lines_of(read_file(cluster.of_peer(0, "metrics.csv"))).size(); };
    if (!cluster.peer(0).runs_until([&] { return steps() > 20; }))
      return !any_found_its_port_taken(cluster.wait());
    cluster.start_peer(kTwice, {"--out", scratch_ / "second"});
    const Ended second = cluster.peer(kPeers).wait();
    EXPECT_EQ(second.exit_code, 4) << second.err;
    EXPECT_THAT(second.err, HasSubstr("the address is in use"));
    EXPECT_EQ(lines_of(second.err).size(), 1U) << second.err;
    // The others are still there, and end when they are told to.
    for (int p = 0; p < kPeers; ++p) cluster.peer(static_cast<std::size_t>(p)).signal(SIGTERM);
    for (int p = 0; p < kPeers; ++p)
      EXPECT_EQ(cluster.peer(static_cast<std::size_t>(p)).wait().exit_code, 128 + SIGTERM) << p;
    return true;
  });
}

}  // namespace
}  // namespace polydot::tools
