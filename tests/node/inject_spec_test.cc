#include "node/inject_spec.h"

#include <gtest/gtest.h>

namespace polydot::node {
namespace {

std::string failure_of(std::string_view text) {
  const auto spec = parse_inject_spec(text);
  if (spec) return "";
  EXPECT_EQ(spec.failure().kind, FailureKind::kUsage);
  return spec.failure().message;
}

TEST(InjectSpec, ReadsEveryPart) {
  const auto spec = parse_inject_spec("weights:bitflip:rate=0.0005:peer=3:steps=10-20");
  ASSERT_TRUE(spec) << spec.failure().message;
  EXPECT_EQ(spec->stage, codes::Stage::kWeights);
  EXPECT_EQ(spec->model, FaultModel::kBitFlip);
  EXPECT_EQ(spec->rate, 0.0005);
  EXPECT_EQ(spec->peer, 3);
  EXPECT_EQ(spec->first_step, 10U);
  EXPECT_EQ(spec->last_step, 20U);
}

TEST(InjectSpec, CoversThePeerAndTheStepsItNames) {
  const auto everywhere = parse_inject_spec("product:bitflip:rate=1");
  ASSERT_TRUE(everywhere);
  EXPECT_TRUE(everywhere->covers(7, 0));
  const auto narrow = parse_inject_spec("product:bitflip:steps=2-3:rate=1:peer=1");
  ASSERT_TRUE(narrow);
  EXPECT_TRUE(narrow->covers(1, 2));
  EXPECT_TRUE(narrow->covers(1, 3));
  EXPECT_FALSE(narrow->covers(1, 1));
  EXPECT_FALSE(narrow->covers(1, 4));
  EXPECT_FALSE(narrow->covers(0, 2));
}

TEST(InjectSpec, WrittenAndReadBackIsEqual) {
  for (const char* text :
       {"product:bitflip:rate=0.01", "weights:bitflip:rate=1e-07:peer=0", "product:bitflip:rate=1:steps=0-0",
        "weights:bitflip:rate=0:peer=255:steps=5-500"}) {
    const auto spec = parse_inject_spec(text);
    ASSERT_TRUE(spec) << spec.failure().message;
    EXPECT_EQ(to_text(*spec), text);
    EXPECT_EQ(*parse_inject_spec(to_text(*spec)), *spec);
  }
}

TEST(InjectSpec, FailuresNameThePartAndWhatIsAllowed) {
  EXPECT_EQ(
      failure_of("prodct:bitflip:rate=1"),
      "--inject prodct:bitflip:rate=1: no stage 'prodct': must be product or weights; nearest: product");
  EXPECT_EQ(failure_of("product:bitflp:rate=1"),
            "--inject product:bitflp:rate=1: no model 'bitflp': must be bitflip");
  EXPECT_EQ(failure_of("product:bitflip:rte=1"),
            "--inject product:bitflip:rte=1: no setting 'rte': must be rate, peer or steps; nearest: rate");
  EXPECT_EQ(failure_of("product:bitflip:rate=2"),
            "--inject product:bitflip:rate=2: rate=2: must be a probability from 0 to 1");
}

TEST(InjectSpec, RefusesWhatIsNotQuiteASpec) {
  for (const char* text :
       {"", "product", "product:bitflip", "product:bitflip:", "product:bitflip:rate", "product:bitflip:rate=",
        "product:bitflip:rate=nan", "product:bitflip:rate=-1", "product:bitflip:rate=0.1x",
        "product:bitflip:peer=1", "product:bitflip:rate=1:rate=1", "product:bitflip:rate=1:peer=-1",
        "product:bitflip:rate=1:steps=3", "product:bitflip:rate=1:steps=4-3",
        "product:bitflip:rate=1:steps=-3", "product:bitflip:rate=1:steps=1-", "encode:bitflip:rate=1"}) {
    EXPECT_NE(failure_of(text), "") << text;
  }
}

TEST(InjectSpec, OneWrongSpecRefusesTheList) {
  EXPECT_TRUE(parse_inject_specs({}));
  EXPECT_EQ(parse_inject_specs({"product:bitflip:rate=1", "weights:bitflip:rate=1"})->size(), 2U);
  EXPECT_FALSE(parse_inject_specs({"product:bitflip:rate=1", "weights"}));
}

}  // namespace
}  // namespace polydot::node
