// Faults put in on purpose, through the command: what is injected is logged, found, and does no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

#include "node/files/run_layout.h"
#include "node/records/run_score.h"
#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The lines of all peers' files of this name.
std::vector<json> records_of(const std::string& run, const std::string& name) {
  std::vector<json> records;
  for (const auto& folder : std::filesystem::directory_iterator(run))
    for (const std::string& line : lines_of(read_file(folder.path() / name)))
      records.push_back(node::parse_json(line));
  return records;
}

// What JSON cannot hold is named.
float value_of(const json& value) {
  if (value.is_number()) return static_cast<float>(value.get<double>());
  const float infinity = std::numeric_limits<float>::infinity();
  if (value == "nan") return std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(value == "inf" || value == "-inf") << value;
  return value == "inf" ? infinity : -infinity;
}

void expect_one_bit_differs(const json& line) {
  const float before = value_of(line.at("before")), after = value_of(line.at("after"));
  const std::uint32_t bit = std::uint32_t{1} << line.at("bit").get<unsigned>();
  if (!std::isnan(before) && !std::isnan(after)) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(before) ^ std::bit_cast<std::uint32_t>(after), bit) << line;
    return;
  }
  // A NaN's own bits are not in the file; the other value's are.
  const float other = std::isnan(before) ? after : before;
  EXPECT_TRUE(std::isnan(std::bit_cast<float>(std::bit_cast<std::uint32_t>(other) ^ bit))) << line;
}

json train(const Scratch& scratch, const Words& flags) {
  const Ended ended = run(scratch, join({{"train", "--json"}, flags}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  return node::parse_json(ended.out);
}

TEST(Inject, ProductFlipsAreFoundAndDoNoHarm) {
  const Scratch scratch;
  const std::string folder = scratch / "run";
  const Words flags = {"--hidden", "32", "--batch", "64", "--steps", "60"};
  const json clean = train(scratch, flags);
  const json hit = train(scratch, join({flags, {"--out", folder, "--inject", "product:bitflip:rate=0.1"}}));
  ASSERT_FALSE(hit.is_discarded());
  const json& faults = hit.at("faults");
  EXPECT_GT(faults.at("injected"), 100);
  EXPECT_GT(faults.at("above_floor"), 20);
  EXPECT_GE(faults.at("detected"), faults.at("above_floor"));
  EXPECT_EQ(faults.at("corrected"), faults.at("detected"));
  EXPECT_EQ(faults.at("missed"), 0);
  EXPECT_EQ(faults.at("false_alarms"), 0);
  EXPECT_EQ(faults.at("refused"), 0);
  EXPECT_NEAR(hit.at("test_accuracy"), clean.at("test_accuracy"), 0.01);

  const std::vector<json> injections = records_of(folder, "injections.jsonl");
  EXPECT_EQ(injections.size(), faults.at("injected"));
  std::set<int> victims;
  std::map<std::string, int> classes;
  for (const json& line : injections) {
    EXPECT_EQ(line.at("stage"), "product");
    EXPECT_LT(line.at("step"), 60);
    expect_one_bit_differs(line);
    victims.insert(line.at("peer").get<int>());
    ++classes[line.at("class")];
  }
  EXPECT_EQ(victims.size(), 10U);
  EXPECT_EQ(classes["above_floor"], faults.at("above_floor"));
  EXPECT_EQ(classes["near_floor"], faults.at("near_floor"));
  EXPECT_EQ(classes["below_floor"], faults.at("below_floor"));
  EXPECT_EQ(classes["masked"], faults.at("masked"));
}

// At the default network. What one of ten peers did not see, or saw elsewhere, is in the score.
TEST(Inject, TheScoreIsPerObserverAndPlace) {
  const Scratch scratch;
  const std::string folder = scratch / "run";
  const json faults =
      train(scratch, {"--steps", "12", "--out", folder, "--inject", "product:bitflip:rate=0.2"}).at("faults");
  constexpr int kPeers = 10;
  const auto score = [&] {
    node::FaultCounts counts;
    node::score_run(folder, kPeers, counts);
    return counts;
  };
  const node::FaultCounts whole = score();
  EXPECT_EQ(node::parse_json(node::to_text(node::to_json(whole))), faults);
  EXPECT_GT(whole.above_floor, 10U);
  EXPECT_GT(whole.above.due(), 5 * whole.above_floor);
  const node::Sightings& seen = whole.above;
  EXPECT_EQ(seen.due() + seen.undone + seen.left_out, 9 * whole.above_floor);
  // Who was late, on a busy machine, may have made others miss something; nothing that the class promises.
  EXPECT_EQ(seen.though_sure, 0U);
  EXPECT_EQ(whole.false_alarms, 0U);

  // A finding of an injection above the floor, by one observer.
  std::string file;
  std::size_t at = 0;
  Words lines;
  for (const json& injection : records_of(folder, "injections.jsonl"))
    for (int p = 0; file.empty() && p < kPeers; ++p) {
      if (injection.at("class") != "above_floor" || p == injection.at("peer")) continue;
      lines = lines_of(read_file(node::peer_folder(folder, p) + node::kFindingsFile));
      for (at = 0; file.empty() && at < lines.size(); ++at) {
        const json line = node::parse_json(lines[at]);
        if (line.at("peer") == injection.at("peer") && line.at("slot") == injection.at("slot") &&
            line.at("first_step") == injection.at("step") && line.at("last_step") == injection.at("step"))
          file = node::peer_folder(folder, p) + node::kFindingsFile;
      }
    }
  ASSERT_FALSE(file.empty());
  json moved = node::parse_json(lines[at - 1]);
  const auto write = [&] {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    write_file(file, text);
  };
  moved["slot"] = moved.at("slot").get<int>() + 100;  // the right peer in the wrong place
  lines[at - 1] = moved.dump();
  write();
  const node::FaultCounts elsewhere = score();
  EXPECT_EQ(elsewhere.above.missed, seen.missed + 1);
  EXPECT_LT(*elsewhere.recall(), *whole.recall());
  EXPECT_EQ(elsewhere.false_alarms, 1U);
  EXPECT_LT(*elsewhere.precision(), 1.0);
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at) - 1);  // and not seen at all
  write();
  EXPECT_EQ(score().above.missed, seen.missed + 1);
  EXPECT_EQ(score().false_alarms, 0U);
}

// At the default network, each alone in its step: whoever had it located it, and nobody else was blamed.
TEST(Inject, AFaultThatIsAloneIsMissedByNobodyWhoHadIt) {
  const Scratch scratch;
  Words flags = {"--steps", "12"};
  std::uint64_t step = 1;
  for (const char* round : {"layer=0:pass=forward", "layer=1:pass=forward", "layer=2:pass=forward",
                            "layer=2:pass=backward", "layer=1:pass=backward"}) {
    flags.push_back("--inject");
    flags.push_back("product:bitflip:bit=30:step=" + std::to_string(step) +
                    ":peer=" + std::to_string(step % 10) + ":" + round);
    step += 2;
  }
  const json faults = train(scratch, flags).at("faults");
  constexpr int kFaults = 5, kOthers = 9;
  EXPECT_EQ(faults.at("injected"), kFaults);
  EXPECT_EQ(faults.at("above_floor"), kFaults);
  EXPECT_GT(faults.at("found"), kFaults);
  EXPECT_EQ(faults.at("missed"), 0);
  EXPECT_EQ(faults.at("found").get<int>() + faults.at("undone").get<int>() + faults.at("left_out").get<int>(),
            kFaults * kOthers);
  EXPECT_EQ(faults.at("false_alarms"), 0);
  EXPECT_EQ(faults.at("unclear"), 0);
  EXPECT_EQ(faults.at("precision"), 1.0);
}

// The lowest bit of a weight: nothing to be seen, and no excuse for blaming that peer from then on.
TEST(Inject, WhatIsFarBelowTheFloorIsNoExcuse) {
  const Scratch scratch;
  const std::string folder = scratch / "run";
  const json faults = train(scratch, {"--steps", "8", "--out", folder, "--inject",
                                      "weights:bitflip:step=2:layer=0:peer=3:bit=0"})
                          .at("faults");
  EXPECT_EQ(faults.at("below_floor"), 1);
  EXPECT_EQ(faults.at("false_alarms"), 0);
  // A blame that came of nothing, of that peer and layer, in a later step.
  const std::string file = node::peer_folder(folder, 0) + node::kFindingsFile;
  const json injection = records_of(folder, "injections.jsonl").front();
  const json blame = {{"peer", 3},      {"slot", injection.at("slot")},
                      {"epoch", 0},     {"attempt", 0},
                      {"layer", 0},     {"first_step", 6},
                      {"last_step", 6}, {"corrected", true}};
  write_file(file, read_file(file) + blame.dump() + "\n");
  node::FaultCounts counts;
  node::score_run(folder, 10, counts);
  EXPECT_EQ(counts.false_alarms, 1U);
  EXPECT_EQ(counts.unclear, 0U);
}

TEST(Inject, StaysAtThePeerAndInTheStepsThatAreNamed) {
  const Scratch scratch;
  const std::string folder = scratch / "run";
  const json summary = train(scratch, join({{"--grid", "1x2", "--peers", "5", "--steps", "20", "--out",
                                             folder, "--inject", "product:bitflip:rate=1:peer=3:steps=4-7"},
                                            tiny_network(write_tiny_digits(scratch))}));
  const std::vector<json> injections = records_of(folder, "injections.jsonl");
  EXPECT_EQ(injections.size(), 4U * 3U);  // steps by rounds: two layers forward, one backward
  for (const json& line : injections) {
    EXPECT_EQ(line.at("peer"), 3);
    EXPECT_GE(line.at("step"), 4);
    EXPECT_LE(line.at("step"), 7);
  }
  for (const json& line : records_of(folder, "findings.jsonl")) EXPECT_EQ(line.at("peer"), 3);
  EXPECT_GT(summary.at("faults").at("detected"), 0);
}

// Nothing of the training shows it any more, only the evaluation after it does.
TEST(Inject, AFaultOfTheLastStepIsNoFalseAlarm) {
  for (const char* fault :
       {"decode:whole:step=39:layer=1:pass=backward:peer=2", "update:whole:step=39:layer=1:peer=2"}) {
    SCOPED_TRACE(fault);
    const Scratch scratch;
    const json faults =
        train(scratch, {"--hidden", "24", "--peers", "10", "--steps", "40", "--quiet", "--inject", fault})
            .at("faults");
    EXPECT_EQ(faults.at("above_floor"), 1);
    EXPECT_EQ(faults.at("false_alarms"), 0);
    EXPECT_EQ(faults.at("unclear"), 0);
    EXPECT_GT(faults.at("by_what_stays"), 0);
    EXPECT_EQ(faults.at("precision"), 1.0);
  }
}

TEST(Inject, AnUncodedRunNoticesNothing) {
  const Scratch scratch;
  const json summary =
      train(scratch,
            join({{"--code", "uncoded", "--steps", "20", "--inject", "product:bitflip:rate=0.05:steps=0-9"},
                  tiny_network(write_tiny_digits(scratch))}));
  EXPECT_GT(summary.at("faults").at("injected"), 0);
  EXPECT_EQ(summary.at("faults").at("detected"), 0);
}

TEST(Inject, AWrongShardIsLeftOut) {
  const Scratch scratch;
  const Words flags = join({{"--steps", "30"}, tiny_network(write_tiny_digits(scratch))});
  const json clean = train(scratch, flags);
  const json summary = train(scratch, join({flags, {"--inject", "weights:bitflip:rate=0.1:peer=4"}}));
  EXPECT_GT(summary.at("faults").at("injected"), 0);
  EXPECT_GT(summary.at("faults").at("above_floor"), 0);
  EXPECT_EQ(summary.at("faults").at("false_alarms"), 0);
  EXPECT_EQ(summary.at("faults").at("corrected"), summary.at("faults").at("detected"));
  EXPECT_EQ(summary.at("steps"), 30);
  EXPECT_NEAR(summary.at("test_accuracy"), clean.at("test_accuracy"), 0.01);
}

TEST(Inject, ACampaignIsOnTopOfWhatTheCommandLineSays) {
  const Scratch scratch;
  write_file(scratch / "c.toml",
             "[campaign]\nseed = 4\n[[fault]]\nstage = \"product\"\nmodel = \"row\"\nstep = 5\npeer = 1\n"
             "[[fault]]\nstage = \"encode\"\nmodel = \"nan\"\nstep = 7\nlayer = 1\npass = \"forward\"\n"
             "peers = [1]\n");
  const std::string folder = scratch / "run";
  const json summary =
      train(scratch, join({{"--grid", "1x2", "--peers", "5", "--steps", "20", "--out", folder, "--campaign",
                            scratch / "c.toml", "--inject", "product:inf:step=9:peer=2"},
                           tiny_network(write_tiny_digits(scratch))}));
  const json& faults = summary.at("faults");
  EXPECT_EQ(faults.at("injected"), 3 + 1 + 3);
  EXPECT_EQ(faults.at("above_floor"), faults.at("injected"));
  EXPECT_EQ(faults.at("recall"), 1.0);
  EXPECT_EQ(faults.at("precision"), 1.0);
  EXPECT_EQ(faults.at("wrong_peer"), 0);
  const json& encode = faults.at("by_stage").at("encode");
  EXPECT_EQ(encode.at("above_floor"), 1);
  EXPECT_GT(encode.at("observations"), 0);
  EXPECT_EQ(encode.at("found"), encode.at("observations"));
  for (const json& line : records_of(folder, "injections.jsonl"))
    EXPECT_EQ(line.at("step"), line.at("model") == "row" ? 5 : line.at("model") == "nan" ? 7 : 9);
}

TEST(Inject, WrongProductsAtAllPeersThatStayAreRefusedAndItSaysSo) {
  const Scratch scratch;
  const Ended ended =
      run(scratch,
          join({{"train", "--json", "--quiet", "--steps", "60", "--inject", "product:whole:rate=1:sticky=1"},
                tiny_network(write_tiny_digits(scratch))}));
  EXPECT_EQ(ended.exit_code, 6);
  ASSERT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("polydot: "));
  EXPECT_THAT(ended.err, HasSubstr("refused step "));
  const json summary = node::parse_json(ended.out);
  ASSERT_FALSE(summary.is_discarded()) << ended.out;
  EXPECT_GT(summary.at("faults").at("refused"), 0);
  EXPECT_LT(summary.at("steps"), 60);
  EXPECT_EQ(summary.at("peers_finished"), 0);
}

}  // namespace
}  // namespace polydot::tools
