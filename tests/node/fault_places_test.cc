// Where faults can strike is what a training step really shows to a tap.
#include "node/faults/fault_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "codes/families/factories.h"
#include "dnn/coded/training_program.h"
#include "dnn/data/strokes.h"
#include "protocol/wire/contribution.h"

namespace polydot::node {
namespace {

using codes::Stage;
using testing::HasSubstr;
using Place = std::tuple<Stage, codes::Index, codes::PassKind, std::uint32_t>;
using Shapes = std::map<Place, std::pair<codes::Index, codes::Index>>;

struct Recorder : codes::FaultTap {
  void visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) override {
    if (!point.training) return;
    auto& shape = shapes[{point.stage, point.layer, point.pass, point.slot}];
    shape = {std::max(shape.first, live.rows()), std::max(shape.second, live.cols())};
  }
  Shapes shapes;
};

dnn::TrainingPlan plan_for(std::vector<dnn::Index> hidden, double momentum) {
  dnn::TrainingPlan plan;
  plan.network =
      dnn::make_mlp(784, hidden, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy).value();
  plan.batch = 20;
  plan.total_steps = 3;
  plan.optimizer.momentum = momentum;
  plan.optimizer.total_steps = 3;
  return plan;
}

Shapes expected(const codes::ProductCode& code, const dnn::TrainingPlan& plan, codes::Index samples) {
  Shapes shapes;
  for (const FaultPlace& place : fault_places(code, plan, samples)) {
    if (place.stage == Stage::kContribution) continue;  // a slice at a time, on its way
    auto& shape = shapes[{place.stage, place.layer, place.pass, place.slot}];
    shape = {std::max(shape.first, place.shape.rows), std::max(shape.second, place.shape.cols)};
  }
  return shapes;
}

TEST(FaultPlaces, AreThoseThatAStepShows) {
  const dnn::Dataset train = dnn::make_strokes(dnn::StrokesPart::kTrain, 60),
                     test = dnn::make_strokes(dnn::StrokesPart::kTest, 20);
  for (const auto& [name, grid, peers] : {std::tuple{"polydot", codes::Grid{2, 2, 1}, 10},
                                          {"mds", codes::Grid{2, 2, 1}, 10},
                                          {"replication", codes::Grid{1, 1, 1}, 3}})
    for (const double momentum : {0.9, 0.0}) {
      SCOPED_TRACE(testing::Message() << name << " momentum " << momentum);
      const codes::ProductCode code = codes::make_code(name, grid, peers).value();
      const dnn::TrainingPlan plan = plan_for({16, 11}, momentum);
      Recorder recorder;
      dnn::TrainingProgram program(code, 1, plan, train, test, &recorder, nullptr);
      while (program.steps_done() < 2) {
        const auto request = program.next_round();
        ASSERT_TRUE(request);
        protocol::OwnContribution own(code, 1, *request, 0, {}, {}, &recorder);
        while (!own.work()) continue;
        program.deliver(codes::Matrix::Random(request->result_rows(), request->batch()));
      }
      EXPECT_EQ(recorder.shapes, expected(code, plan, train.count()));
    }
}

TEST(FaultPlaces, WhatCanNeverStrikeIsRefusedByName) {
  const codes::ProductCode code = codes::make_code("polydot", codes::Grid{2, 2, 1}, 10).value();
  const dnn::TrainingPlan plan = plan_for({16, 11}, 0.0);
  const auto check = [&](const std::string& text) {
    return check_can_strike({parse_inject_spec(text).value()}, code, plan, 60);
  };
  for (const char* good : {"product:bitflip:rate=0.1", "weights:bitflip:step=2:layer=2:bit=3",
                           "batch:zero:step=0:row=783", "decode:whole:step=1:layer=1:pass=backward",
                           "loss:nan:rate=0.5:row=9:col=19", "product:bitflip:rate=0"})
    EXPECT_TRUE(check(good)) << good;
  for (const auto& [bad, part] :
       {std::pair<std::string, std::string>{"product:bitflip:rate=1:layer=9", "no layer 9, only 0, 1, 2"},
        {"product:bitflip:step=1000000", "its last is 2"},
        {"weights:bitflip:step=1:row=99999", "no row 99999"},
        {"loss:nan:step=1:col=20", "no column 20, only 0 to 19"},
        {"loss:nan:step=1:layer=0", "loss has no layer 0, only 2"},
        {"optimizer:bitflip:step=1", "momentum is 0"},
        {"decode:nan:step=1:layer=0:pass=backward", "layer 0"},
        {"product:stale:step=0", "no step before step 0"},
        {"product:bitflip:step=1:slot=7", "no slot 7"}}) {
    const Outcome checked = check(bad);
    ASSERT_FALSE(checked.ok()) << bad;
    EXPECT_EQ(checked.failure().kind, FailureKind::kUsage);
    EXPECT_THAT(checked.failure().message, HasSubstr(part));
    EXPECT_THAT(checked.failure().message, HasSubstr("can never strike"));
  }
}

}  // namespace
}  // namespace polydot::node
