// The walk over sets of suspects against the slow way: each set by a decomposition of its own.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

#include "codes/decode/bucket.h"

namespace polydot::codes {
namespace {

TEST(SuspicionWalk, LeavesOfEverySetWhatADecompositionOfItsOwnLeaves) {
  constexpr unsigned kSeed = 5;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  std::normal_distribution<double> normal;
  const auto draw = [&] { return normal(random); };
  const MatrixD parity = MatrixD::NullaryExpr(7, 9, draw);
  const MatrixD syndromes = MatrixD::NullaryExpr(7, 5, draw);
  Suspects pool(9);
  std::iota(pool.begin(), pool.end(), 0);
  std::swap(pool[0], pool[6]);  // a pool need not ascend
  for (int size = 1; size < 7; ++size) {
    std::set<std::set<int>> seen;
    for_each_suspicion(parity, syndromes, pool, size, [&](const Suspects& suspects, const VectorD& norms) {
      seen.insert(std::set<int>(suspects.begin(), suspects.end()));
      EXPECT_LT((norms - unexplained_norms(parity, syndromes, suspects)).norm(), 1e-12 * syndromes.norm());
    });
    EXPECT_EQ(static_cast<double>(seen.size()), subset_count(9, size));
  }
}

TEST(SuspicionWalk, ASuspectThatAddsNothingExplainsNothing) {
  MatrixD parity = MatrixD::Identity(4, 3);
  parity.col(1) = 2.0 * parity.col(0);
  const MatrixD syndromes = MatrixD::Ones(4, 1);
  for_each_suspicion(parity, syndromes, {0, 1, 2}, 2, [&](const Suspects& suspects, const VectorD& norms) {
    const bool same = suspects == Suspects{0, 1};
    EXPECT_NEAR(norms(0), std::sqrt(same ? 3.0 : 2.0), 1e-14);
  });
}

}  // namespace
}  // namespace polydot::codes
