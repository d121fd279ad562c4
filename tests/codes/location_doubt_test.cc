// Location where one entry alone leaves doubts: what its neighbours know, and what all candidates agree
// about.
#include "tests/codes/location_cells.h"

namespace polydot::codes::testing {
namespace {

class LocationInDoubt : public LocationLab {
 protected:
  // Adds `floors` alarm thresholds (whitened) to one entry of `peer`.
  void add(LabRound& round, int peer, Index row, Index col, double floors) {
    const RoundQuestion question = lab_.question(round, lab_.everybody());
    const double size = floors * question.threshold * lab_.pass().sigma(peer) * question.nu(col);
    round.contributions[static_cast<std::size_t>(peer)](row, col) += static_cast<float>(size);
  }
};

// With a second error near the floor many pairs explain the entry; all of them name the loud peer.
TEST_P(LocationInDoubt, TheLoudPeerIsBlamedWhoeverTheQuietOneIs) {
  int in_doubt = 0, loud_blamed = 0;
  for (double quiet : {1.0, 1.5, 2.0, 2.5, 3.0})
    for (int k = 0; k < 20; ++k) {
      LabRound round = lab_.make_round();
      const std::vector<int> wrong = lab_.random_peers(2);
      add(round, wrong[0], 3, 5, 1e4);
      add(round, wrong[1], 3, 5, quiet);
      const Trial trial = lab_.examine(round, wrong);
      ASSERT_TRUE(is_right(trial)) << text_of(trial);
      ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
      if (trial.verdict.findings.size() == 2) continue;
      ++in_doubt;
      loud_blamed += !trial.verdict.findings.empty();
    }
  std::cout << "quiet one not blamed in " << in_doubt << " of 100 rounds, the loud one blamed in "
            << loud_blamed << " of them\n";
  EXPECT_GT(in_doubt, 0);
  EXPECT_EQ(loud_blamed, in_doubt);
}

// Loud errors pass the gate in most entries, each entry with erasures of its own. The few entries in which
// they do not are no group; what is known of the others locates them.
TEST_P(LocationInDoubt, DenseErrorsAroundTheGateAreCorrectedEverywhere) {
  int right = 0, trials = 0;
  for (int k = 0; k < 60; ++k) {
    LabRound round = lab_.make_round();
    const std::vector<int> wrong = lab_.random_peers(any() + 1);
    for (int p : wrong) {
      Matrix& y = round.contributions[static_cast<std::size_t>(p)];
      std::normal_distribution<float> normal(0.0f, 300.0f * y.cwiseAbs().mean());
      y += Matrix::NullaryExpr(y.rows(), y.cols(), [&] { return normal(lab_.generator()); });
    }
    const Trial trial = lab_.examine(round, wrong);
    ASSERT_TRUE(is_safe(trial)) << text_of(trial);
    ASSERT_NE(trial.outcome, TrialResult::kRefused) << text_of(trial);
    ASSERT_FALSE(trial.wrong_peer_blamed) << text_of(trial);
    right += is_right(trial);
    ++trials;
  }
  EXPECT_GE(right, trials * 9 / 10);
}

// Well-conditioned plans, in which two peers may be wrong in any way.
const std::vector<Cell> kSmallGrids = {{"polydot", {2, 2, 1}, 10, PassKind::kForward},
                                       {"polydot", {2, 2, 1}, 10, PassKind::kBackward},
                                       {"polydot", {2, 2, 1}, 12, PassKind::kForward},
                                       {"polydot", {2, 2, 1}, 12, PassKind::kBackward}};
INSTANTIATE_TEST_SUITE_P(Cells, LocationInDoubt, ::testing::ValuesIn(kSmallGrids), name_of_cell);

}  // namespace
}  // namespace polydot::codes::testing
