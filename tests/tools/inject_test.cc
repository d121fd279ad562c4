// polydot inject: faults ordered from a cluster that runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

Words endless_run(const Scratch& scratch, const Words& more) {
  return join(
      {{"train", "--quiet", "--grid", "1x2", "--peers", "5", "--steps", "1000000", "--out", scratch / "run"},
       tiny_network(write_tiny_digits(scratch)),
       more});
}

// Of a file of the run.
testing::AssertionResult gets_lines(Process& cluster, const std::string& file, std::size_t count) {
  const bool there = cluster.runs_until([&] { return lines_of(read_file(file)).size() >= count; });
  return there ? testing::AssertionSuccess() : testing::AssertionFailure() << cluster.err();
}

TEST(InjectCommand, ReachesEveryPeerItConcernsAndTheFaultIsThere) {
  const Scratch scratch;
  Process cluster = start(scratch, endless_run(scratch, {"--allow-injection"}));
  ASSERT_TRUE(gets_lines(cluster, scratch / "run/peer-04/metrics.csv", 2));
  const std::string file = scratch / "run/cluster.toml";
  const Ended all = run(scratch, {"inject", "--cluster", file, "product:bitflip:rate=0.05"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_EQ(all.out, "peer 0: ok\npeer 1: ok\npeer 2: ok\npeer 3: ok\npeer 4: ok\n");
  const Ended some = run(scratch, {"inject", "--cluster", file, "product:nan:rate=0.01:peer=3",
                                   "product:row:rate=0.01:peer=1+3"});
  EXPECT_EQ(some.exit_code, 0) << some.err;
  EXPECT_EQ(some.out, "peer 1: ok\npeer 3: ok\n");
  EXPECT_TRUE(gets_lines(cluster, scratch / "run/peer-02/injections.jsonl", 3));
  cluster.signal(SIGTERM);
  cluster.wait();
  // Nobody is there any more.
  const Ended late = run(scratch, {"inject", "--cluster", file, "product:bitflip:rate=0.05:peer=0+4"});
  EXPECT_EQ(late.exit_code, 4);
  EXPECT_THAT(late.err, HasSubstr("from peer 0, 4"));
}

TEST(InjectCommand, IsRefusedWhereItIsNotAllowed) {
  const Scratch scratch;
  Process cluster = start(scratch, endless_run(scratch, {}));
  ASSERT_TRUE(gets_lines(cluster, scratch / "run/peer-04/metrics.csv", 2));
  const Ended ended =
      run(scratch, {"inject", "--cluster", scratch / "run/cluster.toml", "product:bitflip:rate=0.05:peer=2"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(ended.out, "peer 2: refused: this peer's [local] allow_injection is off\n");
  EXPECT_THAT(ended.err, HasSubstr("refused by peer 2"));
  cluster.signal(SIGTERM);
  cluster.wait();
}

}  // namespace
}  // namespace polydot::tools
