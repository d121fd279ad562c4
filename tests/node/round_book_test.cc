// The book of rounds: which were judged, and whose contributions were there.
#include "node/records/round_book.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "node/files/run_layout.h"
#include "node/records/observers.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

constexpr int kPeers = 5;

class RoundBookTest : public ::testing::Test {
 protected:
  RoundBookTest() { EXPECT_TRUE(book_.open(path(), Records::kBeginAnew, kPeers).ok()); }

  std::string path() const { return folder_.path().string() + kRoundsFile; }
  void round(std::uint64_t step, const codes::PeerSet& present, bool delivered = true,
             std::uint32_t attempt = 0, std::uint32_t epoch = 0, std::uint32_t slot = 7) {
    const codes::RoundVerdict verdict;
    const std::vector<protocol::ScrubReport> scrubs;
    protocol::RoundReport report;
    report.key = {epoch, step, slot, attempt};
    report.training = training_;
    report.present = present;
    report.verdict = &verdict;
    if (delivered) report.scrubs = &scrubs;
    book_.on_round(report);
  }
  std::size_t lines() const {
    std::istringstream text(read_text(path()));
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) ++count;
    return count;
  }
  Observer read() {
    book_.close();
    return Observer(folder_.path().string());
  }

  ScratchFolder folder_;
  RoundBook book_;
  bool training_ = true;
};

const codes::PeerSet kAll = codes::PeerSet::all(kPeers);

TEST_F(RoundBookTest, StepsThatAreAlikeAreOneLine) {
  for (std::uint64_t step = 3; step < 100; ++step) round(step, kAll);
  const Observer observer = read();
  EXPECT_EQ(lines(), 1u);
  for (const std::uint64_t step : {3, 50, 99}) {
    const auto judged = observer.judged({step, 0, 7});
    ASSERT_EQ(judged.size(), 1u) << step;
    EXPECT_TRUE(judged[0].delivered);
    EXPECT_TRUE(judged[0].missing.empty());
  }
  for (const std::uint64_t step : {2, 100}) EXPECT_TRUE(observer.judged({step, 0, 7}).empty()) << step;
  EXPECT_TRUE(observer.judged({50, 0, 8}).empty());
  EXPECT_TRUE(observer.judged({50, 1, 7}).empty());
}

TEST_F(RoundBookTest, SaysWhoWasMissingInWhichSteps) {
  for (std::uint64_t step = 0; step < 9; ++step)
    round(step, step == 4 || step == 5 ? kAll - codes::PeerSet::of({1, 3}) : kAll);
  const Observer observer = read();
  EXPECT_EQ(lines(), 2u);
  for (std::uint64_t step = 0; step < 9; ++step) {
    const auto judged = observer.judged({step, 0, 7});
    ASSERT_EQ(judged.size(), 1u) << step;
    EXPECT_EQ(judged[0].missing.contains(3), step == 4 || step == 5) << step;
    EXPECT_FALSE(judged[0].missing.contains(2));
  }
}

TEST_F(RoundBookTest, KeepsAttemptsAndEpochsApart) {
  round(4, kAll, false, 0);
  round(4, kAll, true, 1);
  round(5, kAll);
  round(4, kAll, true, 0, 1);  // all went back
  const Observer observer = read();
  const auto judged = observer.judged({4, 0, 7});
  ASSERT_EQ(judged.size(), 2u);
  EXPECT_NE(judged[0].delivered, judged[1].delivered);
  EXPECT_NE(judged[0].attempt, judged[1].attempt);
  EXPECT_EQ(judged[0].delivered, judged[0].attempt == 1);
  EXPECT_EQ(observer.judged({4, 1, 7}).size(), 1u);
  EXPECT_TRUE(observer.judged_later({4, 0, 7}));
  EXPECT_FALSE(observer.judged_later({5, 0, 7}));
}

TEST_F(RoundBookTest, StepsThatWereSkippedWereNotJudged) {
  for (const std::uint64_t step : {1, 2, 6, 7}) round(step, kAll);
  const Observer observer = read();
  EXPECT_EQ(observer.judged({2, 0, 7}).size(), 1u);
  EXPECT_TRUE(observer.judged({4, 0, 7}).empty());
  EXPECT_EQ(observer.judged({6, 0, 7}).size(), 1u);
}

// A peer at the edge of the patience of the others makes no line for each change.
TEST_F(RoundBookTest, WhoIsLateInEverySecondStepIsTwoLinesInSoManySteps) {
  const auto is_late = [](std::uint64_t step) { return step % 2 == 1; };
  for (std::uint64_t step = 0; step < 2 * kStepsOfALine; ++step)
    round(step, is_late(step) ? kAll - codes::PeerSet::of({2}) : kAll);
  const Observer observer = read();
  EXPECT_EQ(lines(), 4u);
  for (std::uint64_t step = 0; step < 2 * kStepsOfALine; ++step) {
    const auto judged = observer.judged({step, 0, 7});
    ASSERT_EQ(judged.size(), 1u) << step;
    EXPECT_EQ(judged[0].missing.contains(2), is_late(step)) << step;
    EXPECT_EQ(observer.lacked_any(0, step), is_late(step)) << step;
  }
}

// What a killed peer loses is bounded.
TEST_F(RoundBookTest, IsOnFileOnceInSoManySteps) {
  for (std::uint64_t step = 0; step <= kStepsOfALine; ++step) round(step, kAll);
  EXPECT_EQ(lines(), 1u);
  const Observer killed(folder_.path().string());
  EXPECT_EQ(killed.judged({kStepsOfALine - 1, 0, 7}).size(), 1u);
  EXPECT_TRUE(killed.judged({kStepsOfALine, 0, 7}).empty());
}

TEST_F(RoundBookTest, EvaluationsAreNotInIt) {
  training_ = false;
  round(4, kAll);
  read();
  EXPECT_EQ(lines(), 0u);
}

}  // namespace
}  // namespace polydot::node
