// The command line of a run that goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/config/config_toml.h"
#include "node/files/run_layout.h"
#include "tests/tools/process.h"
#include "tools/options.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

class Resume : public testing::Test {
 protected:
  Resume() {
    config_.shared.cluster_id = std::string(32, '7');
    config_.shared.lr = 0.25;
    for (int p = 0; p < 10; ++p) config_.shared.endpoints.push_back("127.0.0.1:" + std::to_string(1 + p));
    config_.local.quiet = true;
    POLYDOT_CHECK(node::save_config(config_, folder() + node::kClusterFile, node::Existing::kReplace).ok());
  }
  std::string folder() const { return scratch_.path().string(); }
  Result<Request> parse(const Words& more) const {
    return parse_arguments(join({{"train", "--resume", folder()}, more}));
  }
  std::string failure_of(const Words& more) const {
    const auto request = parse(more);
    if (request) return "";
    EXPECT_EQ(request.failure().kind, FailureKind::kUsage);
    return request.failure().message;
  }

  const Scratch scratch_;
  node::Config config_;
};

TEST_F(Resume, TakesTheSettingsOfTheRun) {
  const auto request = parse({"--respawn", "--json", "--lr", "0.25"});
  ASSERT_TRUE(request) << request.failure().message;
  const auto& train = std::get<TrainRequest>(*request);
  EXPECT_EQ(train.resume, folder());
  EXPECT_TRUE(train.respawn);
  EXPECT_TRUE(train.config.shared == config_.shared);
  EXPECT_TRUE(train.config.local.json);
  EXPECT_TRUE(train.config.local.quiet);
  EXPECT_EQ(train.config.local.out, folder());
}

TEST_F(Resume, WhatContradictsTheRunIsNamed) {
  EXPECT_THAT(failure_of({"--lr", "0.5"}), HasSubstr("--lr 0.5: the run that is resumed has 0.25"));
  EXPECT_THAT(failure_of({"--peers", "11"}), HasSubstr("--peers 11"));
  EXPECT_THAT(failure_of({"--steps", "5"}), HasSubstr("--steps 5"));
  EXPECT_THAT(failure_of({"--out", "elsewhere"}), HasSubstr("--out"));
  EXPECT_THAT(failure_of({"--config", "x.toml"}), HasSubstr("--config"));
}

TEST_F(Resume, AFolderWithoutARunIsNamed) {
  std::filesystem::remove(folder() + node::kClusterFile);
  EXPECT_THAT(failure_of({}), HasSubstr("cluster.toml; give the folder of a run"));
}

}  // namespace
}  // namespace polydot::tools
