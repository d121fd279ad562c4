// Weights from shards: what is missing is done without, what is wrong is located, the rest is refused.
#include "codes/decode/stored_matrix.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "tests/expect_failure.h"

namespace polydot::codes {
namespace {

struct Lab {
  Lab(const std::string& name, Grid grid, Index peers, Index rows = 23, Index cols = 31)
      : code(make_code(name, grid, peers).value()), weights(Matrix::Random(rows, cols)) {
    for (Index p = 0; p < peers; ++p) {
      shards.push_back(encode_shard(code.shards[0], p, weights));
      // The drift of a long run, on the scale of rounding, but not in the padding.
      Matrix drift = Matrix::Random(shards.back().rows(), shards.back().cols()) * 2e-6f;
      shards.back() += drift.cwiseProduct(shards.back());
      present.push_back(true);
    }
  }
  Result<StoredMatrix> decode() const {
    std::vector<const Matrix*> all;
    for (std::size_t p = 0; p < shards.size(); ++p) all.push_back(present[p] ? &shards[p] : nullptr);
    return decode_stored_matrix(code.shards[0], {weights.rows(), weights.cols()}, all);
  }
  void expect_right(double tolerance = 3e-5) const {
    const auto stored = decode();
    ASSERT_TRUE(stored) << stored.failure().message;
    ASSERT_EQ(stored->values.rows(), weights.rows());
    ASSERT_EQ(stored->values.cols(), weights.cols());
    EXPECT_LE((stored->values - weights).cwiseAbs().maxCoeff(), tolerance);
  }
  std::vector<int> located() const {
    std::vector<int> peers;
    const auto stored = decode();
    for (const auto& finding : stored->wrong) peers.push_back(finding.peer);
    return peers;
  }

  ProductCode code;
  Matrix weights;
  std::vector<Matrix> shards;
  std::vector<bool> present;
};

struct Choice {
  const char* name;
  Grid grid;
  Index peers;
};
const Choice kChoices[] = {{"polydot", {2, 2, 1}, 10},
                           {"polydot", {2, 3, 2}, 19},
                           {"monomial", {2, 2, 1}, 9},
                           {"mds", {3, 2, 1}, 8},
                           {"replication", {2, 2, 1}, 12}};

TEST(StoredMatrix, IsTheMatrixWithEveryCode) {
  for (const Choice& choice : kChoices) {
    SCOPED_TRACE(choice.name);
    const Lab lab(choice.name, choice.grid, choice.peers);
    lab.expect_right();
    EXPECT_TRUE(lab.located().empty());
  }
  Lab("uncoded", {2, 3, 1}, 6).expect_right();
}

TEST(StoredMatrix, DoesWithoutMissingShards) {
  Lab lab("polydot", {2, 2, 1}, 10);
  for (const int peer : {1, 4, 7, 8, 9}) lab.present[static_cast<std::size_t>(peer)] = false;
  lab.expect_right(1e-4);
  lab.present[0] = false;  // four are left: nothing to check with
  expect_failure(lab.decode(), FailureKind::kRefused, {"too few"});
}

TEST(StoredMatrix, OneWrongValueIsLocatedWithEveryCode) {
  for (const Choice& choice : kChoices)
    for (const float wrong : {1e-2f, 3.0f, -1e30f, std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(testing::Message() << choice.name << " " << wrong);
      Lab lab(choice.name, choice.grid, choice.peers);
      lab.shards[3](2, 1) += wrong;
      lab.expect_right();
      EXPECT_EQ(lab.located(), std::vector<int>{3});
      const auto stored = lab.decode();
      EXPECT_EQ(stored->wrong.front().entries, 1);
    }
}

TEST(StoredMatrix, EveryPeerMayBeWrongSomewhereElse) {
  Lab lab("polydot", {2, 2, 1}, 10);
  std::vector<int> everybody;
  for (int p = 0; p < 10; ++p) {
    lab.shards[static_cast<std::size_t>(p)](p, p) = 1e20f;
    everybody.push_back(p);
  }
  lab.expect_right();
  EXPECT_EQ(lab.located(), everybody);
}

TEST(StoredMatrix, WholeWrongShardsAreLocated) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.shards[2] = Matrix::Random(lab.shards[2].rows(), lab.shards[2].cols());
  lab.shards[5].setZero();
  lab.shards[8] *= 1.001f;  // as an update that was lost
  lab.expect_right();
  EXPECT_EQ(lab.located(), (std::vector<int>{2, 5, 8}));
}

TEST(StoredMatrix, HowQuietRoundingIsShowsAlsoWhereMostRowsAreWrong) {
  Lab lab("polydot", {2, 2, 1}, 10, 200, 200);
  for (const int peer : {0, 1, 3, 6, 9}) {
    Matrix& shard = lab.shards[static_cast<std::size_t>(peer)];
    shard = Matrix::Random(shard.rows(), shard.cols());
  }
  lab.expect_right(1e-4);
  EXPECT_EQ(lab.located(), (std::vector<int>{0, 1, 3, 6, 9}));
  // One more wrong value anywhere is one too many, however wild.
  for (const float wrong : {0.7f, 30.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()}) {
    lab.shards[4](5, 5) = wrong;
    expect_failure(lab.decode(), FailureKind::kRefused, {});
  }
}

TEST(StoredMatrix, AWrongRowAndAWrongColumnAreLocated) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.shards[1].row(3).array() += 0.01f;
  lab.shards[6].col(4).array() += 0.01f;
  lab.expect_right();
  EXPECT_EQ(lab.located(), (std::vector<int>{1, 6}));
}

TEST(StoredMatrix, BeyondTheBudgetItRefuses) {
  const std::uint32_t seed = 11;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::srand(seed);
  Lab lab("polydot", {2, 2, 1}, 10);
  for (const int peer : {0, 2, 3, 5, 6, 8})
    lab.shards[static_cast<std::size_t>(peer)] = Matrix::Random(lab.shards[0].rows(), lab.shards[0].cols());
  expect_failure(lab.decode(), FailureKind::kRefused, {"unexplained"});
}

TEST(StoredMatrix, AMatrixOfZerosIsOne) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.weights.setZero();
  for (Matrix& shard : lab.shards) shard.setZero();
  lab.expect_right(0.0);
}

}  // namespace
}  // namespace polydot::codes
