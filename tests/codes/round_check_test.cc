// The states of a round, each reached on purpose, and what a verdict says.
#include "codes/decode/round_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/codes/location_cells.h"
#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

using ::testing::HasSubstr;

const Cell kTenForward{"polydot", {2, 2, 1}, 10, PassKind::kForward};

PeerSet first(int count) { return PeerSet::all(count); }

class RoundCheck : public ::testing::Test {
 protected:
  RoundVerdict judge(const PeerSet& present) {
    return check_round(lab_.question(round_, present), lab_.cache());
  }

  RoundLab lab_{options_of(kTenForward, 31)};
  LabRound round_ = lab_.make_round();
};

TEST_F(RoundCheck, WaitsForTooFewContributions) {
  for (int count = 0; count <= 4; ++count) {
    const RoundVerdict verdict = judge(first(count));
    EXPECT_EQ(verdict.state, RoundState::kWaiting) << count;
    EXPECT_THAT(verdict.reason, HasSubstr("too few"));
    EXPECT_FALSE(verdict.clean());
  }
}

TEST_F(RoundCheck, WaitsForASpareContribution) {
  const RoundVerdict verdict = judge(PeerSet::of({0, 2, 4, 6, 8}));
  EXPECT_EQ(verdict.state, RoundState::kWaiting);
  EXPECT_THAT(verdict.reason, HasSubstr("no spare"));
}

TEST_F(RoundCheck, WithoutASpareItDecodesUncheckedIfAsked) {
  PeerSet few;
  const int threshold = static_cast<int>(lab_.pass().code.recovery_threshold);
  for (int k = 0; k < threshold; ++k)
    few.insert(k * static_cast<int>(lab_.peers()) / threshold);  // neighbours decode badly
  RoundQuestion question = lab_.question(round_, few);
  question.unchecked_if_without_spare = true;
  const RoundVerdict verdict = check_round(question, lab_.cache());
  ASSERT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
  EXPECT_EQ(verdict.kappa, std::numeric_limits<double>::infinity());
  EXPECT_LE(lab_.compare(round_, verdict, {}).error, kRight * verdict.gain);
  few.erase(0);
  question = lab_.question(round_, few);
  question.unchecked_if_without_spare = true;
  EXPECT_EQ(check_round(question, lab_.cache()).state, RoundState::kWaiting);
}

TEST(RoundCheckOfTwenty, WaitsWhenKRowsAreNotKGoodRows) {
  RoundLab lab(options_of({"polydot", {3, 3, 1}, 20, PassKind::kForward}, 32));
  const LabRound round = lab.make_round();
  PeerSet without_edge = lab.everybody();
  for (int p = 0; p < 8; ++p) without_edge.erase(p);  // 12 = K + 1 rows are left
  const auto decoder = lab.cache().get(without_edge);
  EXPECT_TRUE(decoder->decodable);
  EXPECT_FALSE(decoder->usable());
  const RoundVerdict verdict = check_round(lab.question(round, without_edge), lab.cache());
  EXPECT_EQ(verdict.state, RoundState::kWaiting);
  EXPECT_THAT(verdict.reason, HasSubstr("ill-conditioned"));
  EXPECT_GT(verdict.gain, kUsableGain);
}

TEST_F(RoundCheck, ChecksACleanRound) {
  const RoundVerdict verdict = judge(lab_.everybody());
  EXPECT_EQ(verdict.state, RoundState::kChecked);
  EXPECT_TRUE(verdict.clean());
  EXPECT_TRUE(verdict.reason.empty());
  EXPECT_GT(verdict.statistic, 0.0);
  EXPECT_LE(verdict.statistic, lab_.floor().threshold());
  EXPECT_GT(verdict.largest, 0.0);
  EXPECT_LT(verdict.largest, lab_.floor().gate());
  EXPECT_GT(verdict.kappa, 0.0);
  EXPECT_LE(verdict.kappa, kTolerance);
  EXPECT_EQ(verdict.gain, lab_.cache().get(lab_.everybody())->gain);
  EXPECT_LE(lab_.compare(round_, verdict, {}).error, kRight);
}

TEST_F(RoundCheck, IsWeakWhenAnErrorCouldStillHide) {
  RoundQuestion question = lab_.question(round_, lab_.everybody());
  question.threshold = 1e-2;  // a floor so loud that kappa passes the tolerance
  const RoundVerdict verdict = check_round(question, lab_.cache());
  EXPECT_EQ(verdict.state, RoundState::kWeak);
  EXPECT_GT(verdict.kappa, kTolerance);
  EXPECT_THAT(verdict.reason, HasSubstr("hide"));
  EXPECT_LE(lab_.compare(round_, verdict, {}).error, kRight);
}

TEST_F(RoundCheck, KappaGrowsAsRowsGoMissing) {
  double last = judge(lab_.everybody()).kappa;
  PeerSet present = lab_.everybody();
  for (int p : {3, 8, 5}) {
    present.erase(p);
    const double kappa = judge(present).kappa;
    EXPECT_GE(kappa, last * 0.99);
    last = kappa;
  }
}

TEST_F(RoundCheck, IsUnexplainedBeyondTheBounds) {
  lab_.disturb(round_, ErrorModel::kDense, {0, 2, 4, 6, 8, 9});
  const RoundVerdict verdict = judge(lab_.everybody());
  EXPECT_EQ(verdict.state, RoundState::kUnexplained);
  EXPECT_THAT(verdict.reason, HasSubstr("disagree"));
  EXPECT_FALSE(verdict.clean());
}

TEST_F(RoundCheck, DetectsWithOneSpareRowAndThenWaitsToLocate) {
  lab_.disturb(round_, ErrorModel::kDense, {4});
  EXPECT_EQ(judge(PeerSet::of({0, 2, 3, 4, 6, 8})).state, RoundState::kUnexplained);
  const Trial trial = lab_.compare(round_, judge(PeerSet::of({0, 2, 3, 4, 5, 6, 8})), PeerSet::of({4}));
  EXPECT_TRUE(is_right(trial)) << text_of(trial);
}

TEST_F(RoundCheck, StatesHaveNames) {
  EXPECT_STREQ(name_of(RoundState::kWaiting), "waiting");
  EXPECT_STREQ(name_of(RoundState::kChecked), "checked");
  EXPECT_STREQ(name_of(RoundState::kWeak), "weak");
  EXPECT_STREQ(name_of(RoundState::kUnexplained), "unexplained");
}

TEST_F(RoundCheck, DecodesFromTheSetItIsToldWhileAllRowsCheck) {
  const PeerSet agreed = PeerSet::of({0, 1, 3, 5, 6, 8, 9});
  // Below the floor, so nothing is located, yet visible in the decoded value of a set that holds it.
  Matrix& y = round_.contributions[2];
  y.array() += static_cast<float>(1e-7 * static_cast<double>(y.cwiseAbs().maxCoeff()));
  RoundQuestion question = lab_.question(round_, lab_.everybody());
  question.decode_with = agreed;
  const RoundVerdict told = check_round(question, lab_.cache());
  ASSERT_EQ(told.state, RoundState::kChecked);
  EXPECT_EQ(told.gain, lab_.cache().get(agreed)->gain);
  // Bit for bit what a peer computes that holds only these.
  EXPECT_EQ(told.product, judge(agreed).product);
  EXPECT_NE(told.product, judge(lab_.everybody()).product);

  // A row outside the set is still checked, ...
  y(1, 1) += 100.0f;
  RoundQuestion wrong_outside = lab_.question(round_, lab_.everybody());
  wrong_outside.decode_with = agreed;
  const Trial outside = lab_.compare(round_, check_round(wrong_outside, lab_.cache()), PeerSet::of({2}));
  EXPECT_TRUE(is_right(outside)) << text_of(outside);
  ASSERT_EQ(outside.verdict.findings.size(), 1u);
  EXPECT_EQ(outside.verdict.findings[0].peer, 2);

  // ... and one inside is corrected.
  round_.contributions[3](4, 4) -= 100.0f;
  RoundQuestion wrong_inside = lab_.question(round_, lab_.everybody());
  wrong_inside.decode_with = agreed;
  const Trial inside = lab_.compare(round_, check_round(wrong_inside, lab_.cache()), PeerSet::of({2, 3}));
  EXPECT_TRUE(is_right(inside)) << text_of(inside);
}

TEST_F(RoundCheck, IgnoresASetItCannotDecodeWith) {
  for (const PeerSet& useless : {PeerSet::of({0, 1, 2}), PeerSet::of({0, 2, 4, 6, 9})}) {
    RoundQuestion question = lab_.question(round_, first(9));  // 9 is not present
    question.decode_with = useless;
    const RoundVerdict verdict = check_round(question, lab_.cache());
    EXPECT_EQ(verdict.state, RoundState::kChecked);
    EXPECT_EQ(verdict.product, judge(first(9)).product);
  }
}

TEST_F(RoundCheck, ReadsContributionsInSlices) {
  RoundQuestion question = lab_.question(round_, lab_.everybody());
  const RoundVerdict whole = check_round(question, lab_.cache());
  std::vector<std::vector<std::vector<float>>> copies;  // peer, slice: anywhere in memory
  constexpr Index kColumns = 5;
  for (std::size_t p = 0; p < question.contributions.size(); ++p) {
    const Matrix& y = round_.contributions[p];
    copies.emplace_back();
    question.contributions[p].slices.clear();
    question.contributions[p].columns_per_slice = kColumns;
    for (Index c = 0; c < y.cols(); c += kColumns)
      copies.back().emplace_back(y.col(c).data(),
                                 y.col(c).data() + y.rows() * std::min(kColumns, y.cols() - c));
    for (const auto& slice : copies.back()) question.contributions[p].slices.push_back(slice.data());
  }
  EXPECT_EQ(check_round(question, lab_.cache()).product, whole.product);
}

TEST_F(RoundCheck, AZeroOperandMakesZerosThatNobodyIsBlamedFor) {
  round_.operand.setZero();
  round_.truth.setZero();
  for (Matrix& y : round_.contributions) y.setZero();
  RoundQuestion question = lab_.question(round_, lab_.everybody());
  question.operand_is_zero = true;
  const RoundVerdict verdict = check_round(question, lab_.cache());
  EXPECT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_TRUE(verdict.product.isZero());
}

TEST(RoundCheckOfUncoded, DecodesUncheckedAndSaysSo) {
  std::mt19937_64 generator(5);
  const ProductCode code = make({"uncoded", {2, 2, 1}, 4});
  const CleanRound round(code, PassKind::kForward, {7, 9}, 3, generator);
  DecoderCache cache(round.pass.code, round.pass.sigma);
  const RoundVerdict all = check_round(round.question(first(4), 1e-5), cache);
  EXPECT_EQ(all.state, RoundState::kChecked);
  EXPECT_EQ(all.kappa, std::numeric_limits<double>::infinity());
  EXPECT_LE(round.error_of(all.product), 1e-6);
  EXPECT_EQ(check_round(round.question(first(3), 1e-5), cache).state, RoundState::kWaiting);
}

// Two peers that decoded their operand from another set than the rest are 1e-4 off in one column of it.
RoundVerdict judge_with_two_off(float loudness) {
  std::mt19937_64 generator(35);
  const ProductCode code = make_polydot({2, 2, 1}, 10).value();
  CleanRound round(code, PassKind::kForward, {24, 20}, 8, generator);
  const Matrix weights = round.weights;
  const auto contribute = [&](int p, const Matrix& operand) {
    multiply(round.pass, encode_shard(code.shards[0], p, weights), encode_operand(round.pass, p, operand), 0,
             round.payload.rows, round.contributions[static_cast<std::size_t>(p)]);
  };
  round.operand.col(3) *= loudness;
  round.nu = column_scales(round.pass, round.operand);
  for (int p = 0; p < code.peers(); ++p) contribute(p, round.operand);
  DecoderCache cache(round.pass.code, round.pass.sigma);
  RoundQuestion question;
  question.pass = &round.pass;
  question.payload = round.payload;
  question.result_rows = weights.rows();
  question.batch = round.operand.cols();
  question.nu = round.nu;
  question.gate = std::numeric_limits<double>::infinity();
  question.present = PeerSet::all(static_cast<int>(code.peers()));
  question.contributions = round.views(question.present);
  question.threshold = 1.0;
  question.threshold = NoiseFloor::kAlarmFactor * check_round(question, cache).typical;
  Matrix off = round.operand;
  for (float& value : off.col(3).reshaped())
    value *= 1.0f + 1e-4f * std::uniform_real_distribution<float>(-1.0f, 1.0f)(generator);
  for (const int p : {4, 7}) contribute(p, off);
  return check_round(question, cache);
}

TEST(RoundCheckOfColumns, AQuietOneIsJudgedBesideTheOthers) {
  EXPECT_THAT(judge_with_two_off(1e-3f).findings, ::testing::IsEmpty());
  std::vector<int> located;
  for (const Finding& finding : judge_with_two_off(1.0f).findings) located.push_back(finding.peer);
  EXPECT_THAT(located, ::testing::ElementsAre(4, 7)) << "as loud as the others";
}

// Noise of 1 in the first row, 10 in the next and so on, from one peer: by how much of the loudest the
// typical row falls short.
double typical_share(Index rows) {
  const ProductCode code = make({"polydot", {2, 2, 1}, 10});
  const Pass& pass = code.pass(PassKind::kForward);
  const SetDecoder all = make_set_decoder(pass.code, pass.sigma, first(10));
  Matrix noise = Matrix::Zero(rows, 1), zero = Matrix::Zero(rows, 1), product(2 * rows, 1);
  for (Index row = 0; row < rows; ++row) noise(row, 0) = std::pow(10.0f, static_cast<float>(row));
  std::vector<ContributionView> views(10, {{zero.data()}, 1});
  views[3] = {{noise.data()}, 1};
  const SyndromeScan result = scan(pass, all, all, views, {rows, 1}, VectorD::Ones(1), 1e30, product);
  return result.typical / result.statistic;
}

// The smaller of two may be next to nothing by chance, and no floor; of many, a few may be wrong.
TEST(RoundCheckOfColumns, TypicalIsTheUpperQuartileByTheNearestRank) {
  EXPECT_DOUBLE_EQ(typical_share(1), 1.0);
  EXPECT_NEAR(typical_share(2), 1.0, 1e-6);
  EXPECT_NEAR(typical_share(3), 1.0, 1e-6);
  EXPECT_NEAR(typical_share(4), 0.1, 1e-6);
  EXPECT_NEAR(typical_share(9), 0.01, 1e-6);
}

class RoundCheckOfPlans : public Seeded, public ::testing::WithParamInterface<Plan> {};

TEST_P(RoundCheckOfPlans, CleanRoundsAreCheckedAndUndecodableSetsRefusedByName) {
  const ProductCode code = make(GetParam());
  const int peers = static_cast<int>(code.peers());
  for (PassKind kind : kBothPasses) {
    const CleanRound round(code, kind, {5 * code.m + 1, 4 * code.n + 1}, 3 * code.d + 1, generator_);
    DecoderCache cache(round.pass.code, round.pass.sigma);
    for (int k = 0; k < 60; ++k) {
      const PeerSet set = random_set(peers, random_int(0, peers), generator_);
      const RoundVerdict verdict = check_round(round.question(set, 1e-4), cache);
      const auto decoder = cache.get(set);
      if (!decoder->decodable) {
        ASSERT_EQ(verdict.state, RoundState::kWaiting);
        ASSERT_EQ(verdict.reason, "too few contributions");
      } else if (!decoder->usable()) {
        ASSERT_EQ(verdict.state, RoundState::kWaiting);
        ASSERT_EQ(verdict.reason, "ill-conditioned set");
      } else if (verdict.state != RoundState::kWaiting) {
        ASSERT_NE(verdict.state, RoundState::kUnexplained) << verdict.reason;
        ASSERT_LE(round.error_of(verdict.product), 1e-6 * (2.0 + verdict.gain));
        ASSERT_TRUE(verdict.findings.empty());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFactory, RoundCheckOfPlans, ::testing::ValuesIn(kPlans), name_of_plan);

}  // namespace
}  // namespace polydot::codes::testing
