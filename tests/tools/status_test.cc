// polydot status: what a cluster that runs says of itself.
#include <gmock/gmock.h>

#include "node/text/json_text.h"
#include "tests/tools/run_under_test.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class StatusCommand : public RunUnderTest {
 protected:
  json ask(const Words& more = {}) const {
    const Ended ended =
        run(scratch_, join({{"status", "--cluster", run_ + "/cluster.toml", "--json"}, more}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return node::parse_json(ended.out).at("peers");
  }
};

TEST_F(StatusCommand, TellsWhoIsThereAndHowEachSeesTheOthers) {
  Process run = start_run({"--quiet", "--steps", "1000000000"});
  ASSERT_TRUE(run.runs_until([&] { return steps_of(0) > 10 && steps_of(9) > 10; })) << run.wait().err;
  json peers = ask();
  ASSERT_EQ(peers.size(), std::size_t{kPeers});
  for (int p = 0; p < kPeers; ++p) {
    const json& peer = peers[static_cast<std::size_t>(p)];
    EXPECT_EQ(peer.at("peer"), p);
    EXPECT_TRUE(peer.at("answers"));
    EXPECT_EQ(peer.at("phase"), "running");
    EXPECT_EQ(peer.at("others").size(), std::size_t{kPeers - 1});
  }
  EXPECT_GT(peers[0].at("step"), 10);
  // One that is killed does not answer, and the others say so in the end.
  ASSERT_EQ(kill(pid_of(3), SIGKILL), 0);
  const auto seen_from_0 = [&] {
    const json one = ask({"--index", "0"});
    EXPECT_EQ(one.size(), 1u);
    for (const json& other : one.at(0).at("others"))
      if (other.at("peer") == 3) return other;
    return json();
  };
  EXPECT_TRUE(run.runs_until([&] { return seen_from_0().at("state") == "late"; }));
  EXPECT_THAT(seen_from_0().at("reason"), HasSubstr("silent for"));
  peers = ask();
  EXPECT_FALSE(peers[3].at("answers"));
  EXPECT_TRUE(peers[4].at("answers"));
  const Ended table = tools::run(scratch_, {"status", "--cluster", run_ + "/cluster.toml"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("   3  no answer\n"));
  EXPECT_THAT(table.out, HasSubstr("; 3 late (late, silent for "));
  EXPECT_EQ(lines_of(table.out).size(), std::size_t{kPeers + 1}) << table.out;
  run.signal(SIGTERM);
  run.wait();
  const Ended late = tools::run(scratch_, {"status", "--cluster", run_ + "/cluster.toml"});
  EXPECT_EQ(late.exit_code, 4);
  EXPECT_EQ(lines_of(late.err).size(), 1U);
  EXPECT_THAT(late.err, HasSubstr("no peer answered within 1.0 s"));
}

TEST_F(StatusCommand, WhatIsMissingIsNamed) {
  EXPECT_THAT(run(scratch_, {"status"}).err, HasSubstr("--cluster FILE"));
  EXPECT_EQ(run(scratch_, {"status"}).exit_code, 2);
}

}  // namespace
}  // namespace polydot::tools
