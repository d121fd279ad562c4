#include "node/faults/campaign.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

std::string failure_of(std::string_view text) {
  const auto campaign = read_campaign(text, "c.toml");
  if (campaign) return "";
  EXPECT_EQ(campaign.failure().kind, FailureKind::kUsage);
  EXPECT_EQ(campaign.failure().message.find('\n'), std::string::npos);
  return campaign.failure().message;
}

TEST(Campaign, ReadsTheSameKeysAsASpec) {
  const auto campaign = read_campaign(R"([campaign]
name = "all"
seed = 7
[[fault]]
stage = "product"
model = "correlated"
rate = 0.25
peers = [3, 5]
factor = 2.5
sticky = true
proportional = false
[[fault]]
stage = "weights"
model = "bitflip"
steps = "10-20"
every = 2
peer = 4
seed = 9
bit = 3
[[fault]]
stage = "encode"
model = "floor"
times = 2
step = 5
pass = "backward"
peers = "1+2"
)",
                                      "c.toml");
  ASSERT_TRUE(campaign) << campaign.failure().message;
  EXPECT_EQ(campaign->name, "all");
  ASSERT_EQ(campaign->faults.size(), 3U);
  const char* texts[] = {"product:correlated:rate=0.25:peer=3+5:factor=2.5:sticky=1:seed=7",
                         "weights:bitflip:peer=4:steps=10-20:every=2:bit=3:seed=9",
                         "encode:floor:peer=1+2:steps=5-5:pass=backward:times=2:seed=7"};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(to_text(campaign->faults[i]), texts[i]);
  EXPECT_FALSE(
      read_campaign("[[fault]]\nstage='loss'\nmodel='nan'\nrate=1\n", "c.toml")->faults.front().seed);
}

TEST(Campaign, FailuresNameTheLineAndThePart) {
  const std::string good = "[[fault]]\nstage = \"product\"\nmodel = \"bitflip\"\nrate = 0.5\n";
  EXPECT_EQ(failure_of(good), "");
  const std::pair<std::string, std::string> cases[] = {
      {good + "peeer = 1\n", "c.toml:5: no setting 'peeer': must be"},
      {good + "peeer = 1\n", "nearest: peer"},
      {good + "bit = 40\n", "c.toml:5: bit=40: must be a bit from 0"},
      {good + "factor = 2\n", "c.toml:1: factor means nothing to product:bitflip"},
      {good + "peer = [[1]]\n", "c.toml:5: peer must be a word, a number or a list"},
      {good + "peer = 1979-05-27\n", "c.toml:5: peer must be"},
      {good + good + "peer = -1\n", "c.toml:9: peer=-1: must be the index of a peer"},
      {"[[fault]]\nstage = \"prodct\"\nmodel = \"bitflip\"\n", "c.toml:2: no stage 'prodct'"},
      {"[[fault]]\nstage = \"product\"\nmodel = \"flip\"\n", "c.toml:3: no model 'flip'"},
      {"[[fault]]\nstage = \"product\"\nmodel = \"bitflip\"\n", "c.toml:1: rate=R or step=S is missing"},
      {"[[fault]]\nstage = \"product\"\nrate = 1\n", "c.toml:1: model is missing"},
      {"[[fault]]\nmodel = \"zero\"\nrate = 1\n", "c.toml:1: stage is missing"},
      {"[fault]\nstage = \"product\"\n", "c.toml:1: fault must be written [[fault]]"},
      {"[campaign]\nseeed = 1\n" + good, "c.toml:2: no key campaign.seeed; nearest: seed"},
      {"[campaign]\nseed = -1\n" + good, "c.toml:2: seed must be a whole number"},
      {"[campaign]\nname = 1\n" + good, "c.toml:2: name must be a string"},
      {"[campain]\nseed = 1\n" + good, "c.toml:1: no campain in a campaign: must be [campaign] or [[fault]]"},
      {"[campaign]\nname = \"empty\"\n", "c.toml: no [[fault]] in it"},
      {"[[fault]\n", "c.toml:1: no valid TOML"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_NE(failure_of(text).find(expected), std::string::npos) << text << "\n" << failure_of(text);
}

TEST(Campaign, ThoseThatAreShippedAllParseAndSayWhatTheyAccelerate) {
  std::set<std::string> names;
  Config config;
  for (const auto& file : std::filesystem::directory_iterator(POLYDOT_SOURCE_DIR "/tools/campaigns")) {
    names.insert(file.path().filename().string());
    config.local.campaign = file.path().string();
    const auto faults = configured_faults(config);
    EXPECT_TRUE(faults) << faults.failure().message;
    EXPECT_NE(read_text(file.path().string()).find("# Acceleration: "), std::string::npos) << file.path();
  }
  EXPECT_EQ(names, (std::set<std::string>{"single-bit.toml", "bad-core.toml", "every-stage.toml",
                                          "near-the-floor.toml", "correlated.toml"}));
  const auto every = load_campaign(POLYDOT_SOURCE_DIR "/tools/campaigns/every-stage.toml");
  std::set<codes::Stage> stages;
  for (const InjectSpec& fault : every->faults) stages.insert(fault.stage);
  EXPECT_EQ(stages.size(), static_cast<std::size_t>(codes::kStageCount));
}

TEST(Campaign, JoinsWhatIsConfiguredOtherwise) {
  ScratchFolder folder;
  Config config;
  config.local.inject = {"product:bitflip:rate=0.5"};
  config.local.campaign = (folder / "c.toml").string();
  EXPECT_NE(configured_faults(config).failure().message.find("c.toml: cannot be read"), std::string::npos);
  write_text(config.local.campaign, "[[fault]]\nstage='loss'\nmodel='nan'\nstep=3\npeer=9\n");
  ASSERT_TRUE(configured_faults(config));
  EXPECT_EQ(configured_faults(config)->size(), 2U);
  config.shared.peers = 9;
  EXPECT_NE(configured_faults(config).failure().message.find("there is no peer 9, only 0 to 8"),
            std::string::npos);
}

}  // namespace
}  // namespace polydot::node
