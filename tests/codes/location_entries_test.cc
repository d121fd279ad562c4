// Location per entry: an erasure concerns one entry of one peer, so that errors in different entries do not
// add up, however many peers they come from.
#include <bit>
#include <cmath>
#include <limits>

#include "tests/codes/location_cells.h"

namespace polydot::codes::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinite = std::numeric_limits<float>::infinity();

class LocationOfEntries : public LocationLab {
 protected:
  Matrix& contribution(LabRound& round, int peer) {
    return round.contributions[static_cast<std::size_t>(peer)];
  }
  double signal(const LabRound& round) const {
    const Matrix& y = round.contributions.front();
    return y.norm() / std::sqrt(static_cast<double>(y.size()));
  }
  // An error as an entry may have it: any flip, 1e-3 to 1e3 of the signal, or not a number at all.
  float broken(float value, double loud) {
    switch (random_int(0, 7)) {
      case 0:
        return kNan;
      case 1:
        return random_int(0, 1) != 0 ? kInfinite : -1e30f;
      case 2:
      case 3:
      case 4:
        return bench::flip_bit(value, static_cast<unsigned>(random_int(0, 31)));
      default: {
        const double size =
            loud * std::pow(10.0, std::uniform_real_distribution<double>(-3.0, 3.0)(lab_.generator()));
        return value + static_cast<float>(random_int(0, 1) != 0 ? size : -size);
      }
    }
  }
  std::vector<int> everyone() const { return lab_.everybody().members(); }
};

TEST_P(LocationOfEntries, FlipsOfEveryBitOfAResultAreCorrected) {
  LabRound round = lab_.make_round();
  int located = 0;
  for (int p = 0; p < peers(); ++p)
    for (unsigned bit = 0; bit < 32; ++bit) {
      Matrix& y = contribution(round, p);
      float& entry =
          y(random_int(0, static_cast<int>(y.rows()) - 1), random_int(0, static_cast<int>(y.cols()) - 1));
      const float before = entry;
      entry = bench::flip_bit(before, bit);
      const Trial trial = lab_.examine(round, {p});
      ASSERT_TRUE(is_right(trial)) << "bit " << bit << " of peer " << p << ": " << before << " -> " << entry
                                   << ": " << text_of(trial);
      ASSERT_FALSE(trial.wrong_peer_blamed) << "bit " << bit << " of peer " << p << ": " << text_of(trial);
      if (bit == 30) {  // the highest of the exponent: nobody can miss it
        ASSERT_EQ(trial.verdict.findings.size(), 1u) << text_of(trial);
      }
      located += !trial.verdict.findings.empty();
      entry = before;
    }
  EXPECT_GE(located, peers() * 32 / 3);  // more than half of the positions are above the floor
}

TEST_P(LocationOfEntries, FlipsOfEveryBitOfAWeightAreCorrected) {
  LabRound round = lab_.make_round();
  int located = 0;
  for (int p = 0; p < peers(); ++p)
    for (unsigned bit = 0; bit < 32; ++bit) {
      Matrix& shard = round.shards[static_cast<std::size_t>(p)];
      float& weight = shard(random_int(0, static_cast<int>(shard.rows()) - 1),
                            random_int(0, static_cast<int>(shard.cols()) - 1));
      const float before = weight;
      const Matrix y = contribution(round, p);
      weight = bench::flip_bit(before, bit);
      lab_.multiply_again(round, p);
      const Trial trial = lab_.examine(round, {p});
      ASSERT_TRUE(is_right(trial)) << "bit " << bit << " of peer " << p << ": " << before << " -> " << weight
                                   << ": " << text_of(trial);
      ASSERT_FALSE(trial.wrong_peer_blamed) << "bit " << bit << " of peer " << p << ": " << text_of(trial);
      located += !trial.verdict.findings.empty();
      weight = before;
      contribution(round, p) = y;
    }
  EXPECT_GE(located, peers() * 32 / 3);
}

// 1 to 10 flips in every peer at once; no entry has more of them than it can correct.
TEST_P(LocationOfEntries, AllPeersWrongAtOnceInDifferentEntriesAreCorrected) {
  const int bound = well_conditioned() ? any() : 1;
  for (int each = 1; each <= 10; ++each)
    for (int k = 0; k < 4; ++k) {
      LabRound round = lab_.make_round();
      const Index entries = round.contributions.front().size();
      std::vector<int> wrong_in(static_cast<std::size_t>(entries), 0);
      for (int p = 0; p < peers(); ++p)
        for (int placed = 0; placed < each;) {
          const int at = random_int(0, static_cast<int>(entries) - 1);
          if (wrong_in[static_cast<std::size_t>(at)] >= bound) continue;
          ++wrong_in[static_cast<std::size_t>(at)];
          ++placed;
          float& entry = contribution(round, p).data()[at];
          entry = bench::flip_bit(entry, static_cast<unsigned>(random_int(0, 31)));
        }
      const Trial trial = lab_.examine(round, everyone());
      ASSERT_TRUE(is_right(trial)) << each << " flips each: " << text_of(trial);
      for (const Finding& finding : trial.verdict.findings)
        ASSERT_LE(finding.entries, each) << text_of(trial);
    }
}

// The law: whatever the values, and with somebody missing, e + 2t <= P - K in each entry is corrected.
TEST_P(LocationOfEntries, RandomErrorsWithinTheBoundOfEachEntryAreCorrected) {
  constexpr int kTrials = 80;
  int right = 0;
  for (int k = 0; k < kTrials; ++k) {
    LabRound round = lab_.make_round();
    const std::vector<int> missing = lab_.random_peers(random_int(0, std::min(1, spare() - 2)));
    const int bound = (spare() - static_cast<int>(missing.size())) / 2;
    const double loud = signal(round);
    const Index entries = round.contributions.front().size();
    std::vector<bool> used(static_cast<std::size_t>(entries), false);
    for (int broken_entries = random_int(1, 40); broken_entries > 0; --broken_entries) {
      const int at = random_int(0, static_cast<int>(entries) - 1);
      if (used[static_cast<std::size_t>(at)]) continue;
      used[static_cast<std::size_t>(at)] = true;
      for (int p : lab_.random_peers(random_int(1, bound), missing)) {
        float& entry = contribution(round, p).data()[at];
        entry = broken(entry, loud);
      }
    }
    const Trial trial = lab_.examine(round, everyone(), missing);
    ASSERT_TRUE(is_safe(trial)) << text_of(trial);
    if (well_conditioned()) {
      ASSERT_TRUE(is_right(trial)) << text_of(trial);
    }
    right += is_right(trial);
  }
  std::cout << right << " of " << kTrials << " right" << std::endl;
  EXPECT_GE(right, kTrials / 3);
}

TEST_P(LocationOfEntries, NotFiniteValuesAreErasures) {
  for (float value : {kNan, kInfinite, -kInfinite})
    for (int count = 1; count <= spare() - 1; ++count) {
      LabRound round = lab_.make_round();
      const std::vector<int> wrong = lab_.random_peers(count);
      for (int p : wrong) contribution(round, p)(2, 3) = value;
      const Trial trial = lab_.examine(round, wrong);
      ASSERT_TRUE(is_safe(trial)) << count << " at " << ::testing::PrintToString(wrong) << ": "
                                  << text_of(trial);
      ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
      if (count > any()) continue;
      ASSERT_TRUE(is_right(trial)) << count << " at " << ::testing::PrintToString(wrong) << ": "
                                   << text_of(trial);
      ASSERT_EQ(trial.verdict.findings.size(), wrong.size()) << text_of(trial);
      for (const Finding& finding : trial.verdict.findings) EXPECT_TRUE(std::isinf(finding.size_over_floor));
    }
}

TEST_P(LocationOfEntries, WholeContributionsThatAreNotFiniteAreCorrected) {
  for (int count = 1; count <= any(); ++count) {
    LabRound round = lab_.make_round();
    const std::vector<int> wrong = lab_.random_peers(count);
    for (int p : wrong) contribution(round, p).setConstant(kNan);
    const Trial trial = lab_.examine(round, wrong);
    ASSERT_TRUE(is_right(trial)) << text_of(trial);
    ASSERT_EQ(trial.verdict.findings.size(), wrong.size());
    for (const Finding& finding : trial.verdict.findings)
      EXPECT_EQ(finding.entries, round.contributions.front().size());
  }
}

TEST_P(LocationOfEntries, HugeAndTinyErrorsOfOneEntryAreBothCorrected) {
  for (int k = 0; k < 20 && any() >= 2; ++k) {
    LabRound round = lab_.make_round();
    const std::vector<int> wrong = lab_.random_peers(2);
    contribution(round, wrong[0])(1, 1) = 1e30f;
    contribution(round, wrong[1])(1, 1) += static_cast<float>(1e-2 * signal(round));
    const Trial trial = lab_.examine(round, wrong);
    ASSERT_TRUE(is_right(trial)) << text_of(trial);
    ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
  }
}

TEST_P(LocationOfEntries, FindingsNameThePeerAndCountItsEntries) {
  for (int p = 0; p < peers(); ++p) {
    LabRound round = lab_.make_round();
    const float loud = static_cast<float>(10.0 * signal(round));
    for (Index c : {0, 4, 7}) contribution(round, p)(c % 4, c) += loud;
    const Trial trial = lab_.examine(round, {p});
    ASSERT_EQ(trial.verdict.findings.size(), 1u) << text_of(trial);
    EXPECT_EQ(trial.verdict.findings[0].peer, p);
    EXPECT_EQ(trial.verdict.findings[0].entries, 3);
    EXPECT_GT(trial.verdict.findings[0].size_over_floor, 100.0);
    EXPECT_EQ(trial.verdict.active_entries, 3);
    EXPECT_FALSE(trial.verdict.clean());
  }
}

// Kappa, what is harmless and which candidates agree are all relative to the signal: an error in every column
// must not pass for a louder signal.
TEST_P(LocationOfEntries, LoudErrorsEverywhereDoNotPassForSignal) {
  for (double size : {1e-2, 1.0, 1e3, 1e6, 1e30}) {
    LabRound round = lab_.make_round();
    Matrix& y = contribution(round, 1);
    y += static_cast<float>(size * signal(round)) * Matrix::Random(y.rows(), y.cols());
    const Trial trial = lab_.examine(round, {1});
    ASSERT_TRUE(is_right(trial)) << size << ": " << text_of(trial);
    const Trial silent = lab_.examine(round, {1}, {1});
    EXPECT_LE(trial.verdict.kappa, 2.0 * silent.verdict.kappa) << size;
    EXPECT_GE(trial.verdict.kappa, 0.5 * silent.verdict.kappa) << size;
  }
}

// Whatever single error slips below the alarm changes the decoded values by no more than kappa says.
TEST_P(LocationOfEntries, WhatHidesBelowTheFloorIsNoLargerThanKappa) {
  const auto decoder = lab_.cache().get(lab_.everybody());
  int hidden = 0;
  for (int p = 0; p < peers(); ++p) {
    LabRound round = lab_.make_round();
    const RoundQuestion question = lab_.question(round, lab_.everybody());
    const double loudest = 0.9 * question.threshold / decoder->parity.col(p).cwiseAbs().maxCoeff();
    contribution(round, p)(1, 2) += static_cast<float>(loudest * decoder->sigma(p) * question.nu(2));
    const Trial trial = lab_.examine(round, {p});
    ASSERT_TRUE(is_right(trial)) << text_of(trial);
    if (trial.verdict.active_entries > 0) continue;
    ++hidden;
    EXPECT_LE(trial.error, 1e-6 + trial.verdict.kappa);
  }
  EXPECT_GT(hidden, 0);
}

TEST_P(LocationOfEntries, ErrorsAboveTheLocatableSizeAreLocatedWithoutDoubt) {
  const auto decoder = lab_.cache().get(lab_.everybody());
  const VectorD sizes = locatable_sizes(*decoder);
  for (int p = 0; p < peers(); ++p) {
    ASSERT_TRUE(std::isfinite(sizes(p))) << p;
    for (float sign : {1.0f, -1.0f}) {
      LabRound round = lab_.make_round();
      const RoundQuestion question = lab_.question(round, lab_.everybody());
      const Index row = random_int(0, static_cast<int>(question.payload.rows) - 1);
      const Index col = random_int(0, static_cast<int>(question.payload.cols) - 1);
      contribution(round, p)(row, col) +=
          sign * static_cast<float>(sizes(p) * question.threshold * decoder->sigma(p) * question.nu(col));
      const Trial trial = lab_.examine(round, {p});
      ASSERT_TRUE(is_right(trial)) << text_of(trial);
      ASSERT_EQ(trial.verdict.findings.size(), 1u) << text_of(trial);
      EXPECT_EQ(trial.verdict.findings[0].peer, p) << text_of(trial);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, LocationOfEntries, ::testing::ValuesIn(kCells), name_of_cell);

}  // namespace
}  // namespace polydot::codes::testing
