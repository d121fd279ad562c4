// Location when whole contributions, rows or single entries of some peers are wrong: up to floor((P-K)/2) of
// them, whatever their errors, everything comes back right; beyond, right or refused, never wrong.
#include "tests/codes/location_cells.h"

namespace polydot::codes::testing {
namespace {

class LocationOfPeers : public LocationLab {
 protected:
  // Trials of what ends unexplained: that takes longest, most of all with many peers.
  int few() const { return peers() >= 16 ? 2 : 12; }
};

TEST_P(LocationOfPeers, CleanRoundsBlameNobody) {
  for (int k = 0; k < 170; ++k) {  // 2,040 rounds over all cells
    const Trial trial = lab_.run_clean();
    ASSERT_TRUE(is_right(trial)) << text_of(trial);
    ASSERT_TRUE(trial.verdict.findings.empty()) << text_of(trial);
  }
}

TEST_P(LocationOfPeers, AnyErrorsUpToHalfTheSpareRowsAreCorrected) {
  for (ErrorModel model :
       {ErrorModel::kDense, ErrorModel::kFlipResult, ErrorModel::kFlipWeight, ErrorModel::kEntry,
        ErrorModel::kRow, ErrorModel::kNotFinite, ErrorModel::kHugeAndTiny, ErrorModel::kZeros,
        ErrorModel::kStale, ErrorModel::kSameEntry, ErrorModel::kProportional})
    for (int count = 1; count <= any(); ++count) ASSERT_NO_FATAL_FAILURE(expect_all_right(model, count, 15));
}

TEST_P(LocationOfPeers, IndependentErrorsBeyondAreCorrectedOrRefused) {
  constexpr int kTrials = 15;
  for (ErrorModel model : {ErrorModel::kDense, ErrorModel::kRow})
    for (int count = any() + 1; count <= independent(); ++count) {
      const int right = count_right(model, count, kTrials);
      std::cout << name_of(model) << ", " << count << " wrong: " << right << " of " << kTrials << " right"
                << std::endl;
      if (model == ErrorModel::kDense && is("polydot") && GetParam().grid == Grid{2, 2, 1}) {
        EXPECT_GE(right, kTrials * 8 / 10);
      }
    }
}

TEST_P(LocationOfPeers, MoreDenseErrorsThanAnyCodeLocatesAreRefused) {
  for (int count = spare(); count <= spare() + 2 && count < peers(); ++count)
    for (int k = 0; k < few(); ++k) {
      const Trial trial = lab_.run(ErrorModel::kDense, lab_.random_peers(count));
      ASSERT_TRUE(is_safe(trial)) << count << " wrong: " << text_of(trial);
      if (!is("replication")) {
        ASSERT_FALSE(is_right(trial)) << count << " wrong: " << text_of(trial);
      }
    }
}

TEST_P(LocationOfPeers, ProportionalErrorsBeyondTheBoundAreCorrectedOrRefused) {
  for (int count = any() + 1; count <= spare() + 1; ++count)
    count_right(ErrorModel::kProportional, count, few());
}

TEST_P(LocationOfPeers, SilentPeersBeyondTheBoundAreCorrectedOrRefused) {
  for (int count = any() + 1; count <= peers() - 1; ++count) {
    const int right = count_right(ErrorModel::kZeros, count, 10);
    // They are erasures, not errors: their place is known.
    if (count < spare() && is("polydot") && GetParam().grid == Grid{2, 2, 1}) {
      EXPECT_GT(right, 0) << count;
    }
  }
}

TEST_P(LocationOfPeers, StaleContributionsOfAMinorityAreCorrectedOrRefused) {
  if (is("replication")) GTEST_SKIP() << "two stale copies of three are the majority";
  for (int count = any() + 1; 2 * count <= peers(); ++count) count_right(ErrorModel::kStale, count, few());
}

// Together they may use up e + 2t <= P - K. What is left is sometimes badly conditioned: then the round
// waits.
TEST_P(LocationOfPeers, MissingPeersAndWrongOnesTogetherAreCorrectedOrWaitedFor) {
  constexpr int kTrials = 8;
  int right = 0, trials = 0;
  for (ErrorModel model : {ErrorModel::kDense, ErrorModel::kFlipResult, ErrorModel::kEntry})
    for (int missing = 1; missing <= spare() - 2; ++missing)
      for (int k = 0; k < kTrials; ++k, ++trials) {
        const std::vector<int> absent = lab_.random_peers(missing);
        const std::vector<int> wrong = lab_.random_peers((spare() - missing) / 2, absent);
        const Trial trial = lab_.run(model, wrong, absent);
        ASSERT_TRUE(is_safe(trial)) << text_of(trial);
        ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
        right += is_right(trial);
      }
  std::cout << right << " of " << trials << " right" << std::endl;
  if (!is("replication")) {
    EXPECT_GE(right, trials * 8 / 10);
  }
}

// One identical error in ONE entry of more than floor((P-K)/2) peers promises nothing: equal values at three
// neighbouring peers at the edge are, to rounding, within two errors of another codeword, and then that one
// is the better explanation. What can be asked: no more peers are blamed than the bound allows.
TEST_P(LocationOfPeers, OneEntryEqualAtTooManyPeersIsExplainedByNoMoreThanTheBound) {
  if (is("replication")) GTEST_SKIP() << "each block has a bound of its own";
  for (int count = any() + 1; count <= spare(); ++count)
    for (int k = 0; k < 12; ++k) {
      const Trial trial = lab_.run(ErrorModel::kSameEntry, lab_.random_peers(count));
      if (!is_safe(trial)) {
        EXPECT_LE(static_cast<int>(trial.verdict.findings.size()), any()) << text_of(trial);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Cells, LocationOfPeers, ::testing::ValuesIn(kCells), name_of_cell);

// Six rows of another codeword of rank K = 5 among twelve: half is as good an explanation as the other half.
TEST(LocationOfStale, SixOfTwelveAreRefused) {
  RoundLab lab(options_of({"polydot", {2, 2, 1}, 12, PassKind::kForward}, 99));
  for (int k = 0; k < 40; ++k) {
    LabRound round = lab.make_round(), last = lab.make_round();
    // As loud, column by column: a louder one would give itself away (the gate of the noise floor).
    last.operand.colwise().normalize();
    last.operand *= round.operand.colwise().norm().asDiagonal();
    const std::vector<int> stale = lab.random_peers(6);
    for (int p : stale) {
      lab.multiply_again(last, p);
      round.contributions[static_cast<std::size_t>(p)] = last.contributions[static_cast<std::size_t>(p)];
    }
    const Trial trial = lab.examine(round, stale);
    ASSERT_EQ(trial.verdict.state, RoundState::kUnexplained) << text_of(trial);
  }
}

TEST(LocationOfZeros, SixOfTwelveAreRightOrRefused) {
  RoundLab lab(options_of({"polydot", {2, 2, 1}, 12, PassKind::kForward}, 98));
  for (int k = 0; k < 100; ++k) {
    const Trial trial = lab.run(ErrorModel::kZeros, lab.random_peers(6));
    ASSERT_TRUE(is_safe(trial)) << text_of(trial);
    ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
  }
}

}  // namespace
}  // namespace polydot::codes::testing
