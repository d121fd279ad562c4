#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "tools/command_init.h"
#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {
namespace {

namespace fs = std::filesystem;

class Init : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "polydot-init-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  int run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "init");
    const auto request = parse_arguments(arguments);
    return request ? run_init(std::get<InitRequest>(*request)) : report(request.failure());
  }
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(Init, WritesAFileThatReadsBackAsAsked) {
  ASSERT_EQ(run({"--hosts", "a,b,c:2", "--peers", "10", "--lr", "0.02", "--out", path("cluster.toml")}),
            kExitDone);
  const auto config = node::load_config(path("cluster.toml"));
  ASSERT_TRUE(config) << config.failure().message;
  EXPECT_EQ(config->shared.peers, 10);
  EXPECT_EQ(config->shared.lr, 0.02);
  ASSERT_EQ(config->shared.endpoints.size(), 10U);
  EXPECT_EQ(config->shared.endpoints[0], "a:29400");
  EXPECT_NE(config->shared.cluster_id, node::Config{}.shared.cluster_id);
  EXPECT_EQ(file_count(), 1U);  // no temporary file stays
}

TEST_F(Init, TheFileStartsAPeer) {
  ASSERT_EQ(run({"--hosts", "a,b", "--out", path("cluster.toml")}), kExitDone);
  const auto request = parse_arguments({"peer", "--config", path("cluster.toml"), "--index", "9"});
  ASSERT_TRUE(request) << request.failure().message;
  EXPECT_EQ(std::get<PeerRequest>(*request).index, 9);
  EXPECT_FALSE(parse_arguments({"peer", "--config", path("cluster.toml"), "--index", "10"}));
}

TEST_F(Init, KeepsAnExistingFileUnlessForced) {
  const std::string file = path("cluster.toml");
  std::ofstream(file) << "mine";
  EXPECT_EQ(run({"--hosts", "a", "--out", file}), exit_code(FailureKind::kUsage));
  EXPECT_EQ(fs::file_size(file), 4U);
  EXPECT_EQ(file_count(), 1U);
  EXPECT_EQ(run({"--hosts", "a", "--out", file, "--force"}), kExitDone);
  EXPECT_TRUE(node::load_config(file));
  EXPECT_EQ(run({"--hosts", "a", "--out", path("no/such/folder.toml")}), exit_code(FailureKind::kUsage));
}

TEST_F(Init, RefusesWhatNoClusterCanBe) {
  EXPECT_FALSE(parse_arguments({"init", "--out", path("x")}));
  EXPECT_FALSE(parse_arguments({"init", "--hosts", "a"}));
  EXPECT_FALSE(parse_arguments({"init", "--hosts", "a,a", "--out", path("x")}));
  EXPECT_FALSE(parse_arguments({"init", "--hosts", "a", "--peers", "5", "--out", path("x")}));
  EXPECT_EQ(file_count(), 0U);
}

TEST_F(Init, NextStepsNameEveryHostAndIndex) {
  const auto request = parse_arguments({"init", "--hosts", "left,right", "--peers", "8", "--out", "c.toml"});
  ASSERT_TRUE(request) << request.failure().message;
  const std::string text = next_steps(std::get<InitRequest>(*request));
  EXPECT_NE(text.find("left: (trap : INT; for k in 0 2 4 6;"), std::string::npos) << text;
  EXPECT_NE(text.find("right: (trap : INT; for k in 1 3 5 7;"), std::string::npos) << text;
}

TEST_F(Init, TheLineIsForTheShell) {
  const auto request =
      parse_arguments({"init", "--hosts", "left", "--peers", "8", "--out", "my $(c)'s.toml"});
  ASSERT_TRUE(request) << request.failure().message;
  const std::string text = next_steps(std::get<InitRequest>(*request));
  EXPECT_NE(text.find("--config 'my $(c)'\\''s.toml' --index"), std::string::npos) << text;
}

TEST(ClusterId, IsRandomAndValid) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const auto id = random_cluster_id();
    ASSERT_TRUE(id) << id.failure().message;
    node::SharedConfig shared;
    shared.cluster_id = *id;
    EXPECT_TRUE(node::validate_shared(shared));
    ids.insert(*id);
  }
  EXPECT_EQ(ids.size(), 100U);
}

}  // namespace
}  // namespace polydot::tools
