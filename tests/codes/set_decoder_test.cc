#include "codes/decode/set_decoder.h"

#include <gtest/gtest.h>

#include <Eigen/SVD>

#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

class SetDecoderLaws : public Seeded, public ::testing::WithParamInterface<Plan> {};

MatrixD whitened(const LinearCode& code, const SetDecoder& decoder) {
  MatrixD v(static_cast<Index>(decoder.peers.size()), code.columns());
  for (Index r = 0; r < v.rows(); ++r)
    v.row(r) = code.generator.row(decoder.peers[static_cast<std::size_t>(r)]) / decoder.sigma(r);
  return v;
}

void expect_laws(const LinearCode& code, const SetDecoder& decoder) {
  const MatrixD v = whitened(code, decoder);
  const Index n = v.rows();
  ASSERT_EQ(decoder.parity.cols(), n);
  EXPECT_TRUE((decoder.parity * decoder.parity.transpose()).isIdentity(1e-10));
  if (decoder.spare() > 0) {
    EXPECT_LE((decoder.parity * v).cwiseAbs().maxCoeff(), 1e-10 * v.norm());
  }
  if (!decoder.decodable) {
    EXPECT_EQ(decoder.gain, std::numeric_limits<double>::infinity());
    EXPECT_FALSE(decoder.usable());
    return;
  }
  const double scale = decoder.decoder.norm() * v.norm();
  EXPECT_LE((decoder.decoder * v - code.extractor).cwiseAbs().maxCoeff(), 1e-12 * scale);
  EXPECT_NEAR(decoder.gain, Eigen::JacobiSVD<MatrixD>(decoder.decoder).singularValues()(0),
              1e-9 * decoder.gain);
  EXPECT_EQ(decoder.usable(), decoder.gain <= kUsableGain);
  // Least norm: nothing of D lies among the parities.
  if (decoder.spare() > 0) {
    EXPECT_LE((decoder.decoder * decoder.parity.transpose()).cwiseAbs().maxCoeff(), 1e-9 * scale);
  }
}

// Components partition the rows and the parities, and H is zero outside them.
void expect_components(const SetDecoder& decoder) {
  std::vector<int> seen(decoder.peers.size(), 0);
  Index parities = 0;
  for (const CodeComponent& component : decoder.components) {
    EXPECT_EQ(component.first_parity, parities);
    parities += component.parity_count;
    MatrixD rest = decoder.parity.middleRows(component.first_parity, component.parity_count);
    for (int row : component.rows) {
      ++seen[static_cast<std::size_t>(row)];
      rest.col(row).setZero();
    }
    if (rest.size() > 0) {
      EXPECT_EQ(rest.cwiseAbs().maxCoeff(), 0.0);
    }
  }
  EXPECT_EQ(parities, decoder.spare());
  for (int count : seen) EXPECT_EQ(count, 1);
}

TEST_P(SetDecoderLaws, HoldForEverySet) {
  const ProductCode code = make(GetParam());
  const int peers = static_cast<int>(code.peers());
  for (const Pass& pass : code.passes)
    for (int trial = 0; trial < 40; ++trial) {
      const PeerSet set = random_set(peers, random_int(0, peers), generator_);
      const SetDecoder decoder = make_set_decoder(pass.code, pass.sigma, set);
      EXPECT_EQ(PeerSet::of(decoder.peers), set);
      EXPECT_EQ(gain_of(pass.code, pass.sigma, set), decoder.gain);
      for (int p = 0; p < peers; ++p) {
        const int at = decoder.position(p);
        EXPECT_EQ(at >= 0, set.contains(p));
        if (at >= 0) {
          EXPECT_EQ(decoder.peers[static_cast<std::size_t>(at)], p);
          EXPECT_EQ(decoder.sigma(at), pass.sigma(p));
        }
      }
      if (decoder.gain <= 1e6 || !decoder.decodable) expect_laws(pass.code, decoder);
      expect_components(decoder);
      if (is_polynomial(GetParam()) && set.size() >= pass.code.columns() && decoder.usable()) {
        EXPECT_EQ(decoder.spare(), set.size() - pass.code.columns());
      }
    }
}

INSTANTIATE_TEST_SUITE_P(EveryFactory, SetDecoderLaws, ::testing::ValuesIn(kPlans), name_of_plan);

TEST(SetDecoder, ReplicationHasOneComponentPerBlock) {
  const ProductCode code = make({"replication", {2, 2, 1}, 10});
  const Pass& pass = code.pass(PassKind::kForward);
  const SetDecoder decoder = make_set_decoder(pass.code, pass.sigma, PeerSet::all(10));
  ASSERT_EQ(decoder.components.size(), 4u);
  for (std::size_t block = 0; block < 4; ++block) {
    const CodeComponent& component = decoder.components[block];
    for (int row : component.rows) EXPECT_EQ(row % 4, static_cast<int>(block));
    EXPECT_EQ(component.rows.size(), block < 2 ? 3u : 2u);
    EXPECT_EQ(component.parity_count, block < 2 ? 2 : 1);
  }
}

TEST(SetDecoder, PolynomialCodesAreOneComponent) {
  for (const Plan& plan :
       {Plan{"polydot", {2, 2, 1}, 10}, {"mds", {3, 2, 1}, 8}, {"polydot", {3, 3, 1}, 20}}) {
    const ProductCode code = make(plan);
    for (const Pass& pass : code.passes)
      EXPECT_EQ(make_set_decoder(pass.code, pass.sigma, PeerSet::all(static_cast<int>(plan.peers)))
                    .components.size(),
                1u);
  }
}

TEST(SetDecoder, MoreRowsNeverRaiseTheGain) {
  const ProductCode code = make({"polydot", {2, 2, 1}, 10});
  for (const Pass& pass : code.passes)
    for (int p = 0; p < 10; ++p) {
      PeerSet without = PeerSet::all(10);
      without.erase(p);
      EXPECT_GE(gain_of(pass.code, pass.sigma, without),
                gain_of(pass.code, pass.sigma, PeerSet::all(10)) * (1.0 - 1e-12));
    }
}

TEST(SetDecoderDeathTest, RefusesAPeerThatTheCodeDoesNotHave) {
  const ProductCode code = make({"polydot", {2, 2, 1}, 10});
  const Pass& pass = code.pass(PassKind::kForward);
  EXPECT_DEATH(make_set_decoder(pass.code, pass.sigma, PeerSet::all(11)), "broken invariant");
}

TEST(DecoderCache, ReturnsTheSameObjectForTheSameSet) {
  const ProductCode code = make({"polydot", {2, 2, 1}, 10});
  const Pass& pass = code.pass(PassKind::kForward);
  DecoderCache cache(pass.code, pass.sigma);
  const PeerSet set = PeerSet::of({1, 3, 4, 6, 7, 9});
  const auto first = cache.get(set);
  EXPECT_EQ(cache.get(PeerSet::all(10))->spare(), 5);
  EXPECT_EQ(cache.get(set), first);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(first->decoder, make_set_decoder(pass.code, pass.sigma, set).decoder);
}

// A decoder of many contributions is large: thousands of them would be more than the training itself.
TEST(DecoderCache, IsBoundedInBytesAtTheLargestNumberOfPeers) {
  constexpr int kMany = 256;
  const ProductCode code = make({"replication", {2, 2, 1}, kMany});
  const Pass& pass = code.pass(PassKind::kForward);
  DecoderCache cache(pass.code, pass.sigma);
  std::size_t one = 0;
  for (int missing = 0; missing < 80; ++missing) {
    PeerSet set = PeerSet::all(kMany);
    set.erase(missing);
    const auto decoder = cache.get(set);
    one = decoder->bytes();
    EXPECT_EQ(cache.get(set), decoder) << "the newest is kept";
    ASSERT_LE(cache.bytes(), DecoderCache::kMaxBytes);
    ASSERT_GE(cache.bytes(), one);
  }
  EXPECT_GT(one, std::size_t{8} * 200 * 200);  // its parities alone
  EXPECT_LE(cache.size(), DecoderCache::kMaxBytes / one);
}

TEST(DecoderCache, NeverHoldsMoreThanItsCapacityAndWhatItGaveOutLives) {
  const ProductCode code = make({"polydot", {2, 2, 1}, 10});
  const Pass& pass = code.pass(PassKind::kForward);
  DecoderCache cache(pass.code, pass.sigma, 3);
  std::vector<std::shared_ptr<const SetDecoder>> kept;
  for (int p = 0; p < 10; ++p) {
    PeerSet set = PeerSet::all(10);
    set.erase(p);
    kept.push_back(cache.get(set));
    EXPECT_LE(cache.size(), 3u);
  }
  for (int p = 0; p < 10; ++p) EXPECT_EQ(kept[static_cast<std::size_t>(p)]->position(p), -1);
}

}  // namespace
}  // namespace polydot::codes::testing
