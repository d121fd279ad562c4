// polydot train --certify: the comparison with the fault-free uncoded twin, and what fails it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Certify : public testing::Test {
 protected:
  const Scratch scratch_;
  const std::string run_ = scratch_ / "run";

  Ended train(const Words& more) {
    return run(scratch_, join({{"train", "--certify", "--out", run_, "--steps", "40"},
                               tiny_network(write_tiny_digits(scratch_)),
                               more}));
  }
  json certificate() {
    return json::parse(read_file(run_ + "/summary.json"), nullptr, false).at("certificate");
  }
};

TEST_F(Certify, ACleanRunIsValid) {
  const Ended ended = train({"--json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const json own = json::parse(ended.out, nullptr, false).at("certificate");
  EXPECT_EQ(own, certificate());
  EXPECT_EQ(own.size(), 5U);
  EXPECT_EQ(own.at("valid"), true);
  EXPECT_LT(own.at("relative_difference"), 1e-5);
  EXPECT_GT(own.at("relative_difference"), 0.0);
  EXPECT_LT(own.at("largest_difference"), 1e-5);
  EXPECT_LT(own.at("loss_difference"), 1e-5);
  EXPECT_GT(own.at("rounding_difference"), 1e-9);
}

TEST_F(Certify, CorrectedFaultsAreValid) {
  const Ended ended = train({"--inject", "product:bitflip:rate=0.05"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("certificate             valid"));
  EXPECT_EQ(certificate().at("valid"), true);
}

TEST_F(Certify, UncorrectedFaultsAreNot) {
  const Ended ended = train({"--code", "uncoded", "--quiet", "--inject", "product:bitflip:rate=0.05"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, testing::StartsWith("polydot: no valid certificate: the weights "));
  EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  EXPECT_EQ(certificate().at("valid"), false);
}

TEST_F(Certify, FaultsThatWereAskedForMustHaveBeenInjected) {
  const Ended ended = train({"--quiet", "--inject", "product:bitflip:rate=1:steps=5000-6000"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("none above the noise floor"));
}

}  // namespace
}  // namespace polydot::tools
