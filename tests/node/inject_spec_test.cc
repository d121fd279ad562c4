#include "node/config/inject_spec.h"

#include <gtest/gtest.h>

#include "node/config/fault_models.h"

namespace polydot::node {
namespace {

std::string failure_of(std::string_view text) {
  const auto spec = parse_inject_spec(text);
  if (spec) return "";
  EXPECT_EQ(spec.failure().kind, FailureKind::kUsage);
  return spec.failure().message;
}

InjectSpec read(std::string_view text) {
  const auto spec = parse_inject_spec(text);
  EXPECT_TRUE(spec) << spec.failure().message;
  return *spec;
}

codes::TapPoint point_at(std::uint64_t step, std::uint32_t slot = 0, codes::Index layer = 0,
                         codes::PassKind pass = codes::PassKind::kForward) {
  codes::TapPoint point;
  point.step = step;
  point.slot = slot;
  point.layer = layer;
  point.pass = pass;
  return point;
}

TEST(InjectSpec, ReadsEveryPart) {
  const InjectSpec spec = read("weights:bitflip:rate=0.0005:peer=3:steps=10-20:every=5:layer=1:slot=70000");
  EXPECT_EQ(spec.stage, codes::Stage::kWeights);
  EXPECT_EQ(spec.model, FaultModel::kBitFlip);
  EXPECT_EQ(spec.rate, 0.0005);
  EXPECT_EQ(spec.peers, std::vector<std::int64_t>{3});
  EXPECT_EQ(spec.first_step, 10U);
  EXPECT_EQ(spec.last_step, 20U);
  EXPECT_EQ(spec.every, 5U);
  EXPECT_EQ(spec.layer, 1);
  EXPECT_EQ(spec.slot, 70000U);
  const InjectSpec exact = read("product:bitflip:step=7:row=3:col=4:bit=30:pass=backward:sticky=1:seed=9");
  EXPECT_FALSE(exact.rate);
  EXPECT_EQ(exact.first_step, 7U);
  EXPECT_EQ(exact.last_step, 7U);
  EXPECT_EQ(exact.row, 3);
  EXPECT_EQ(exact.col, 4);
  EXPECT_EQ(exact.bit, 30U);
  EXPECT_EQ(exact.pass, codes::PassKind::kBackward);
  EXPECT_TRUE(exact.sticky);
  EXPECT_EQ(exact.seed, 9U);
  const InjectSpec together = read("decode:correlated:rate=1:peers=0+3+5:proportional=1:factor=-2.5");
  EXPECT_EQ(together.peers, (std::vector<std::int64_t>{0, 3, 5}));
  EXPECT_TRUE(together.proportional);
  EXPECT_EQ(together.factor, -2.5);
  EXPECT_EQ(read("update:kbits:rate=1:bits=4").bits, 4U);
  EXPECT_EQ(read("encode:floor:rate=1:times=0.5").times, 0.5);
}

TEST(InjectSpec, CoversThePeersStepsAndPlacesItNames) {
  EXPECT_TRUE(read("product:bitflip:rate=1").covers(7, point_at(0)));
  const InjectSpec narrow = read("product:bitflip:steps=2-6:every=2:peer=1+4:slot=9:layer=2:pass=backward");
  const auto covers = [&](int peer, std::uint64_t step, std::uint32_t slot, codes::Index layer,
                          codes::PassKind pass) {
    return narrow.covers(peer, point_at(step, slot, layer, pass));
  };
  const auto back = codes::PassKind::kBackward;
  for (std::uint64_t step = 0; step < 10; ++step)
    EXPECT_EQ(covers(1, step, 9, 2, back), step == 2 || step == 4 || step == 6) << step;
  EXPECT_TRUE(covers(4, 2, 9, 2, back));
  EXPECT_FALSE(covers(0, 2, 9, 2, back));
  EXPECT_FALSE(covers(1, 2, 8, 2, back));
  EXPECT_FALSE(covers(1, 2, 9, 1, back));
  EXPECT_FALSE(covers(1, 2, 9, 2, codes::PassKind::kForward));
}

TEST(InjectSpec, WrittenAndReadBackIsEqual) {
  for (const char* text :
       {"product:bitflip:rate=0.01", "weights:bitflip:rate=1e-07:peer=0", "product:bitflip:rate=1:steps=0-0",
        "weights:bitflip:rate=0:peer=255:steps=5-500", "optimizer:kbits:rate=0.5:bits=3:sticky=1",
        "encode:floor:steps=3-4:every=2:slot=65540:layer=2:pass=backward:row=1:col=2:times=0.25",
        "decode:correlated:rate=1:peer=0+3+5:factor=-2:proportional=1:seed=77", "batch:whole:steps=4-4",
        "product:sticky:rate=1:bit=30"}) {
    EXPECT_EQ(to_text(read(text)), text);
    EXPECT_EQ(read(to_text(read(text))), read(text));
  }
  EXPECT_EQ(to_text(read("loss:nan:step=3:peers=1")), "loss:nan:peer=1:steps=3-3");
}

TEST(InjectSpec, KnowsEveryStageAndEveryModelByItsName) {
  const std::vector<std::string> stages = {"batch",   "weights",      "optimizer", "encode",
                                           "product", "contribution", "decode",    "activation",
                                           "loss",    "hadamard",     "update"};
  ASSERT_EQ(stages.size(), static_cast<std::size_t>(codes::kStageCount));
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const InjectSpec spec = read(stages[i] + ":bitflip:rate=1");
    EXPECT_EQ(spec.stage, static_cast<codes::Stage>(i));
    EXPECT_EQ(name_of(spec.stage), stages[i]);
  }
  for (const FaultModelEntry& entry : fault_models()) {
    EXPECT_EQ(name_of(entry.model), entry.name);
    const std::string needed = entry.model == FaultModel::kKBits   ? ":bits=2"
                               : entry.model == FaultModel::kScale ? ":factor=2"
                               : entry.model == FaultModel::kFloor ? ":times=2"
                                                                   : "";
    const InjectSpec spec = read("product:" + std::string(entry.name) + ":rate=1" + needed);
    EXPECT_EQ(spec.model, entry.model);
  }
}

TEST(InjectSpec, FailuresNameThePartAndWhatIsAllowed) {
  const auto expect_failure = [](const std::string& spec, const std::string& why) {
    const std::string message = failure_of(spec);
    EXPECT_EQ(message.substr(0, message.find(": ") + 2), "--inject " + spec + ": ");
    EXPECT_NE(message.find(why), std::string::npos) << message;
  };
  expect_failure("prodct:bitflip:rate=1", "no stage 'prodct': must be batch, weights, ");
  expect_failure("prodct:bitflip:rate=1", "; nearest: product");
  expect_failure("product:bitflp:rate=1", "no model 'bitflp': must be bitflip, kbits, ");
  expect_failure("product:bitflp:rate=1", "; nearest: bitflip");
  expect_failure("product:bitflip:rte=1", "no setting 'rte': must be rate, peer, step, ");
  expect_failure("product:bitflip:rte=1", "; nearest: rate");
  expect_failure("product:bitflip:rate=2", "rate=2: must be a probability from 0 to 1");
  expect_failure("product:bitflip:peer=1", "rate=R or step=S is missing");
  expect_failure("product:bitflip:rate=1:bit=32", "bit=32: must be a bit from 0");
  expect_failure("product:zero:rate=1:bit=3", "bit means nothing to product:zero");
  expect_failure("weights:zero:rate=1:pass=forward", "pass means nothing to weights:zero");
  expect_failure("contribution:zero:rate=1:layer=0", "layer means nothing to contribution:zero");
  expect_failure("product:whole:rate=1:row=3", "row means nothing to product:whole");
  expect_failure("product:bitflip:rate=1:factor=3", "factor means nothing to product:bitflip");
  expect_failure("decode:floor:rate=1:times=3", "floor is for the stages encode and product");
  expect_failure("product:floor:rate=1", "floor needs times=T");
  expect_failure("product:scale:rate=1", "scale needs factor=F");
  expect_failure("product:scale:rate=1:factor=1", "leaves every number as it is");
  expect_failure("product:correlated:rate=1:peer=0+1:factor=0", "an error of 0");
  expect_failure("product:kbits:rate=1", "kbits needs bits=K");
  expect_failure("product:bitflip:rate=1:peer=1+x", "peer=1+x: must be the index of a peer");
  expect_failure("product:bitflip:step=1:steps=1-2", "step and steps are both given");
  expect_failure("product:bitflip:rate=1:peer=1:peers=2", "peers is given twice");
  EXPECT_TRUE(check_fault_peers({read("product:bitflip:rate=1:peer=2+9")}, 10));
  EXPECT_EQ(check_fault_peers({read("product:bitflip:rate=1:peer=2+10")}, 10).failure().message,
            "--inject product:bitflip:rate=1:peer=2+10: there is no peer 10, only 0 to 9");
}

TEST(InjectSpec, RefusesWhatIsNotQuiteASpec) {
  for (const char* text : {"",
                           "product",
                           "product:bitflip",
                           "product:bitflip:",
                           "product:bitflip:rate",
                           "product:bitflip:rate=",
                           "product:bitflip:rate=nan",
                           "product:bitflip:rate=-1",
                           "product:bitflip:rate=0.1x",
                           "product:bitflip:peer=1",
                           "product:bitflip:rate=1:rate=1",
                           "product:bitflip:rate=1:peer=-1",
                           "product:bitflip:rate=1:steps=3",
                           "product:bitflip:rate=1:steps=4-3",
                           "product:bitflip:rate=1:steps=-3",
                           "product:bitflip:rate=1:steps=1-",
                           "product:bitflip:step=-1",
                           "product:bitflip:rate=1:every=0",
                           "product:bitflip:rate=1:row=-1",
                           "product:bitflip:rate=1:layer=-0",
                           "product:bitflip:rate=1:sticky=yes",
                           "product:kbits:rate=1:bits=0",
                           "product:kbits:rate=1:bits=33",
                           "product:scale:rate=1:factor=inf",
                           "product:floor:rate=1:times=0",
                           "product:bitflip:rate=1:pass=up",
                           "product:bitflip:rate=1:seed=-1",
                           "product:bitflip:rate=1:peer=1+"}) {
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
