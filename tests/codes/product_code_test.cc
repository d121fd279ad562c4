// The laws that every factory's code obeys, whatever its grid, its number of peers and the dimensions of W.
#include "codes/base/product_code.h"

#include <gtest/gtest.h>

#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

constexpr double kDeaf = std::numeric_limits<double>::infinity();  // a threshold that nothing passes

class ProductCodeLaws : public Seeded, public ::testing::WithParamInterface<Plan> {
 protected:
  int peers() const { return static_cast<int>(code_.peers()); }
  Grid grid() const { return GetParam().grid; }
  // Divisible by neither m nor n nor d, where these are above 1.
  Shape weights() const { return {3 * grid().m + 1, 4 * grid().n + 1}; }
  Index batch() const { return 2 * grid().d + 1; }

  ProductCode code_ = make(GetParam());
};

// What float32 may lose: a small multiple of the unit roundoff, grown by the gain.
double float_error(double gain) { return 1e-6 * (2.0 + gain); }

TEST_P(ProductCodeLaws, EveryUsableSetDecodesToThePlainProduct) {
  for (PassKind kind : kBothPasses) {
    const CleanRound round(code_, kind, weights(), batch(), generator_);
    int usable = 0;
    for (const PeerSet& set : sets_of_at_least(0, peers(), 200, generator_)) {
      const SetDecoder decoder = make_set_decoder(round.pass.code, round.pass.sigma, set);
      if (is_polynomial(GetParam()) && set.size() >= round.pass.code.recovery_threshold) {
        ASSERT_TRUE(decoder.decodable) << ::testing::PrintToString(set.members());
      }
      if (!decoder.usable()) continue;
      ++usable;
      Matrix product(round.truth.rows(), round.truth.cols());
      scan(round.pass, decoder, decoder, round.views(set), round.payload, round.nu, kDeaf, product);
      ASSERT_LE(round.error_of(product), float_error(decoder.gain))
          << "peers " << ::testing::PrintToString(set.members()) << ", gain " << decoder.gain;
    }
    EXPECT_GT(usable, 0);
  }
}

TEST_P(ProductCodeLaws, ThresholdIsSharp) {
  for (const Pass& pass : code_.passes) {
    const int k = static_cast<int>(pass.code.recovery_threshold);
    ASSERT_LE(k, peers());
    for (int trial = 0; trial < 50; ++trial)
      EXPECT_TRUE(make_set_decoder(pass.code, pass.sigma, random_set(peers(), k, generator_)).decodable);
    bool refused = false;
    for (int trial = 0; trial < 200 && !refused; ++trial)
      refused = !make_set_decoder(pass.code, pass.sigma, random_set(peers(), k - 1, generator_)).decodable;
    EXPECT_TRUE(refused) << "every set tried of " << k - 1 << " decodes";
  }
  Index largest = 0;
  for (const Pass& pass : code_.passes) largest = std::max(largest, pass.code.recovery_threshold);
  EXPECT_EQ(code_.recovery_threshold(), largest);
}

TEST_P(ProductCodeLaws, CodedUpdateIsTheEncodedUpdate) {
  const Shape shape = weights();
  Matrix w = random_matrix(shape.rows, shape.cols, generator_);
  const Matrix d = random_matrix(shape.rows, batch(), generator_);
  const Matrix x = random_matrix(shape.cols, batch(), generator_);
  constexpr float kRate = 0.25f;
  std::vector<std::vector<Matrix>> stored;
  for (const ShardCode& shard : code_.shards) {
    stored.emplace_back();
    for (Index p = 0; p < peers(); ++p) {
      stored.back().push_back(encode_shard(shard, p, w));
      stored.back().back() -= kRate * combine_row_blocks(d, shard.update_rows.row(p).transpose()) *
                              combine_row_blocks(x, shard.update_columns.row(p).transpose()).transpose();
    }
  }
  w -= kRate * d * x.transpose();
  for (std::size_t s = 0; s < code_.shards.size(); ++s)
    for (Index p = 0; p < peers(); ++p) {
      const Matrix again = encode_shard(code_.shards[s], p, w);
      ASSERT_EQ(again.rows(), shard_shape(code_.shards[s], shape.rows, shape.cols).rows);
      ASSERT_EQ(again.cols(), shard_shape(code_.shards[s], shape.rows, shape.cols).cols);
      EXPECT_LE((stored[s][static_cast<std::size_t>(p)] - again).cwiseAbs().maxCoeff(),
                1e-5f * (1.0f + again.cwiseAbs().maxCoeff()));
    }
}

TEST_P(ProductCodeLaws, UpdateEncodersMultiplyToTheEncoder) {
  for (const ShardCode& shard : code_.shards)
    for (Index p = 0; p < peers(); ++p)
      for (Index i = 0; i < shard.row_blocks; ++i)
        for (Index j = 0; j < shard.col_blocks; ++j)
          EXPECT_NEAR(shard.encoder(p, i * shard.col_blocks + j),
                      shard.update_rows(p, i) * shard.update_columns(p, j), 1e-12);
}

TEST_P(ProductCodeLaws, SigmaIsTheProductOfTheEncodersNorms) {
  for (const Pass& pass : code_.passes) {
    const MatrixD& encoder = code_.shards[static_cast<std::size_t>(pass.shard)].encoder;
    for (Index p = 0; p < peers(); ++p) {
      EXPECT_NEAR(pass.sigma(p), encoder.row(p).norm() * pass.operand_encoder.row(p).norm(), 1e-9);
      EXPECT_GT(pass.sigma(p), 0.0);
    }
  }
}

TEST_P(ProductCodeLaws, ShardsDecodeToTheWeightsFromEveryUsableSet) {
  const Shape shape = weights();
  const Matrix w = random_matrix(shape.rows, shape.cols, generator_);
  for (const ShardCode& shard : code_.shards) {
    const LinearCode code = shard.as_code();
    const VectorD sigma = shard.encoder.rowwise().norm();
    std::vector<Matrix> stored;
    for (Index p = 0; p < peers(); ++p) stored.push_back(encode_shard(shard, p, w));
    ASSERT_LE(code.recovery_threshold, peers());
    for (const PeerSet& set :
         sets_of_at_least(static_cast<int>(code.recovery_threshold), peers(), 100, generator_)) {
      const SetDecoder decoder = make_set_decoder(code, sigma, set);
      ASSERT_TRUE(decoder.decodable) << ::testing::PrintToString(set.members());
      if (!decoder.usable()) continue;
      MatrixD whole = MatrixD::Zero(code.wanted(), peers());
      std::vector<const Matrix*> present(static_cast<std::size_t>(peers()), nullptr);
      for (std::size_t k = 0; k < decoder.peers.size(); ++k) {
        const int p = decoder.peers[k];
        whole.col(p) = decoder.decoder.col(static_cast<Index>(k)) / sigma(p);
        present[static_cast<std::size_t>(p)] = &stored[static_cast<std::size_t>(p)];
      }
      const Matrix decoded = decode_weights(shard, whole, present, shape.rows, shape.cols);
      ASSERT_LE((decoded - w).cwiseAbs().maxCoeff(), float_error(decoder.gain) * w.cwiseAbs().maxCoeff());
    }
  }
}

TEST_P(ProductCodeLaws, RowsMultiplyInPiecesAsAtOnce) {
  const CleanRound round(code_, PassKind::kForward, weights(), batch(), generator_);
  const Matrix shard = encode_shard(code_.shards.front(), 0, round.weights);
  const Matrix x = encode_operand(round.pass, 0, round.operand);
  Matrix pieces = Matrix::Constant(round.payload.rows, round.payload.cols, 7.0f);
  for (Index r = 0; r < round.payload.rows; ++r) multiply(round.pass, shard, x, r, 1, pieces);
  EXPECT_LE((pieces - round.contributions.front()).cwiseAbs().maxCoeff(),
            1e-5f * (1.0f + pieces.cwiseAbs().maxCoeff()));
}

INSTANTIATE_TEST_SUITE_P(EveryFactory, ProductCodeLaws, ::testing::ValuesIn(kPlans), name_of_plan);

class UnmixedBlocks : public Seeded {};

TEST_F(UnmixedBlocks, DecodeExactlyWhenEachIsThere) {
  for (const Plan& plan : kPlans) {
    if (is_polynomial(plan)) continue;
    const int blocks = static_cast<int>(plan.grid.m * plan.grid.n);
    for (const Pass& pass : make(plan).passes)
      for (const PeerSet& set : sets_of_at_least(0, static_cast<int>(plan.peers), 200, generator_)) {
        std::vector<int> copies(static_cast<std::size_t>(blocks), 0);
        for (int p : set.members()) ++copies[static_cast<std::size_t>(p % blocks)];
        const bool all = std::all_of(copies.begin(), copies.end(), [](int count) { return count > 0; });
        ASSERT_EQ(make_set_decoder(pass.code, pass.sigma, set).decodable, all)
            << text_of(plan) << " " << ::testing::PrintToString(set.members());
      }
  }
}

TEST(Blocks, AreEncodedWhereTheHeaderSays) {
  // Block (i, j) of W is encoded by column i n + j; a shard is cut by rows first.
  const ProductCode code = make({"uncoded", {2, 3, 1}, 6});
  const Matrix w = Matrix::NullaryExpr(5, 7, [](Index r, Index c) { return static_cast<float>(10 * r + c); });
  Matrix padded_w = Matrix::Zero(6, 9);
  padded_w.topLeftCorner(5, 7) = w;
  for (Index p = 0; p < 6; ++p)
    EXPECT_EQ(encode_shard(code.shards[0], p, w), padded_w.block(p / 3 * 3, p % 3 * 3, 3, 3))
        << "block " << p;
}

}  // namespace
}  // namespace polydot::codes::testing
