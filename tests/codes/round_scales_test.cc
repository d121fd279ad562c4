// What a round is judged by: results that cancel to nothing, numbers that are not finite or nearly not, zeros
// that are right. At the sizes of the default network.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codes/decode/noise_floor.h"
#include "codes/decode/round_check.h"
#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Shape kFirstLayer{256, 785};  // of 784-256-128-10

// Initial weights and an operand that the test makes.
struct ScaledRound {
  ScaledRound(const Plan& plan, PassKind kind, Matrix operand_in, float loudness = 1.0f)
      : code(make(plan)), pass(code.pass(kind)), operand(std::move(operand_in)) {
    std::mt19937_64 generator(77);
    weights = random_matrix(kFirstLayer.rows, kFirstLayer.cols, generator);
    weights *= loudness * std::sqrt(2.0f / static_cast<float>(kFirstLayer.cols - 1));
    weights.rightCols(1).setZero();  // biases, as they are in the beginning
    contribute();
  }
  void contribute() {
    payload = contribution_shape(code, pass, kFirstLayer, operand.cols());
    contributions.clear();
    for (Index p = 0; p < code.peers(); ++p) {
      contributions.emplace_back(payload.rows, payload.cols);
      multiply(pass, encode_shard(code.shards[static_cast<std::size_t>(pass.shard)], p, weights),
               encode_operand(pass, p, operand), 0, payload.rows, contributions.back());
    }
  }
  double row_norm() const {
    return (pass.transposed ? weights.cast<double>().colwise().norm().maxCoeff()
                            : weights.cast<double>().rowwise().norm().maxCoeff());
  }
  RoundQuestion question() const {
    const NoiseFloor floor(row_norm());
    RoundQuestion q;
    q.pass = &pass;
    q.payload = payload;
    q.result_rows = pass.transposed ? kFirstLayer.cols : kFirstLayer.rows;
    q.batch = operand.cols();
    q.nu = column_scales(pass, operand);
    q.operand_is_zero = operand.isZero(0.0f);
    q.threshold = floor.threshold();
    q.gate = floor.gate();
    q.least_signal = least_signal(floor.scale(), operand.rows());
    q.present = PeerSet::all(static_cast<int>(code.peers()));
    for (const Matrix& y : contributions) q.contributions.push_back({{y.data()}, payload.cols});
    return q;
  }
  RoundVerdict judge(const RoundQuestion& q) const {
    DecoderCache cache(pass.code, pass.sigma);
    return check_round(q, cache);
  }
  MatrixD truth() const {
    const MatrixD w = weights.cast<double>(), x = operand.cast<double>();
    return pass.transposed ? MatrixD(w.transpose() * x) : MatrixD(w * x);
  }

  ProductCode code;
  const Pass& pass;
  Matrix weights, operand;
  Shape payload;
  std::vector<Matrix> contributions;
};

const Plan kDefault{"polydot", {2, 2, 1}, 10};
const std::vector<Plan> kCoded = {{"polydot", {2, 2, 1}, 10},
                                  {"mds", {2, 2, 1}, 10},
                                  {"replication", {2, 1, 1}, 10},
                                  {"polydot", {2, 2, 2}, 16}};

Matrix normal_operand(Index rows, Index cols) {
  std::mt19937_64 generator(78);
  return random_matrix(rows, cols, generator);
}

// Standardised samples at the mean: only the bias is met, and biases are zero.
Matrix at_the_mean(Index cols) {
  Matrix x = Matrix::Zero(kFirstLayer.cols, cols);
  x.bottomRows(1).setOnes();
  return x;
}

TEST(RoundScales, AProductThatCancelsIsJudgedBesideWhatItIsMadeOf) {
  for (const Plan& plan : kCoded)
    for (const Index batch : {1, 64}) {
      const ScaledRound round(plan, PassKind::kForward, at_the_mean(batch));
      const RoundVerdict verdict = round.judge(round.question());
      EXPECT_EQ(verdict.state, RoundState::kChecked) << text_of(plan) << ": " << verdict.reason;
      EXPECT_TRUE(verdict.findings.empty());
      EXPECT_LE(verdict.product.cwiseAbs().maxCoeff(), 1e-6f);
    }
  // The signal is nothing but rounding: beside it anything could hide.
  const ScaledRound round(kDefault, PassKind::kForward, at_the_mean(64));
  RoundQuestion beside_nothing = round.question();
  beside_nothing.least_signal = 0.0;
  EXPECT_EQ(round.judge(beside_nothing).state, RoundState::kWeak);
}

TEST(RoundScales, AnErrorInAProductThatCancelsIsLocated) {
  ScaledRound round(kDefault, PassKind::kForward, at_the_mean(64));
  round.contributions[3](5, 7) += 0.01f;
  const RoundVerdict verdict = round.judge(round.question());
  ASSERT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
  ASSERT_EQ(verdict.findings.size(), 1u);
  EXPECT_EQ(verdict.findings.front().peer, 3);
  EXPECT_LE(verdict.product.cwiseAbs().maxCoeff(), 1e-6f);
}

TEST(RoundScales, AnOrdinarySignalIsAboutTheLeastOne) {
  const ScaledRound round(kDefault, PassKind::kForward, normal_operand(kFirstLayer.cols, 64));
  RoundQuestion question = round.question();
  const double with = round.judge(question).kappa;
  question.least_signal = 0.0;
  const double without = round.judge(question).kappa;
  EXPECT_LE(with, without);
  EXPECT_GE(with, 0.5 * without);
}

// A few peers with wild weights can inflate what is learned and followed of a floor. Then nothing is checked:
// the round waits for more, or is computed again; what little would be seen must not pass for small.
TEST(RoundScales, AThresholdThatIsFarTooHighChecksNothing) {
  for (const Plan& plan : {kDefault, Plan{"mds", {2, 2, 1}, 10}, Plan{"replication", {1, 2, 1}, 8}}) {
    ScaledRound round(plan, PassKind::kForward, normal_operand(kFirstLayer.cols, 64));
    round.contributions[3] *= 2.0f;
    RoundQuestion question = round.question();
    question.threshold = 1e7;
    const RoundVerdict verdict = round.judge(question);
    EXPECT_EQ(verdict.state, RoundState::kWeak) << text_of(plan);
    EXPECT_GT(verdict.kappa, 1e6) << text_of(plan);
  }
}

TEST(RoundScales, ScalesThatAreNotFiniteCheckNothing) {
  for (const Plan& plan : {kDefault, Plan{"mds", {2, 2, 1}, 10}, Plan{"uncoded", {2, 2, 1}, 4}})
    for (const float wild : {kInfinite, -kInfinite, kNotANumber}) {
      ScaledRound round(plan, PassKind::kForward, normal_operand(kFirstLayer.cols, 8));
      round.operand(17, 3) = wild;  // the own one: the others' contributions are right
      RoundQuestion question = round.question();
      ASSERT_FALSE(question.nu.allFinite());
      const RoundVerdict verdict = round.judge(question);
      EXPECT_EQ(verdict.state, RoundState::kUnexplained) << text_of(plan);
      EXPECT_NE(verdict.reason.find("not finite"), std::string::npos) << verdict.reason;
    }
  const ScaledRound round(kDefault, PassKind::kForward, normal_operand(kFirstLayer.cols, 8));
  for (const double threshold : {kInfinity, std::nan("")}) {
    RoundQuestion question = round.question();
    question.threshold = threshold;
    EXPECT_EQ(round.judge(question).state, RoundState::kUnexplained);
  }
  RoundQuestion question = round.question();
  question.gate = std::nan("");
  EXPECT_EQ(round.judge(question).state, RoundState::kUnexplained);
}

// From ordinary numbers to those beyond float: what is checked is finite and right, and nobody is blamed.
TEST(RoundScales, WhatIsCheckedIsFiniteHoweverLargeTheNumbersAre) {
  int checked = 0, refused = 0;
  for (const Plan& plan : kCoded)
    for (int exponent = 0; exponent <= 38; exponent += 2) {
      const ScaledRound round(plan, PassKind::kForward, normal_operand(kFirstLayer.cols, 8),
                              std::pow(10.0f, static_cast<float>(exponent)));
      const RoundVerdict verdict = round.judge(round.question());
      if (verdict.state != RoundState::kChecked) {
        EXPECT_GE(exponent, 34) << text_of(plan) << ": " << verdict.reason;
        ++refused;
        continue;
      }
      ++checked;
      ASSERT_TRUE(verdict.product.allFinite()) << text_of(plan) << " at 1e" << exponent;
      EXPECT_TRUE(verdict.findings.empty());
      EXPECT_GT(verdict.kappa, 0.0);
      const MatrixD truth = round.truth();
      EXPECT_LE((verdict.product.cast<double>() - truth).norm(), 1e-4 * truth.norm());
    }
  EXPECT_GT(checked, 60);
  EXPECT_GT(refused, 0);
}

TEST(RoundScales, WithoutASpareANumberThatIsNotFiniteIsRefused) {
  for (const float wild : {kInfinite, kNotANumber}) {
    ScaledRound round({"uncoded", {2, 2, 1}, 4}, PassKind::kForward, normal_operand(kFirstLayer.cols, 8));
    ASSERT_EQ(round.judge(round.question()).state, RoundState::kChecked);
    round.contributions[2](1, 1) = wild;
    EXPECT_EQ(round.judge(round.question()).state, RoundState::kUnexplained);
  }
}

TEST(RoundScales, ZerosAreRightWhereMostHaveNothingElse) {
  for (const Plan& plan : kCoded) {
    ScaledRound round(plan, PassKind::kForward, normal_operand(kFirstLayer.cols, 8), 0.0f);
    const RoundVerdict clean = round.judge(round.question());
    EXPECT_EQ(clean.state, RoundState::kChecked) << text_of(plan) << ": " << clean.reason;
    EXPECT_TRUE(clean.findings.empty());
    round.contributions[1](2, 3) = 0.5f;
    const RoundVerdict verdict = round.judge(round.question());
    ASSERT_EQ(verdict.state, RoundState::kChecked) << text_of(plan) << ": " << verdict.reason;
    ASSERT_EQ(verdict.findings.size(), 1u) << text_of(plan);
    EXPECT_EQ(verdict.findings.front().peer, 1);
    EXPECT_TRUE(verdict.product.isZero(1e-6f));
  }
  // Where they have, who has nothing is wrong.
  ScaledRound round(kDefault, PassKind::kForward, normal_operand(kFirstLayer.cols, 8));
  round.contributions[6].setZero();
  const RoundVerdict verdict = round.judge(round.question());
  ASSERT_EQ(verdict.findings.size(), 1u);
  EXPECT_EQ(verdict.findings.front().peer, 6);
}

TEST(RoundScales, ABackwardPassOfSamplesLearnedAlreadyIsJudgedToo) {
  Matrix delta = Matrix::Zero(kFirstLayer.rows, 8);
  delta(3, 2) = 1e-12f;  // all others have no loss left
  const ScaledRound round(kDefault, PassKind::kBackward, delta);
  const RoundVerdict verdict = round.judge(round.question());
  EXPECT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
  const ScaledRound nothing(kDefault, PassKind::kBackward, Matrix::Zero(kFirstLayer.rows, 8));
  EXPECT_EQ(nothing.judge(nothing.question()).state, RoundState::kChecked);
}

}  // namespace
}  // namespace polydot::codes::testing
