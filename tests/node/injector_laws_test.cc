// When and where the injector strikes: exactly as told, once, and again only where that was asked for.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "node/config/fault_models.h"
#include "node/faults/injector.h"
#include "node/text/json_text.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using codes::Index;
using codes::Matrix;
using codes::Stage;
using codes::TapPoint;

constexpr Stage kAllStages[] = {Stage::kBatch,   Stage::kWeights,      Stage::kOptimizer, Stage::kEncode,
                                Stage::kProduct, Stage::kContribution, Stage::kDecode,    Stage::kActivation,
                                Stage::kLoss,    Stage::kHadamard,     Stage::kUpdate};

Matrix gaussian(std::uint64_t seed) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  Matrix matrix(8, 6);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(random.gaussian());
  return matrix;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  for (Index i = 0; i < a.size(); ++i)
    if (std::bit_cast<std::uint32_t>(a.data()[i]) != std::bit_cast<std::uint32_t>(b.data()[i])) return false;
  return true;
}

class InjectorLaws : public ::testing::Test {
 protected:
  InjectorLaws() {
    floor_.threshold = floor_.analytic = 1e-3;
    floor_.locatable = 10.0;
    floor_.nu = &nu_;
    pass_.operand_encoder = codes::MatrixD::Ones(10, 1);
  }
  TapPoint point_of(Stage stage, std::uint64_t step, std::uint32_t slot = 3) const {
    TapPoint point;
    point.stage = stage;
    point.step = step;
    point.slot = slot;
    if (stage == Stage::kEncode || stage == Stage::kProduct) point.floor = &floor_;
    if (stage == Stage::kEncode) point.code = &pass_, point.weights = &weights_;
    return point;
  }
  static std::unique_ptr<Injector> make(const std::vector<std::string>& specs, std::uint64_t seed = 1,
                                        int self = 2, const std::string& path = "") {
    return Injector::make(parse_inject_specs(specs).value(), seed, self, path).value();
  }
  // Whether a visit changed a fresh buffer.
  static bool hits(Injector& injector, const TapPoint& point) {
    Matrix live = gaussian(point.step * 100 + point.slot), clean = live;
    injector.visit(point, live);
    return !same_bits(live, clean);
  }

  codes::VectorD nu_ = codes::VectorD::Ones(6);
  codes::PublishedFloor floor_;
  codes::Pass pass_;
  Matrix weights_ = Matrix::Ones(4, 8);
};

TEST_F(InjectorLaws, TheSameSeedGivesTheSameFaultsAtEveryStage) {
  std::vector<std::string> specs;
  for (Stage stage : kAllStages)
    for (const FaultModelEntry& entry : fault_models()) {
      if (entry.model == FaultModel::kFloor) continue;
      const std::string needed = entry.model == FaultModel::kKBits   ? ":bits=2"
                                 : entry.model == FaultModel::kScale ? ":factor=2"
                                                                     : "";
      specs.push_back(std::string(name_of(stage)) + ":" + std::string(entry.name) + ":rate=0.2" + needed);
    }
  const auto run = [&](std::uint64_t seed, bool reversed) {
    auto order = specs;
    if (reversed) std::reverse(order.begin(), order.end());
    std::vector<Matrix> all;
    for (const std::string& spec : order) {
      const auto injector = make({spec}, seed);
      Matrix sum = Matrix::Zero(8, 6);
      for (std::uint64_t step = 0; step < 20; ++step)
        for (Stage stage : kAllStages) {
          Matrix live = gaussian(step);
          injector->visit(point_of(stage, step), live);
          for (Index i = 0; i < live.size(); ++i)
            if (std::isfinite(live.data()[i])) sum.data()[i] += live.data()[i];
        }
      all.push_back(sum);
    }
    if (reversed) std::reverse(all.begin(), all.end());
    return all;
  };
  const auto first = run(1, false), again = run(1, true), other = run(2, false);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    EXPECT_TRUE(same_bits(first[i], again[i])) << specs[i];
    differ += !same_bits(first[i], other[i]);
  }
  EXPECT_GT(differ, specs.size() * 3 / 4);
}

TEST_F(InjectorLaws, ItAimsWhereverAVisitChangesSomething) {
  for (const std::string when : {"rate=0.5", "step=6", "steps=3-9:every=3", "rate=0.7:steps=4-5:peer=2+3",
                                 "rate=1:peer=4", "rate=1:sticky=1:slot=3"})
    for (Stage stage : kAllStages)
      for (const std::string model : {"bitflip", "stale", "sticky", "badcore", "whole"}) {
        const auto injector = make({std::string(name_of(stage)) + ":" + model + ":" + when});
        bool struck = false;
        for (std::uint64_t step = 0; step < 12; ++step)
          for (Stage visited : kAllStages)
            for (std::uint32_t attempt : {0U, 1U}) {
              TapPoint point = point_of(visited, step);
              point.attempt = attempt;
              const bool aims = injector->aims_at(step, visited);
              if (!aims) continue;  // the caller may leave the visit out
              struck = hits(*injector, point) || struck;
            }
        // The same with every visit: nothing more is hit.
        const auto visited_always = make({std::string(name_of(stage)) + ":" + model + ":" + when});
        bool strikes = false;
        for (std::uint64_t step = 0; step < 12; ++step)
          for (Stage visited : kAllStages)
            for (std::uint32_t attempt : {0U, 1U}) {
              TapPoint point = point_of(visited, step);
              point.attempt = attempt;
              const bool aims = visited_always->aims_at(step, visited);
              const bool hit = hits(*visited_always, point);
              strikes = strikes || hit;
              EXPECT_TRUE(aims || !hit) << name_of(stage) << ":" << model << ":" << when;
            }
        EXPECT_EQ(struck, strikes);
        EXPECT_EQ(injector->injections().size(), visited_always->injections().size());
      }
}

TEST_F(InjectorLaws, ItAimsAtNothingElse) {
  const auto injector = make({"decode:bitflip:steps=5-6"});
  for (std::uint64_t step = 0; step < 10; ++step)
    for (Stage stage : kAllStages)
      if (stage != Stage::kEncode) {
        EXPECT_EQ(injector->aims_at(step, stage), stage == Stage::kDecode && step >= 5 && step <= 6);
      }
  const auto elsewhere = make({"decode:bitflip:rate=1:peer=7"});
  for (Stage stage : kAllStages) EXPECT_FALSE(elsewhere->aims_at(0, stage));
}

TEST_F(InjectorLaws, AnExactPlaceIsHitExactlyOnce) {
  const auto injector =
      make({"product:bitflip:step=5:slot=4:layer=1:pass=backward:peer=2:row=6:col=1:bit=12"});
  int count = 0;
  for (std::uint64_t step = 0; step < 10; ++step)
    for (std::uint32_t slot = 0; slot < 8; ++slot)
      for (Index layer : {0, 1})
        for (const auto pass : {codes::PassKind::kForward, codes::PassKind::kBackward})
          for (std::uint32_t attempt : {0U, 1U, 2U}) {
            TapPoint point = point_of(Stage::kProduct, step, slot);
            point.layer = layer;
            point.pass = pass;
            point.attempt = attempt;
            const bool hit = hits(*injector, point);
            count += hit;
            EXPECT_TRUE(!hit || (step == 5 && slot == 4 && layer == 1 && attempt == 0));
          }
  EXPECT_EQ(count, 1);
  ASSERT_EQ(injector->injections().size(), 1U);
  const Injection& fault = injector->injections().front();
  EXPECT_EQ(fault.row, 6);
  EXPECT_EQ(fault.col, 1);
  EXPECT_EQ(fault.bit, 12U);
  EXPECT_EQ(fault.count, 1);
}

TEST_F(InjectorLaws, AStickyFaultIsThereAgainAtEveryRecomputation) {
  for (const auto& [settings, again] :
       {std::pair{std::string(""), false}, {std::string(":sticky=1"), true}}) {
    const auto injector = make({"product:whole:step=5" + settings});
    Matrix first;
    for (std::uint32_t attempt : {0U, 1U, 2U}) {
      Matrix live = gaussian(1), clean = live;
      TapPoint point = point_of(Stage::kProduct, 5);
      point.attempt = attempt;
      injector->visit(point, live);
      EXPECT_EQ(same_bits(live, clean), attempt > 0 && !again);
      if (attempt == 0) first = live;
      if (again) {
        EXPECT_TRUE(same_bits(live, first)) << "the same fault";
      }
    }
    ASSERT_EQ(injector->injections().size(), again ? 3U : 1U);
    EXPECT_EQ(injector->injections().back().attempt, again ? 2U : 0U);
  }
}

// A peer that doubts itself computes the same attempt again, for itself only.
TEST_F(InjectorLaws, AStickyFaultIsThereAgainInTheSameAttempt) {
  const auto once = make({"product:bitflip:rate=1"}), always = make({"product:bitflip:rate=1:sticky=1"});
  for (const bool again : {false, true}) {
    EXPECT_EQ(hits(*once, point_of(Stage::kProduct, 5)), !again);
    EXPECT_TRUE(hits(*always, point_of(Stage::kProduct, 5)));
  }
}

TEST_F(InjectorLaws, WhatIsSentAgainFromAnEarlierStepIsNoRollback) {
  const auto injector = make({"contribution:bitflip:rate=1", "product:bitflip:rate=1"});
  EXPECT_TRUE(hits(*injector, point_of(Stage::kContribution, 4)));
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 5)));
  EXPECT_FALSE(hits(*injector, point_of(Stage::kContribution, 4)));
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 5, 4)));
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 6)));
}

TEST_F(InjectorLaws, AStepAfterARollbackIsARecomputation) {
  const auto once = make({"product:bitflip:rate=1"}), always = make({"product:bitflip:rate=1:sticky=1"});
  for (const std::uint64_t step : {3, 4, 5, 2, 3, 4, 5, 6}) {
    static int at = 0;
    const bool replayed = at >= 3 && at < 7;
    ++at;
    EXPECT_EQ(hits(*once, point_of(Stage::kProduct, step)), !replayed) << step << " " << at;
    EXPECT_TRUE(hits(*always, point_of(Stage::kProduct, step)));
  }
}

// An evaluation carries the number of the step that has not been trained yet.
TEST_F(InjectorLaws, AnEvaluationMakesNoStepARecomputation) {
  const auto injector = make({"product:bitflip:rate=1"});
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 4)));
  TapPoint evaluation = point_of(Stage::kEncode, 5);
  evaluation.training = false;
  EXPECT_FALSE(hits(*injector, evaluation));
  EXPECT_FALSE(hits(*injector, point_of(Stage::kProduct, 3))) << "rolled back";
  EXPECT_FALSE(hits(*injector, point_of(Stage::kProduct, 4)));
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 5)));
}

TEST_F(InjectorLaws, ABrokenMachineIsBrokenAgain) {
  for (const char* spec : {"product:sticky:rate=1:bit=30", "product:badcore:rate=1"}) {
    const auto injector = make({spec}, 3);
    Matrix first, again;
    for (std::uint32_t attempt : {0U, 1U}) {
      Matrix live = gaussian(4);
      for (Index i = 0; i < live.size(); ++i) {  // some of each pattern
        const auto bits = std::bit_cast<std::uint32_t>(live.data()[i]);
        live.data()[i] =
            std::bit_cast<float>((bits & ~0xffU) | static_cast<std::uint32_t>(i * 256 / live.size()));
      }
      TapPoint point = point_of(Stage::kProduct, 5);
      point.attempt = attempt;
      injector->visit(point, live);
      (attempt == 0 ? first : again) = live;
    }
    EXPECT_TRUE(same_bits(first, again)) << spec;
  }
}

TEST_F(InjectorLaws, AStaleBufferIsThatOfTheStepBeforeAtTheSamePlace) {
  const auto injector = make({"product:stale:step=5", "decode:stale:rate=1"});
  for (std::uint64_t step = 0; step < 8; ++step)
    for (std::uint32_t slot : {1U, 2U})
      for (Stage stage : {Stage::kProduct, Stage::kDecode}) {
        const auto value_at = [&](std::uint64_t s) { return gaussian(s * 10 + slot); };
        Matrix live = value_at(step);
        injector->visit(point_of(stage, step, slot), live);
        const bool stale = stage == Stage::kProduct ? step == 5 : step > 0;
        EXPECT_TRUE(same_bits(live, value_at(stale ? step - 1 : step))) << step;
      }
}

TEST_F(InjectorLaws, CorrelatedFaultsStrikeTheirPeersTogether) {
  std::vector<Matrix> errors;
  for (int self = 0; self < 7; ++self) {
    // What else a peer was told makes no difference.
    std::vector<std::string> specs = {"product:correlated:rate=0.3:peers=0+3+5"};
    if (self == 3) specs.insert(specs.begin(), "product:bitflip:rate=0.5:peer=3:step=1000");
    const auto injector = make(specs, 9, self);
    Matrix sum = Matrix::Zero(8, 6);
    for (std::uint64_t step = 0; step < 50; ++step) {
      Matrix live = Matrix::Zero(8, 6);
      injector->visit(point_of(Stage::kProduct, step), live);
      sum += live * static_cast<float>(step + 1);
    }
    errors.push_back(sum);
  }
  EXPECT_GT(errors[0].norm(), 0.0F);
  for (const int self : {3, 5}) EXPECT_EQ(errors[static_cast<std::size_t>(self)], errors[0]);
  for (const int self : {1, 2, 4, 6}) EXPECT_EQ(errors[static_cast<std::size_t>(self)].norm(), 0.0F);
}

TEST_F(InjectorLaws, ASpecMayArriveWhileItRuns) {
  const auto injector = make({});
  for (Stage stage : kAllStages) EXPECT_FALSE(injector->aims_at(0, stage));
  EXPECT_FALSE(hits(*injector, point_of(Stage::kProduct, 0)));
  injector->add(parse_inject_spec("product:bitflip:rate=1").value());
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 1)));
  // The same again is another fault.
  injector->add(parse_inject_spec("product:bitflip:rate=1").value());
  EXPECT_TRUE(hits(*injector, point_of(Stage::kProduct, 2)));
  EXPECT_EQ(injector->injections().size(), 3U);
}

TEST_F(InjectorLaws, ALineSaysModelCountAttemptAndWhereItMustShow) {
  ScratchFolder folder;
  const std::string path = (folder / "injections.jsonl").string();
  {
    const auto injector = make({"product:column:step=5", "contribution:nan:step=5"}, 1, 2, path);
    Matrix live = gaussian(1);
    injector->visit(point_of(Stage::kProduct, 5), live);
    injector->visit(point_of(Stage::kContribution, 5), live);
  }
  std::istringstream lines(read_text(path));
  std::string first, second;
  ASSERT_TRUE(std::getline(lines, first) && std::getline(lines, second));
  const auto column = parse_json(first), lost = parse_json(second);
  EXPECT_EQ(column.at("model"), "column");
  EXPECT_EQ(column.at("count"), 8);
  EXPECT_EQ(column.at("attempt"), 0);
  EXPECT_EQ(column.at("found_step"), 5);
  EXPECT_EQ(column.at("found_slot"), 3);
  EXPECT_EQ(lost.at("class"), "erasure");
  EXPECT_EQ(lost.at("after"), "nan");
}

}  // namespace
}  // namespace polydot::node
