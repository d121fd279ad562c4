#include "node/certificate.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace polydot::node {
namespace {

// Weights of norm 5 (3, 4) in two layers.
std::vector<dnn::Matrix> weights(float change = 0) {
  std::vector<dnn::Matrix> layers = {dnn::Matrix::Zero(2, 2), dnn::Matrix::Zero(1, 3)};
  layers[0](1, 0) = 3;
  layers[1](0, 2) = 4 + change;
  return layers;
}
std::vector<dnn::MatrixD> in_double(double change) {
  std::vector<dnn::MatrixD> layers;
  for (const dnn::Matrix& layer : weights()) layers.push_back(layer.cast<double>());
  layers[0](0, 0) = change;
  return layers;
}
constexpr CertifiedRun kGood{
    .finished = true, .refused = 0, .injected = true, .above_floor = 3, .loss = 0.5, .twin_loss = 0.75};

TEST(Certificate, MeasuresBothDifferences) {
  const Certificate certificate = certify(kGood, weights(0.5f), weights(), in_double(0.25));
  EXPECT_DOUBLE_EQ(certificate.relative_difference, 0.1);
  EXPECT_DOUBLE_EQ(certificate.largest_difference, 0.5);
  EXPECT_DOUBLE_EQ(certificate.loss_difference, 0.25);
  EXPECT_DOUBLE_EQ(certificate.rounding_difference, 0.05);
  EXPECT_TRUE(certificate.valid);  // 0.1 is at most 10 times 0.05
}

TEST(Certificate, PerturbedWeightsFailIt) {
  EXPECT_TRUE(certify(kGood, weights(4e-4f), weights(), in_double(0)).valid);
  const Certificate beyond = certify(kGood, weights(1e-3f), weights(), in_double(0));
  EXPECT_FALSE(beyond.valid);
  EXPECT_NE(beyond.reason.find("differ by 0.0002"), std::string::npos) << beyond.reason;
  EXPECT_TRUE(certify(kGood, weights(1e-3f), weights(), in_double(2e-4)).valid);
}

TEST(Certificate, NoNumberFailsIt) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Certificate certificate = certify(kGood, weights(bad), weights(), in_double(0));
    EXPECT_FALSE(certificate.valid);
    EXPECT_EQ(to_json(certificate).at("relative_difference"), nullptr);
    EXPECT_FALSE(certify(kGood, weights(), weights(bad), in_double(0)).valid);
    EXPECT_FALSE(certify(kGood, weights(), weights(), in_double(static_cast<double>(bad))).valid &&
                 std::isnan(bad));
  }
}

TEST(Certificate, ARunThatDidNotDoItsWorkFailsIt) {
  const auto reason = [](auto change) {
    CertifiedRun run = kGood;
    change(run);
    return certify(run, weights(), weights(), in_double(0)).reason;
  };
  EXPECT_EQ(reason([](CertifiedRun&) {}), "");
  EXPECT_NE(reason([](CertifiedRun& r) { r.finished = false; }).find("did not finish"), std::string::npos);
  EXPECT_NE(reason([](CertifiedRun& r) { r.refused = 1; }).find("refused"), std::string::npos);
  EXPECT_NE(reason([](CertifiedRun& r) { r.above_floor = 0; }).find("noise floor"), std::string::npos);
  EXPECT_EQ(reason([](CertifiedRun& r) { r.injected = false, r.above_floor = 0; }), "");
}

TEST(Certificate, IsTheDocumentedJson) {
  const auto valid = to_json(certify(kGood, weights(), weights(), in_double(0)));
  EXPECT_EQ(valid.dump(), R"({"relative_difference":0.0,"largest_difference":0.0,"loss_difference":0.25,)"
                          R"("rounding_difference":0.0,"valid":true})");
  EXPECT_EQ(to_json(no_certificate("why")).dump(),
            R"({"relative_difference":null,"largest_difference":null,"loss_difference":null,)"
            R"("rounding_difference":null,"valid":false,"reason":"why"})");
}

}  // namespace
}  // namespace polydot::node
