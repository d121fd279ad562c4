// Weights from shards: what is missing is done without, what is wrong is located, the rest is refused.
#include "node/decoded_layer.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "codes/encode.h"
#include "codes/factories.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using codes::Index;

struct Lab {
  Lab(const std::string& name, codes::Grid grid, Index peers, Index rows = 23, Index cols = 31)
      : code(codes::make_code(name, grid, peers).value()), weights(dnn::Matrix::Random(rows, cols)) {
    for (Index p = 0; p < peers; ++p) {
      shards.push_back(codes::encode_shard(code.shards[0], p, weights));
      // The drift of a long run, on the scale of rounding, but not in the padding.
      dnn::Matrix drift = dnn::Matrix::Random(shards.back().rows(), shards.back().cols()) * 2e-6f;
      shards.back() += drift.cwiseProduct(shards.back());
      present.push_back(true);
    }
  }
  Result<DecodedLayer> decode() const {
    std::vector<const dnn::Matrix*> all;
    for (std::size_t p = 0; p < shards.size(); ++p) all.push_back(present[p] ? &shards[p] : nullptr);
    return decode_layer(code.shards[0], {weights.rows(), weights.cols()}, all);
  }
  void expect_right(double tolerance = 3e-5) const {
    const auto layer = decode();
    ASSERT_TRUE(layer) << layer.failure().message;
    ASSERT_EQ(layer->weights.rows(), weights.rows());
    ASSERT_EQ(layer->weights.cols(), weights.cols());
    EXPECT_LE((layer->weights - weights).cwiseAbs().maxCoeff(), tolerance);
  }
  std::vector<int> located() const {
    std::vector<int> peers;
    const auto layer = decode();
    for (const auto& finding : layer->wrong) peers.push_back(finding.peer);
    return peers;
  }

  codes::ProductCode code;
  dnn::Matrix weights;
  std::vector<dnn::Matrix> shards;
  std::vector<bool> present;
};

struct Choice {
  const char* name;
  codes::Grid grid;
  Index peers;
};
const Choice kChoices[] = {{"polydot", {2, 2, 1}, 10},
                           {"polydot", {2, 3, 2}, 19},
                           {"monomial", {2, 2, 1}, 9},
                           {"mds", {3, 2, 1}, 8},
                           {"replication", {2, 2, 1}, 12}};

TEST(DecodedLayer, IsTheMatrixWithEveryCode) {
  for (const Choice& choice : kChoices) {
    SCOPED_TRACE(choice.name);
    const Lab lab(choice.name, choice.grid, choice.peers);
    lab.expect_right();
    EXPECT_TRUE(lab.located().empty());
  }
  Lab("uncoded", {2, 3, 1}, 6).expect_right();
}

TEST(DecodedLayer, DoesWithoutMissingShards) {
  Lab lab("polydot", {2, 2, 1}, 10);
  for (const int peer : {1, 4, 7, 8, 9}) lab.present[static_cast<std::size_t>(peer)] = false;
  lab.expect_right(1e-4);
  lab.present[0] = false;  // four are left: nothing to check with
  expect_failure(lab.decode(), FailureKind::kRefused, {"too few"});
}

TEST(DecodedLayer, OneWrongValueIsLocatedWithEveryCode) {
  for (const Choice& choice : kChoices)
    for (const float wrong : {1e-2f, 3.0f, -1e30f, std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(testing::Message() << choice.name << " " << wrong);
      Lab lab(choice.name, choice.grid, choice.peers);
      lab.shards[3](2, 1) += wrong;
      lab.expect_right();
      EXPECT_EQ(lab.located(), std::vector<int>{3});
      const auto layer = lab.decode();
      EXPECT_EQ(layer->wrong.front().entries, 1);
    }
}

TEST(DecodedLayer, EveryPeerMayBeWrongSomewhereElse) {
  Lab lab("polydot", {2, 2, 1}, 10);
  std::vector<int> everybody;
  for (int p = 0; p < 10; ++p) {
    lab.shards[static_cast<std::size_t>(p)](p, p) = 1e20f;
    everybody.push_back(p);
  }
  lab.expect_right();
  EXPECT_EQ(lab.located(), everybody);
}

TEST(DecodedLayer, WholeWrongShardsAreLocated) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.shards[2] = dnn::Matrix::Random(lab.shards[2].rows(), lab.shards[2].cols());
  lab.shards[5].setZero();
  lab.shards[8] *= 1.001f;  // as an update that was lost
  lab.expect_right();
  EXPECT_EQ(lab.located(), (std::vector<int>{2, 5, 8}));
}

TEST(DecodedLayer, HowQuietRoundingIsShowsAlsoWhereMostRowsAreWrong) {
  Lab lab("polydot", {2, 2, 1}, 10, 200, 200);
  for (const int peer : {0, 1, 3, 6, 9}) {
    dnn::Matrix& shard = lab.shards[static_cast<std::size_t>(peer)];
    shard = dnn::Matrix::Random(shard.rows(), shard.cols());
  }
  lab.expect_right(1e-4);
  EXPECT_EQ(lab.located(), (std::vector<int>{0, 1, 3, 6, 9}));
  // One more wrong value anywhere is one too many, however wild.
  for (const float wrong : {0.7f, 30.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()}) {
    lab.shards[4](5, 5) = wrong;
    expect_failure(lab.decode(), FailureKind::kRefused, {});
  }
}

TEST(DecodedLayer, AWrongRowAndAWrongColumnAreLocated) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.shards[1].row(3).array() += 0.01f;
  lab.shards[6].col(4).array() += 0.01f;
  lab.expect_right();
  EXPECT_EQ(lab.located(), (std::vector<int>{1, 6}));
}

TEST(DecodedLayer, BeyondTheBudgetItRefuses) {
  const std::uint32_t seed = 11;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::srand(seed);
  Lab lab("polydot", {2, 2, 1}, 10);
  for (const int peer : {0, 2, 3, 5, 6, 8})
    lab.shards[static_cast<std::size_t>(peer)] =
        dnn::Matrix::Random(lab.shards[0].rows(), lab.shards[0].cols());
  expect_failure(lab.decode(), FailureKind::kRefused, {"unexplained"});
}

TEST(DecodedLayer, AMatrixOfZerosIsOne) {
  Lab lab("polydot", {2, 2, 1}, 10);
  lab.weights.setZero();
  for (dnn::Matrix& shard : lab.shards) shard.setZero();
  lab.expect_right(0.0);
}

}  // namespace
}  // namespace polydot::node
