// polydot train --certify: the comparison with the fault-free uncoded twin, and what fails it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/text/json_text.h"
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
  json certificate() { return node::parse_json(read_file(run_ + "/summary.json")).at("certificate"); }
};

TEST_F(Certify, ACleanRunIsValid) {
  const Ended ended = train({"--json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const json own = node::parse_json(ended.out).at("certificate");
  EXPECT_EQ(own, certificate());
  EXPECT_EQ(own.size(), 8U);
  EXPECT_EQ(own.at("valid"), true);
  EXPECT_LT(own.at("relative_difference"), 1e-5);
  EXPECT_GT(own.at("relative_difference"), 0.0);
  EXPECT_LT(own.at("largest_difference"), 1e-5);
  EXPECT_LT(own.at("relative_loss_difference"), 1e-4);
  EXPECT_EQ(own.at("equal_predictions"), 1.0);
  EXPECT_GT(own.at("start_difference"), own.at("allowed_difference"));
  EXPECT_EQ(own.at("allowed_difference"), 1e-4);
  EXPECT_GT(own.at("rounding_difference"), 1e-9);
}

TEST_F(Certify, CorrectedFaultsAreValid) {
  const Ended ended = train({"--inject", "product:bitflip:rate=0.05"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("certificate             valid"));
  EXPECT_EQ(certificate().at("valid"), true);
}

// With the network, code and data of a run without flags.
TEST_F(Certify, TheDefaultNetworkUnderFaultsIsValid) {
  const Ended ended = run(scratch_, {"train", "--certify", "--quiet", "--out", run_, "--steps", "12",
                                     "--inject", "product:bitflip:rate=0.1"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const json own = certificate();
  EXPECT_EQ(own.at("valid"), true);
  EXPECT_LE(own.at("relative_difference"), own.at("allowed_difference"));
  EXPECT_GE(own.at("equal_predictions"), 0.999);
}

// A learning rate at which rounding alone leads somewhere else.
TEST_F(Certify, AChaoticRunCannotBeCertified) {
  const Ended ended = run(scratch_, {"train", "--hidden", "64", "--lr", "0.3", "--epochs", "3", "--certify",
                                     "--quiet", "--out", run_});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err,
              testing::StartsWith("polydot: cannot be certified: rounding alone changes this run by "));
  EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  const json own = certificate();
  EXPECT_EQ(own.at("valid"), false);
  EXPECT_GT(own.at("rounding_difference"), 1e-2);
  EXPECT_EQ(own.at("allowed_difference"), 1e-2);
}

TEST_F(Certify, ARunThatLearnsNothingProvesNothing) {
  const Ended ended = train({"--quiet", "--lr", "1e-9"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("the weights are those of the start"));
}

TEST_F(Certify, UncorrectedFaultsAreNot) {
  const Ended ended = train({"--code", "uncoded", "--quiet", "--inject", "product:bitflip:rate=0.05"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, testing::StartsWith("polydot: no valid certificate: the weights "));
  EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  EXPECT_EQ(certificate().at("valid"), false);
}

TEST_F(Certify, FaultsOfACampaignMustHaveBeenInjectedToo) {
  write_file(scratch_ / "late.toml", "[[fault]]\nstage = \"product\"\nmodel = \"bitflip\"\nrate = 0\n");
  const Ended ended = train({"--quiet", "--campaign", scratch_ / "late.toml"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("none above the noise floor"));
}

// After the checksum there is no floor: that is struck, too.
TEST_F(Certify, FaultsAfterTheChecksumHaveStruck) {
  const Ended ended = train({"--quiet", "--inject", "contribution:bitflip:rate=0.05"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

TEST_F(Certify, FaultsThatWereAskedForMustHaveBeenInjected) {
  const Ended ended = train({"--quiet", "--inject", "product:bitflip:rate=0"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("none above the noise floor"));
}

}  // namespace
}  // namespace polydot::tools
