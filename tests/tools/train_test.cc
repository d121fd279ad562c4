// polydot train from outside: what it prints, what it writes, and that it can be repeated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double kRounding = 1e-4;  // relative: peers may decode from other sets in another run

json parsed(const std::string& text) {
  json value = node::parse_json(text);
  EXPECT_FALSE(value.is_discarded()) << text;
  return value;
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  const json flat = object.flatten();
  for (const auto& [path, value] : flat.items()) keys.push_back(path);
  return keys;
}

// The summary that README.md documents.
json documented_summary() {
  const std::string readme = read_file(POLYDOT_SOURCE_DIR "/README.md");
  const auto section = readme.find("\n## summary.json\n");
  const auto begin = readme.find('{', section), end = readme.find("```", begin);
  return section == std::string::npos ? json() : parsed(readme.substr(begin, end - begin));
}

void expect_same_training(const json& a, const json& b) {
  EXPECT_EQ(a.at("steps"), b.at("steps"));
  EXPECT_NEAR(a.at("test_accuracy"), b.at("test_accuracy"), 1.01 / kTinyTestCount);
  EXPECT_NEAR(a.at("train_loss"), b.at("train_loss"), kRounding * b.at("train_loss").get<double>());
}

TEST(Train, ShowsWhereAStepWent) {
  const Scratch scratch;
  const Words flags = join({{"train", "--steps", "40"}, tiny_network(write_tiny_digits(scratch))});
  const Ended shown = run(scratch, join({flags, {"--profile"}}));
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  for (const char* line : {"where a step went", "  encode ", "  product ", "  decode ", "  check ",
                           "  activation ", "  update ", "  receive ", "  send ", "  other ",
                           "  waiting for others ", "  their threads ", "  their processes ", "  came last "})
    EXPECT_THAT(shown.out, HasSubstr(line));
  const Ended json = run(scratch, join({flags, {"--profile", "--json"}}));
  EXPECT_EQ(lines_of(json.out).size(), 1U) << json.out;
  EXPECT_THAT(json.err, HasSubstr("where a step went"));
}

TEST(Train, PrintsTheSummaryAloneAndKeepsRecordsThatRunAgain) {
  const Scratch scratch;
  const std::string folder = scratch / "run";
  const Words flags = join({{"train", "--json", "--out", folder, "--steps", "40", "--seed", "3"},
                            tiny_network(write_tiny_digits(scratch))});
  const Ended first = run(scratch, flags);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  ASSERT_EQ(lines_of(first.out).size(), 1U) << first.out;
  const json summary = parsed(first.out);
  // No stage is there where nothing was injected.
  json documented = documented_summary();
  documented["faults"]["by_stage"] = json::object();
  EXPECT_EQ(keys_of(summary), keys_of(documented));
  EXPECT_EQ(summary.at("code"), "polydot");
  EXPECT_EQ(summary.at("peers"), 10);
  EXPECT_THAT(summary.at("grid"), ElementsAre(2, 2, 1));
  EXPECT_EQ(summary.at("recovery_threshold"), json({{"forward", 5}, {"backward", 6}}));
  EXPECT_EQ(summary.at("steps"), 40);
  EXPECT_EQ(summary.at("seed"), 3);
  EXPECT_EQ(summary.at("peers_finished"), 10);
  EXPECT_GT(summary.at("test_accuracy"), 0.9);
  EXPECT_LT(summary.at("train_loss"), 1.0);
  EXPECT_GT(summary.at("seconds"), 0.0);
  EXPECT_GE(summary.at("seconds_total"), summary.at("seconds"));
  EXPECT_GT(summary.at("steps_per_second"), 0.0);
  EXPECT_GT(summary.at("bytes_sent"), 0);
  // What has nothing to be a share of is null, and no stage is there.
  for (const auto& [name, count] : summary.at("faults").items())
    EXPECT_TRUE(count == 0 || count.empty()) << name << " " << count;

  EXPECT_EQ(parsed(read_file(folder + "/summary.json")), summary);
  const Words rows = lines_of(read_file(folder + "/metrics.csv"));
  ASSERT_EQ(rows.size(), 41U);
  EXPECT_THAT(rows[0], StartsWith("step,epoch,loss,"));
  for (std::size_t step = 0; step < 40; ++step)
    EXPECT_THAT(rows[step + 1], StartsWith(std::to_string(step) + ","));

  // The file says all: the other run has the same flags only through it.
  const std::string config = read_file(folder + "/config.toml");
  const Ended again = run(scratch, {"train", "--config", folder + "/config.toml"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  expect_same_training(parsed(again.out), summary);
  EXPECT_EQ(read_file(folder + "/config.toml"), config);
}

TEST(Train, TheSeedAloneDecides) {
  const Scratch scratch;
  const Words network = tiny_network(write_tiny_digits(scratch));
  const auto train = [&](const std::string& seed) {
    const Ended ended = run(
        scratch, join({{"train", "--json", "--grid", "1x2", "--peers", "4", "--steps", "30", "--seed", seed},
                       network}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("seed " + seed));
    return parsed(ended.out);
  };
  const json first = train("5");
  expect_same_training(train("5"), first);
  EXPECT_GT(std::abs(train("6").at("train_loss").get<double>() - first.at("train_loss").get<double>()), 0.01);
}

TEST(Train, QuietPrintsNothing) {
  const Scratch scratch;
  const Ended ended =
      run(scratch, join({{"train", "--quiet", "--grid", "1x2", "--peers", "4", "--steps", "5"},
                         tiny_network(write_tiny_digits(scratch))}));
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, "");
}

TEST(Train, TheTableNamesWhatTheReaderNeeds) {
  const Scratch scratch;
  const Ended ended =
      run(scratch, join({{"train", "--reference", "--steps", "40", "--inject", "product:bitflip:rate=0.05"},
                         tiny_network(write_tiny_digits(scratch))}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  for (const char* word : {"accuracy", "uncoded reference", "injected", "above the floor", "located",
                           "refused", "contributions decode", "independent", "steps/s", "bytes sent"})
    EXPECT_THAT(ended.out, HasSubstr(word));
}

TEST(Train, EmbeddedDigitsNeedNoFile) {
  const Scratch scratch;
  const Ended ended =
      run(scratch, {"train", "--json", "--grid", "1x2", "--peers", "4", "--hidden", "32", "--steps", "60"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_GT(parsed(ended.out).at("test_accuracy"), 0.5);
}

struct CodeCase {
  const char* name;
  Words flags;
  int peers;
  int forward, backward;  // recovery thresholds
};

const CodeCase kCodes[] = {{"uncoded", {}, 4, 4, 4},
                           {"mds", {"--peers", "6"}, 6, 2, 2},
                           {"replication", {"--grid", "1x2", "--peers", "6"}, 6, 4, 4},
                           {"monomial", {"--peers", "8"}, 8, 5, 6},
                           {"polydot", {"--grid", "2x2x2", "--peers", "12"}, 12, 9, 10}};

TEST(Train, EveryCodeTrainsTheSameNetwork) {
  const Scratch scratch;
  const Words network = tiny_network(write_tiny_digits(scratch));
  std::optional<json> uncoded;
  for (const CodeCase& code : kCodes) {
    SCOPED_TRACE(code.name);
    const Ended ended =
        run(scratch, join({{"train", "--json", "--steps", "20", "--code", code.name}, code.flags, network}));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    const json summary = parsed(ended.out);
    EXPECT_EQ(summary.at("code"), code.name);
    EXPECT_EQ(summary.at("peers"), code.peers);
    EXPECT_EQ(summary.at("recovery_threshold"),
              json({{"forward", code.forward}, {"backward", code.backward}}));
    EXPECT_EQ(summary.at("peers_finished"), code.peers);
    EXPECT_EQ(summary.at("faults").at("false_alarms"), 0);
    EXPECT_EQ(summary.at("faults").at("refused"), 0);
    if (!uncoded) uncoded = summary;
    expect_same_training(summary, *uncoded);
  }
}

}  // namespace
}  // namespace polydot::tools
