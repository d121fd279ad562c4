// Each thing that the certificate asks for, by a run that lacks only that.
#include "node/records/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace polydot::node {
namespace {

using ::testing::HasSubstr;

// Weights of norm 5 (3, 4) in two layers.
std::vector<dnn::Matrix> layers(float change = 0) {
  std::vector<dnn::Matrix> layers = {dnn::Matrix::Zero(2, 2), dnn::Matrix::Zero(1, 3)};
  layers[0](1, 0) = 3;
  layers[1](0, 2) = 4 + change;
  return layers;
}

// A good run: `change` of one weight from the twin, `rounding` between the twins, both of norm 5.
CertifiedWeights weights(float change = 0, double rounding = 0) {
  CertifiedWeights weights;
  weights.decoded = layers(change);
  weights.twin = layers();
  for (const dnn::Matrix& layer : layers()) weights.twin_in_double.push_back(layer.cast<double>());
  weights.twin_in_double[0](0, 0) = rounding;
  weights.start = layers();
  weights.start[0](0, 1) = 1;
  return weights;
}
constexpr CertifiedRun kGood{.finished = true,
                             .refused = 0,
                             .injected = true,
                             .struck = 3,
                             .loss = 0.5002,
                             .twin_loss = 0.5,
                             .equal_predictions = 1.0};
std::string reason_of(const CertifiedRun& run, const CertifiedWeights& weights) {
  const Certificate certificate = certify(run, weights);
  EXPECT_EQ(certificate.valid, certificate.reason.empty());
  return certificate.reason;
}

TEST(Certificate, MeasuresAllDifferences) {
  const Certificate certificate = certify(kGood, weights(0.02F, 0.005));
  EXPECT_NEAR(certificate.relative_difference, 0.004, 1e-8);
  EXPECT_NEAR(certificate.largest_difference, 0.02, 1e-6);
  EXPECT_NEAR(certificate.loss_difference, 4e-4, 1e-12);
  EXPECT_DOUBLE_EQ(certificate.rounding_difference, 0.001);
  EXPECT_DOUBLE_EQ(certificate.allowed_difference, 0.01);
  EXPECT_EQ(certificate.equal_predictions, 1.0);
  EXPECT_NEAR(certificate.start_difference, std::hypot(1.0, 0.02) / std::sqrt(26.0), 1e-7);
  EXPECT_TRUE(certificate.valid) << certificate.reason;
}

TEST(Certificate, AllowsTenTimesWhatRoundingDoesFromAFloorToACeiling) {
  EXPECT_EQ(allowed_difference(0.0), 1e-4);
  EXPECT_EQ(allowed_difference(1e-6), 1e-4);
  EXPECT_DOUBLE_EQ(allowed_difference(3e-5), 3e-4);
  EXPECT_EQ(allowed_difference(1.1e-3), 1e-2);
  EXPECT_EQ(allowed_difference(0.67), 1e-2);
  EXPECT_EQ(allowed_difference(std::numeric_limits<double>::infinity()), 1e-2);
  EXPECT_EQ(allowed_difference(std::numeric_limits<double>::quiet_NaN()), 0.0);
}

TEST(Certificate, PerturbedWeightsFailIt) {
  EXPECT_EQ(reason_of(kGood, weights(4e-4F)), "");
  EXPECT_THAT(reason_of(kGood, weights(1e-3F)), HasSubstr("differ by 0.0002"));
  EXPECT_EQ(reason_of(kGood, weights(1e-3F, 2e-4)), "");
  EXPECT_THAT(reason_of(kGood, weights(1e-2F, 5e-4)), HasSubstr("differ by 0.002"));
}

// The run of the issue: 0.79 from the twin, and rounding alone 0.67.
TEST(Certificate, NothingAboveTheCeilingIsCertified) {
  for (const float change : {0.0F, 0.1F, 3.95F}) {
    const Certificate certificate = certify(kGood, weights(change, 3.35));
    EXPECT_FALSE(certificate.valid) << change;
    EXPECT_FALSE(certificate.certifiable);
    EXPECT_THAT(certificate.reason,
                HasSubstr("cannot be certified: rounding alone changes this run by 0.67"));
  }
  // Rounding might explain it, and it is too far.
  const Certificate between = certify(kGood, weights(0.1F, 0.015));
  EXPECT_FALSE(between.certifiable);
  EXPECT_THAT(between.reason, HasSubstr("rounding alone changes this run by 0.003"));
  // Rounding does not explain it.
  const Certificate beyond = certify(kGood, weights(1.0F, 0.015));
  EXPECT_TRUE(beyond.certifiable);
  EXPECT_THAT(beyond.reason, HasSubstr("the weights differ by 0.2"));
  // Neither does it hinder a run that is near all the same.
  EXPECT_EQ(reason_of(kGood, weights(0.04F, 0.04)), "");
}

TEST(Certificate, ZerosFailIt) {
  CertifiedWeights all = weights();
  for (dnn::Matrix& layer : all.decoded) layer.setZero();
  EXPECT_THAT(reason_of(kGood, all), HasSubstr("the weights of layer 0 are all zero"));
  // Although they are those of the twin.
  CertifiedWeights both = weights();
  both.decoded[1].setZero(), both.twin[1].setZero(), both.twin_in_double[1].setZero();
  EXPECT_THAT(reason_of(kGood, both), HasSubstr("the weights of layer 1 are all zero"));
  CertifiedWeights tiny = both;
  tiny.decoded[1](0, 0) = tiny.twin[1](0, 0) = 1e-6F;
  EXPECT_EQ(reason_of(kGood, tiny), "");
}

TEST(Certificate, WeightsOfTheStartFailIt) {
  CertifiedWeights idle = weights();
  idle.start = layers(4e-4F);  // what may differ from the twin may be the start as well
  EXPECT_THAT(reason_of(kGood, idle), HasSubstr("the weights are those of the start"));
  idle.start = layers(1e-3F);
  EXPECT_EQ(reason_of(kGood, idle), "");
  idle.twin_in_double[0](0, 0) = 2e-4;
  EXPECT_THAT(reason_of(kGood, idle), HasSubstr("the weights are those of the start"));
}

TEST(Certificate, TheTestLossMustBeThatOfTheTwin) {
  CertifiedRun run = kGood;
  run.loss = 0.5004;
  EXPECT_EQ(reason_of(run, weights()), "");
  for (const double loss : {0.5006, 0.4994, 0.0, std::numeric_limits<double>::quiet_NaN()}) {
    run.loss = loss;
    EXPECT_THAT(reason_of(run, weights()), HasSubstr("the test loss is")) << loss;
  }
  run.loss = run.twin_loss = 0.0;
  EXPECT_EQ(reason_of(run, weights()), "");
  run.loss = 1e-9;
  EXPECT_THAT(reason_of(run, weights()), HasSubstr("the test loss is"));
}

TEST(Certificate, PredictionsMustBeEqual) {
  CertifiedRun run = kGood;
  run.equal_predictions = 0.999;
  EXPECT_EQ(reason_of(run, weights()), "");
  run.equal_predictions = 0.998;
  EXPECT_THAT(reason_of(run, weights()), HasSubstr("99.80 % of the test samples"));
}

TEST(Certificate, NoNumberFailsIt) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Certificate certificate = certify(kGood, weights(bad));
    EXPECT_FALSE(certificate.valid);
    EXPECT_EQ(to_json(certificate).at("relative_difference"), nullptr);
    CertifiedWeights twin = weights(), in_double = weights();
    twin.twin[1](0, 2) = bad;
    EXPECT_FALSE(certify(kGood, twin).valid);
    in_double.twin_in_double[1](0, 2) = static_cast<double>(bad);
    EXPECT_FALSE(certify(kGood, in_double).valid);
  }
}

TEST(Certificate, ARunThatDidNotDoItsWorkFailsIt) {
  const auto reason = [](auto change) {
    CertifiedRun run = kGood;
    change(run);
    return reason_of(run, weights());
  };
  EXPECT_EQ(reason([](CertifiedRun&) {}), "");
  EXPECT_THAT(reason([](CertifiedRun& r) { r.finished = false; }), HasSubstr("did not finish"));
  EXPECT_THAT(reason([](CertifiedRun& r) { r.refused = 1; }), HasSubstr("refused"));
  EXPECT_THAT(reason([](CertifiedRun& r) { r.struck = 0; }), HasSubstr("noise floor"));
  EXPECT_EQ(reason([](CertifiedRun& r) { r.injected = false, r.struck = 0; }), "");
}

TEST(Certificate, IsTheDocumentedJson) {
  CertifiedRun run = kGood;
  run.loss = run.twin_loss;
  CertifiedWeights start = weights();
  start.start[0] = start.decoded[0];
  start.start[1] *= 2;
  const auto valid = to_json(certify(run, start));
  EXPECT_NEAR(valid.at("start_difference"), 4 / std::sqrt(73.0), 1e-12);
  nlohmann::ordered_json plain = valid;
  plain["start_difference"] = 0.5;
  EXPECT_EQ(plain.dump(),
            R"({"relative_difference":0.0,"allowed_difference":0.0001,"largest_difference":0.0,)"
            R"("relative_loss_difference":0.0,"equal_predictions":1.0,"start_difference":0.5,)"
            R"("rounding_difference":0.0,"valid":true})");
  EXPECT_EQ(to_json(no_certificate("why")).dump(),
            R"({"relative_difference":null,"allowed_difference":null,"largest_difference":null,)"
            R"("relative_loss_difference":null,"equal_predictions":null,"start_difference":null,)"
            R"("rounding_difference":null,"valid":false,"reason":"why"})");
}

}  // namespace
}  // namespace polydot::node
