// Findings and rounds of a peer that is killed end alike.
#include "node/records/round_records.h"

#include <gtest/gtest.h>

#include <optional>

#include "node/files/run_layout.h"
#include "node/records/observers.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

constexpr int kPeers = 5, kSticky = 3, kTransient = 1, kLate = 4;
constexpr std::uint32_t kSlots = 2;

class KilledPeer : public ::testing::Test {
 protected:
  KilledPeer() {
    records_.emplace();
    EXPECT_TRUE(records_->open(folder_.path().string(), Records::kBeginAnew, kPeers).ok());
  }

  void round(std::uint64_t step, std::uint32_t slot, const std::vector<int>& located, bool all_there = true,
             std::uint32_t epoch = 0) {
    codes::RoundVerdict verdict;
    verdict.state = codes::RoundState::kChecked;
    for (const int peer : located)
      verdict.findings.push_back({.peer = peer, .entries = 1, .size_over_floor = 9.0});
    const std::vector<protocol::ScrubReport> scrubs;
    protocol::RoundReport report;
    report.key = {epoch, step, slot, 0};
    report.present = codes::PeerSet::all(kPeers);
    if (!all_there) report.present.erase(kLate);
    report.verdict = &verdict;
    report.scrubs = &scrubs;
    records_->on_round(report);
  }
  // Without a word, as by a signal.
  Observer killed() {
    records_.reset();
    return Observer(folder_.path().string());
  }
  // Of a peer that located kSticky in every round: how many rounds are on file.
  static std::uint64_t expect_alike(const Observer& observer, std::uint64_t steps, std::uint32_t epoch = 0) {
    std::uint64_t on_file = 0;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      for (std::uint64_t step = 0; step < steps; ++step) {
        const RoundPlace place{step, epoch, slot};
        const bool judged = !observer.judged(place).empty();
        EXPECT_EQ(judged, observer.located(kSticky, place, 0)) << "step " << step << ", slot " << slot;
        on_file += judged;
      }
    return on_file;
  }

  ScratchFolder folder_;
  std::optional<RoundRecords> records_;
};

// The ledger writes what has ended: the book goes with it.
TEST_F(KilledPeer, LeavesNoFindingWithoutItsRound) {
  constexpr std::uint64_t kSteps = 40;
  for (std::uint64_t step = 0; step < kSteps; ++step)
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      round(step, slot, step == 20 && slot == 1 ? std::vector{kTransient, kSticky} : std::vector{kSticky});
  const Observer observer = killed();
  EXPECT_EQ(expect_alike(observer, kSteps), 22u) << "of slot 1, up to step 21, in which it did not recur";
  EXPECT_TRUE(observer.located(kTransient, {20, 0, 1}, 0));
}

// The book writes what has ended: the ledger goes with it.
TEST_F(KilledPeer, LeavesNoRoundWithoutItsFindings) {
  constexpr std::uint64_t kSteps = kStepsOfALine + 10;
  for (std::uint64_t step = 0; step < kSteps; ++step)
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) round(step, slot, {kSticky}, step % 3 > 0);
  EXPECT_EQ(expect_alike(killed(), kSteps), kSlots * kStepsOfALine);
}

TEST_F(KilledPeer, WhatCameBeforeARollbackIsOnFileInBoth) {
  for (std::uint64_t step = 0; step < 10; ++step) round(step, 0, {kSticky});
  for (std::uint64_t step = 9; step < 12; ++step) round(step, 0, {kSticky}, true, 1);
  const Observer observer = killed();
  EXPECT_EQ(expect_alike(observer, 12, 0), 10u);
  EXPECT_EQ(expect_alike(observer, 12, 1), 0u);
}

TEST_F(KilledPeer, WhoEndsAsItShouldLosesNothing) {
  for (std::uint64_t step = 0; step < 10; ++step)
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) round(step, slot, {kSticky});
  records_->close();
  EXPECT_EQ(expect_alike(killed(), 10), 10u * kSlots);
}

}  // namespace
}  // namespace polydot::node
