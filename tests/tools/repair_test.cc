// Wrong weights in real processes: found, repaired from the others, and the run is as good as one without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;

class Repair : public testing::Test {
 protected:
  // Whole shards and single weights of these peers, all of them found long before the end.
  json train(const Words& faults) {
    const Ended ended = run(scratch_, join({{"train", "--json", "--certify", "--out", run_, "--steps", "40"},
                                            tiny_network(write_tiny_digits(scratch_)),
                                            faults}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return node::parse_json(ended.out);
  }
  // A number of a peer's own summary.
  std::uint64_t of_peer(int peer, const std::string& key) {
    const std::string folder = run_ + (peer < 10 ? "/peer-0" : "/peer-") + std::to_string(peer);
    return node::parse_json(read_file(folder + "/summary.json")).at(key).get<std::uint64_t>();
  }

  const Scratch scratch_;
  const std::string run_ = scratch_ / "run";
};

TEST_F(Repair, FlippedWeightsArePutRightAndCounted) {
  const json summary = train({"--inject", "weights:bitflip:bit=30:rate=0.2:peer=3:steps=5-20"});
  ASSERT_FALSE(summary.is_discarded());
  EXPECT_GT(summary.at("faults").at("above_floor"), 0);
  EXPECT_EQ(summary.at("faults").at("missed"), 0);
  EXPECT_EQ(summary.at("faults").at("false_alarms"), 0);
  EXPECT_EQ(summary.at("certificate").at("valid"), true);
  const std::uint64_t repairs = of_peer(3, "repairs");
  EXPECT_GT(repairs, 0U);
  EXPECT_LE(repairs, summary.at("faults").at("injected").get<std::uint64_t>());
  EXPECT_GT(of_peer(3, "repair_bytes"), 0U);
  for (const int peer : {0, 1, 2, 4, 5, 6, 7, 8, 9}) EXPECT_EQ(of_peer(peer, "repairs"), 0U) << peer;
}

TEST_F(Repair, ALostShardIsRebuilt) {
  const json summary = train({"--inject", "weights:whole:step=10:peer=6"});
  ASSERT_FALSE(summary.is_discarded());
  EXPECT_EQ(summary.at("certificate").at("valid"), true);
  EXPECT_GT(of_peer(6, "rebuilds"), 0U);
  EXPECT_EQ(of_peer(5, "rebuilds"), 0U);
}

}  // namespace
}  // namespace polydot::tools
