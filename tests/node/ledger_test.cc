// The ledger: one line for each finding, or for each run of findings that recur step after step.
#include "node/records/ledger.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <tuple>

#include "node/records/round_book.h"
#include "node/text/json_text.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using codes::RoundState;

struct Seen {
  int peer = 0;
  double size = 10.0;
};

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() { EXPECT_TRUE(ledger_.open(path()).ok()); }

  std::string path() const { return (folder_ / "findings.jsonl").string(); }
  void round(std::uint64_t step, std::uint32_t slot, const std::vector<Seen>& findings,
             RoundState state = RoundState::kChecked, std::uint32_t attempt = 0) {
    codes::RoundVerdict verdict;
    verdict.state = state;
    for (const Seen& seen : findings)
      verdict.findings.push_back({.peer = seen.peer, .entries = 1, .size_over_floor = seen.size});
    protocol::RoundReport report;
    report.key = {epoch_, step, slot, attempt};
    report.layer = slot % 3;
    report.pass = slot >= 3 ? codes::PassKind::kBackward : codes::PassKind::kForward;
    report.verdict = &verdict;
    ledger_.on_round(report);
  }
  std::vector<nlohmann::json> lines() {
    ledger_.close();
    std::istringstream text(read_text(path()));
    std::vector<nlohmann::json> found;
    for (std::string line; std::getline(text, line);) found.push_back(parse_json(line));
    return found;
  }

  ScratchFolder folder_;
  Ledger ledger_;
  std::uint32_t epoch_ = 0;
};

TEST_F(LedgerTest, CleanRoundsLeaveNothing) {
  for (std::uint64_t step = 0; step < 10; ++step) round(step, 0, {});
  EXPECT_EQ(ledger_.findings(), 0u);
  EXPECT_TRUE(lines().empty());
}

TEST_F(LedgerTest, ASingleFindingIsTransient) {
  round(5, 4, {{7, 12.5}});
  EXPECT_EQ(ledger_.findings(), 1u);
  const auto found = lines();
  ASSERT_EQ(found.size(), 1u);
  const nlohmann::json expected = {{"peer", 7},           {"slot", 4},         {"epoch", 0},
                                   {"attempt", 0},        {"layer", 1},        {"pass", "backward"},
                                   {"training", true},    {"first_step", 5},   {"last_step", 5},
                                   {"kind", "transient"}, {"corrected", true}, {"size_over_floor", 12.5},
                                   {"by", "code"},        {"state", "product"}};
  EXPECT_EQ(found[0], expected);
}

TEST_F(LedgerTest, WhatRecursStepAfterStepIsOneEntryWithItsLargestSize) {
  for (std::uint64_t step = 5; step < 105; ++step) round(step, 1, {{7, step == 50 ? 99.0 : 3.0}});
  EXPECT_EQ(ledger_.findings(), 100u);
  const auto found = lines();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("kind"), "sticky");
  EXPECT_EQ(found[0].at("first_step"), 5);
  EXPECT_EQ(found[0].at("last_step"), 104);
  EXPECT_EQ(found[0].at("size_over_floor"), 99.0);
}

// As lines of rounds (round_book.h): what a peer that is killed had not written yet ends both alike.
TEST_F(LedgerTest, AnEntryEndsWhereALineOfRoundsDoes) {
  for (std::uint64_t step = kStepsOfALine - 3; step < kStepsOfALine + 2; ++step) round(step, 1, {{7}});
  const auto found = lines();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].at("last_step"), kStepsOfALine - 1);
  EXPECT_EQ(found[1].at("first_step"), kStepsOfALine);
}

TEST_F(LedgerTest, WhatComesAgainUnderANewEpochIsAnEntryOfItsOwn) {
  round(5, 1, {{7}});
  epoch_ = 1;
  round(5, 1, {{7}});
  const auto found = lines();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].at("epoch"), 0);
  EXPECT_EQ(found[1].at("epoch"), 1);
  EXPECT_EQ(ledger_.findings(), 2u);
}

TEST_F(LedgerTest, AGapEndsAnEntry) {
  for (std::uint64_t step : {3, 4, 6, 9, 10}) round(step, 1, {{7}});
  EXPECT_EQ(ledger_.findings(), 5u);
  std::set<std::pair<int, int>> runs;
  for (const auto& line : lines()) {
    runs.emplace(line.at("first_step").get<int>(), line.at("last_step").get<int>());
    EXPECT_EQ(line.at("kind"), line.at("first_step") == line.at("last_step") ? "transient" : "sticky");
  }
  EXPECT_EQ(runs, (std::set<std::pair<int, int>>{{3, 4}, {6, 6}, {9, 10}}));
}

TEST_F(LedgerTest, PeersAndSlotsAreKeptApart) {
  for (std::uint64_t step = 0; step < 4; ++step) {
    round(step, 0, {{2}, {7}});
    round(step, 1, {{7}});
  }
  EXPECT_EQ(ledger_.findings(), 12u);
  EXPECT_EQ(lines().size(), 3u);
}

TEST_F(LedgerTest, ANotFiniteSizeIsWritten) {
  round(1, 0, {{2, std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(lines().at(0).at("size_over_floor"), "inf");
}

TEST_F(LedgerTest, AnUnexplainedRoundNamesNobody) {
  round(1, 0, {{2}}, RoundState::kUnexplained);
  EXPECT_EQ(ledger_.findings(), 0u);
  EXPECT_TRUE(lines().empty());
}

TEST_F(LedgerTest, AWeakRoundIsNotCorrected) {
  round(1, 0, {{2}}, RoundState::kWeak);
  EXPECT_EQ(lines().at(0).at("corrected"), false);
}

TEST_F(LedgerTest, ARoundComputedAgainCountsOnceAndItsLastAttemptDecides) {
  round(1, 0, {{2}}, RoundState::kWeak, 0);
  round(1, 0, {{2}}, RoundState::kWeak, 1);
  round(1, 0, {{2}}, RoundState::kChecked, 2);
  EXPECT_EQ(ledger_.findings(), 1u);
  const auto found = lines();
  ASSERT_EQ(found.size(), 3u);
  for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(found[attempt].at("attempt"), attempt);
    EXPECT_EQ(found[attempt].at("corrected"), true);
    EXPECT_EQ(found[attempt].at("kind"), "transient");
  }
}

TEST_F(LedgerTest, ARoundThatIsCleanWhenComputedAgainIsCorrected) {
  round(1, 0, {{2}, {3}}, RoundState::kWeak, 0);
  round(1, 1, {{4}}, RoundState::kWeak, 0);
  round(1, 0, {}, RoundState::kChecked, 1);  // the transient faults are gone
  for (const auto& line : lines()) EXPECT_EQ(line.at("corrected"), line.at("slot") == 0) << line;
}

TEST_F(LedgerTest, CleanLaterStepsDoNotCorrectWhatWasNot) {
  round(1, 0, {{2}}, RoundState::kWeak, 2);
  round(2, 0, {}, RoundState::kChecked, 0);
  EXPECT_EQ(lines().at(0).at("corrected"), false);
}

// A wrong shard shows in the product and in its scrubs: a line each, of what showed it.
TEST_F(LedgerTest, ScrubsAreLinesOfTheirOwn) {
  for (std::uint64_t step = 4; step < 7; ++step) {
    codes::RoundVerdict product;
    product.state = RoundState::kChecked;
    if (step == 4) product.findings.push_back({2, 1, {0}, 5.0});
    std::vector<protocol::ScrubReport> scrubs(2);
    scrubs[0].part = protocol::RoundPart::kWeights;
    scrubs[0].verdict.state = RoundState::kChecked;
    scrubs[0].verdict.findings.push_back({2, 1, {3}, 7.0});
    scrubs[1].part = protocol::RoundPart::kMomentum;
    scrubs[1].verdict.state = RoundState::kWeak;
    if (step == 6) scrubs[1].verdict.findings.push_back({2, 1, {3}, 9.0});
    protocol::RoundReport report;
    report.key = {0, step, 1, 0};
    report.verdict = &product;
    report.scrubs = &scrubs;
    ledger_.on_round(report);
  }
  std::set<std::tuple<std::string, std::string, int, int, bool>> seen;
  for (const auto& line : lines())
    seen.emplace(line.at("by"), line.at("state"), line.at("first_step"), line.at("last_step"),
                 line.at("corrected"));
  EXPECT_EQ(seen, (std::set<std::tuple<std::string, std::string, int, int, bool>>{
                      {"code", "product", 4, 4, true},
                      {"scrub", "weights", 4, 6, true},
                      {"scrub", "momentum", 6, 6, false}}));
  EXPECT_EQ(ledger_.findings(), 5u);
}

TEST(Ledger, WithoutAFileItOnlyCounts) {
  Ledger ledger;
  ASSERT_TRUE(ledger.open("").ok());
  codes::RoundVerdict verdict;
  verdict.state = RoundState::kChecked;
  verdict.findings.push_back({.peer = 1, .entries = 1, .size_over_floor = 5.0});
  protocol::RoundReport report;
  report.verdict = &verdict;
  ledger.on_round(report);
  ledger.close();
  EXPECT_EQ(ledger.findings(), 1u);
}

TEST(Ledger, SaysWhenItCannotBeWritten) {
  ScratchFolder folder;
  Ledger ledger;
  expect_data_failure(ledger.open((folder / "missing" / "findings").string()),
                      {"cannot write", "missing/findings"});
}

TEST_F(LedgerTest, DamagedFramesOfARoundAreOneLineHoweverManyTheyAre) {
  round(5, 2, {{3}});
  for (int n = 0; n < 10'000; ++n) ledger_.on_wrong_checksum(0, 5, 2, 3);
  ledger_.on_wrong_checksum(0, 5, 2, 4);
  round(6, 2, {});
  ledger_.on_wrong_checksum(0, 6, 3, 3);
  EXPECT_EQ(ledger_.findings(), 1u) << "of the code";
  std::set<std::tuple<int, int, int, int, std::string>> found;  // step, slot, peer, frames
  for (const auto& line : lines())
    found.emplace(line["first_step"], line["slot"], line["peer"], line.value("frames", 0), line["by"]);
  EXPECT_EQ(found, (decltype(found){{5, 2, 3, 0, "code"},
                                    {5, 2, 3, 10'000, "checksum"},
                                    {5, 2, 4, 1, "checksum"},
                                    {6, 3, 3, 1, "checksum"}}));
}

TEST_F(LedgerTest, ALinkThatIsBadStepAfterStepIsFewLinesThatNameEachStep) {
  std::set<std::uint64_t> damaged, named;
  std::uint64_t frames = 0;
  for (std::uint64_t step = 0; step < 2000; ++step) {
    if (step % 500 < 400) {
      ledger_.on_wrong_checksum(0, step, 1, 6);
      damaged.insert(step);
    }
    round(step, 1, {});
  }
  const auto all = lines();
  EXPECT_LE(all.size(), 4u * 3) << "400 steps in a row cross at most two multiples of 256";
  for (const auto& line : all) {
    for (std::uint64_t step = line["first_step"]; step <= line["last_step"]; ++step)
      EXPECT_TRUE(named.insert(step).second) << "twice: " << step;
    frames += line["frames"].get<std::uint64_t>();
  }
  EXPECT_EQ(named, damaged);
  EXPECT_EQ(frames, damaged.size());
}

}  // namespace
}  // namespace polydot::node
