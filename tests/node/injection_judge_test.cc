// Every injection gets the class that what it leads to deserves: computed here once more, the long way, with
// real codes.
#include "node/faults/injection_judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codes/decode/noise_floor.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "node/faults/injector.h"

namespace polydot::node {
namespace {

using codes::Index;
using codes::Matrix;
using codes::PassKind;
using codes::Stage;
using codes::TapPoint;

constexpr Index kOut = 12, kIn = 10, kBatch = 6;
constexpr int kSelf = 3;

Matrix gaussian(Index rows, Index cols, std::uint64_t seed) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  Matrix matrix(rows, cols);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(random.gaussian());
  return matrix;
}

class Judged : public ::testing::TestWithParam<PassKind> {
 protected:
  Judged() {
    nu_ = codes::VectorD::LinSpaced(kBatch, 0.5, 2.0);
    // What has been learned is of no account: here it has gone deaf.
    floor_.threshold = 1e3;
    floor_.analytic = 1e-3;
    floor_.locatable = 10.0;
    floor_.sigma = pass().sigma(kSelf);
    floor_.nu = &nu_;
    scrub_.vector = &scrub_vector_;
    scrub_.weights = {.threshold = 1e3, .analytic = 1e-3, .locatable = 8.0, .sigma = 1.5, .nu = &scrub_nu_};
    scrub_.momentum = {.threshold = 1e3, .analytic = 1e-4, .locatable = 6.0, .sigma = 2.5, .nu = &scrub_nu_};
  }
  const codes::Pass& pass() const { return code_.pass(GetParam()); }
  bool forward() const { return GetParam() == PassKind::kForward; }

  TapPoint point_of(Stage stage, std::uint64_t step) const {
    TapPoint point;
    point.stage = stage;
    point.step = step;
    point.slot = 65540;
    point.layer = 0;
    point.pass = GetParam();
    point.shard = pass().shard;
    if (stage == Stage::kEncode || stage == Stage::kProduct) point.floor = &floor_;
    if (stage == Stage::kEncode) {
      point.code = &pass();
      point.weights = &shard_;
    }
    return point;
  }
  std::unique_ptr<Injector> make(const std::string& spec, std::uint64_t seed) const {
    return Injector::make({parse_inject_spec(spec).value()}, seed, kSelf, "").value();
  }
  Matrix product_of(const Matrix& shard, const Matrix& coded) const {
    Matrix y(forward() ? shard.rows() : shard.cols(), coded.cols());
    codes::multiply(pass(), shard, coded, 0, y.rows(), y);
    return y;
  }
  static double size_of(const Matrix& clean, const Matrix& faulty, const codes::PublishedFloor& floor) {
    double size = 0;
    for (Index c = 0; c < clean.cols(); ++c)
      for (Index r = 0; r < clean.rows(); ++r)
        size = std::max(size, std::abs(static_cast<double>(faulty(r, c)) - static_cast<double>(clean(r, c))) /
                                  floor.sigma / (*floor.nu)(c) / floor.analytic);
    return size;
  }
  static void expect_class(const Injection& fault, double size, double locatable) {
    EXPECT_NEAR(fault.size_over_floor, size, 0.02 * size + 1e-2);  // what rounding does to the long way
    // At the highest threshold that a floor may learn.
    const double sure = codes::NoiseFloor::kCapFactor * locatable;
    const double certain =
        std::min(std::abs(fault.size_over_floor / sure - 1.0), std::abs(fault.size_over_floor - 1.0));
    if (certain > 0.05) {
      EXPECT_EQ(fault.fault_class == FaultClass::kAboveFloor, size > sure) << size;
      EXPECT_EQ(fault.fault_class == FaultClass::kNearFloor, size > 1.0 && size < sure) << size;
      // Rounding may hide a change from the long way, but not one that is there.
      EXPECT_EQ(fault.fault_class == FaultClass::kMasked, fault.size_over_floor == 0) << size;
    }
  }

  codes::ProductCode code_ = codes::make_code("polydot", codes::Grid{2, 2, 1}, 10).value();
  Matrix operand_ = gaussian(forward() ? kIn : kOut, kBatch, 1);
  Matrix shard_ = codes::encode_shard(code_.shards[static_cast<std::size_t>(pass().shard)], kSelf,
                                      gaussian(kOut, kIn, 2));
  Matrix coded_ = codes::encode_operand(pass(), kSelf, operand_);
  Matrix scrub_vector_ = gaussian(forward() ? shard_.cols() : shard_.rows(), 1, 3);
  codes::VectorD nu_, scrub_nu_ = codes::VectorD::Constant(1, 0.75);
  codes::PublishedFloor floor_;
  codes::ScrubPoint scrub_;
};

INSTANTIATE_TEST_SUITE_P(Passes, Judged, ::testing::Values(PassKind::kForward, PassKind::kBackward));

TEST_P(Judged, AWrongCodedOperandByTheProductItGives) {
  for (const std::string model :
       {"bitflip:rate=1", "column:rate=1", "whole:rate=1", "scale:rate=1:factor=1.001"})
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const auto injector = make("encode:" + model, seed);
      Matrix live = coded_;
      injector->visit(point_of(Stage::kEncode, 4), live);
      ASSERT_EQ(injector->injections().size(), 1U);
      const Injection& fault = injector->injections().front();
      const double size = size_of(product_of(shard_, coded_), product_of(shard_, live), floor_);
      if (!live.allFinite() || size > 1e12) continue;
      expect_class(fault, size, floor_.locatable);
      EXPECT_EQ(fault.found_step, 4U);
      EXPECT_EQ(fault.found_slot, 65540U);
    }
}

TEST_P(Judged, AMultipleOfTheFloorIsThatMultiple) {
  for (const std::string stage : {"encode", "product"})
    for (const auto& [times, fault_class] : {std::pair{"0.5", FaultClass::kBelowFloor},
                                             {"2", FaultClass::kNearFloor},
                                             {"70", FaultClass::kNearFloor},
                                             {"90", FaultClass::kAboveFloor}})
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto injector = make(stage + ":floor:rate=1:times=" + times, seed);
        Matrix live = stage == "encode" ? coded_ : product_of(shard_, coded_);
        injector->visit(point_of(stage == "encode" ? Stage::kEncode : Stage::kProduct, 4), live);
        ASSERT_EQ(injector->injections().size(), 1U);
        const double size = injector->injections().front().size_over_floor;
        EXPECT_NEAR(size, std::stod(times), 0.02 * std::stod(times));
        EXPECT_EQ(injector->injections().front().fault_class, fault_class);
      }
}

// Beside the floor: as it is, and over the signal of the column that it is in.
TEST_P(Judged, TheSizeIsAlsoGivenAsItIsAndRelativeToTheSignal) {
  const auto rms = [](const Matrix& product, Index col) {
    return std::sqrt(product.col(col).cast<double>().squaredNorm() / static_cast<double>(product.rows()));
  };
  const Matrix clean = product_of(shard_, coded_);
  for (const Stage stage : {Stage::kProduct, Stage::kEncode, Stage::kWeights})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(std::string(name_of(stage)) + ", seed " + std::to_string(seed));
      const auto injector = make(std::string(name_of(stage)) + ":scale:step=4:factor=3", seed);
      Matrix product = clean, shard = shard_, coded = coded_;
      Matrix& live = stage == Stage::kProduct ? product : stage == Stage::kEncode ? coded : shard;
      TapPoint point = point_of(stage, 4);
      injector->visit(point, live);
      TapPoint next = point_of(Stage::kEncode, 4);
      next.weights = &shard;
      if (stage == Stage::kWeights) injector->visit(next, coded);
      if (stage != Stage::kProduct) product = product_of(shard, coded);
      const Injection& fault = injector->injections().front();
      // Of the element that is largest over the floor, which whitens the columns.
      Index row = 0, col = 0;
      Matrix over = (product - clean).cwiseAbs();
      for (Index c = 0; c < over.cols(); ++c) over.col(c) /= static_cast<float>(nu_(c));
      over.maxCoeff(&row, &col);
      const double size =
          std::abs(static_cast<double>(product(row, col)) - static_cast<double>(clean(row, col)));
      EXPECT_NEAR(fault.size, size, 1e-3 * size + 1e-5);
      EXPECT_NEAR(fault.relative_size, fault.size / rms(clean, col), 1e-3 * fault.relative_size);
    }
}

TEST_P(Judged, AWrongBufferByTheNextOperandThatItLedTo) {
  for (Stage stage : {Stage::kBatch, Stage::kDecode, Stage::kActivation, Stage::kLoss, Stage::kHadamard})
    for (const float error : {1e-5F, 1e-2F, 10.0F}) {
      const auto injector = make(std::string(name_of(stage)) + ":bitflip:step=4", 7);
      Matrix buffer = gaussian(5, 5, 8);
      injector->visit(point_of(stage, 4), buffer);
      Matrix faulty = operand_;
      faulty(3, 2) += error;
      faulty(4, 5) -= error;
      TapPoint told = point_of(stage, 4);
      told.layer = 1;  // of the round
      injector->led_to(told, operand_, faulty);
      TapPoint next = point_of(Stage::kEncode, 4);
      next.slot = 65541;
      Matrix coded = codes::encode_operand(pass(), kSelf, faulty);
      injector->visit(next, coded);
      const Injection& fault = injector->injections().front();
      expect_class(fault, size_of(product_of(shard_, coded_), product_of(shard_, coded), floor_),
                   floor_.locatable);
      EXPECT_EQ(fault.slot, 65540U);
      EXPECT_EQ(fault.found_slot, 65541U);
      EXPECT_EQ(fault.found_step, 4U);
      EXPECT_FALSE(fault.lasting);
    }
}

// Of the two blocks of X a peer's share may hold only one; what is wrong in the other is wrong all the same.
TEST_P(Judged, WhatReachedTheOperandIsNotMasked) {
  codes::Pass half = pass();
  half.operand_encoder(kSelf, 0) = 0.0;
  const auto injector = make("decode:bitflip:step=4", 7);
  Matrix buffer = gaussian(5, 5, 8), faulty = operand_;
  injector->visit(point_of(Stage::kDecode, 4), buffer);
  faulty(0, 0) += 1.0F;
  injector->led_to(point_of(Stage::kDecode, 4), operand_, faulty);
  TapPoint next = point_of(Stage::kEncode, 4);
  next.code = &half;
  injector->visit(next, coded_);
  EXPECT_EQ(injector->injections().front().fault_class, FaultClass::kBelowFloor);
  EXPECT_EQ(injector->injections().front().size_over_floor, 0.0);
}

TEST_P(Judged, WhatLedToNothingIsMaskedAndWhatLedToNoNumberIsAbove) {
  for (const bool led : {false, true}) {
    const auto injector = make("decode:bitflip:step=4", 7);
    Matrix buffer = gaussian(5, 5, 8), faulty = operand_;
    injector->visit(point_of(Stage::kDecode, 4), buffer);
    faulty(0, 0) = std::numeric_limits<float>::quiet_NaN();
    if (led) injector->led_to(point_of(Stage::kDecode, 4), operand_, faulty);
    injector->visit(point_of(Stage::kEncode, 4), coded_);
    injector->visit(point_of(Stage::kEncode, 5), coded_);
    const Injection& fault = injector->injections().front();
    EXPECT_EQ(fault.fault_class, led ? FaultClass::kAboveFloor : FaultClass::kMasked);
    EXPECT_EQ(std::isinf(fault.size_over_floor), led);
  }
}

// The first layer has no round back: its delta leads to an updated shard only, judged in the next step.
TEST_P(Judged, AnUpdatedShardIsJudgedInTheNextStep) {
  for (const float error : {1e-5F, 5e-3F, 1.0F}) {
    const auto injector = make("hadamard:bitflip:step=4", 7);
    Matrix buffer = gaussian(5, 5, 8);
    injector->visit(point_of(Stage::kHadamard, 4), buffer);
    Matrix faulty = shard_;
    faulty(1, 2) += error;
    faulty(0, 3) -= error;
    injector->led_to(point_of(Stage::kHadamard, 4), shard_, faulty);
    injector->visit(point_of(Stage::kEncode, 5), coded_);
    const Injection& fault = injector->injections().front();
    expect_class(fault, size_of(product_of(shard_, coded_), product_of(faulty, coded_), floor_),
                 floor_.locatable);
    EXPECT_EQ(fault.step, 4U);
    EXPECT_EQ(fault.found_step, 5U);
    EXPECT_TRUE(fault.lasting);
  }
}

TEST_P(Judged, AWrongUpdateIsJudgedInTheNextStepAndAWrongWeightInThis) {
  for (const auto& [stage, later] : {std::pair{Stage::kUpdate, 1}, {Stage::kWeights, 0}})
    for (const std::string model : {"row:step=4", "scale:step=4:factor=1.01", "whole:step=4"}) {
      const auto injector = make(std::string(name_of(stage)) + ":" + model, 11);
      Matrix live = shard_;
      TapPoint point = point_of(stage, 4);
      injector->visit(point, live);
      TapPoint next = point_of(Stage::kEncode, 4 + static_cast<std::uint64_t>(later));
      next.slot = 65543;
      injector->visit(next, coded_);
      injector->visit(point_of(Stage::kEncode, 9), coded_);  // too late
      const Injection& fault = injector->injections().front();
      expect_class(fault, size_of(product_of(shard_, coded_), product_of(live, coded_), floor_),
                   floor_.locatable);
      EXPECT_EQ(fault.found_step, next.step);
      EXPECT_EQ(fault.found_slot, next.slot);
      EXPECT_TRUE(fault.lasting);
    }
}

// After the last step only an evaluation reads the shard; before that it has no say.
TEST_P(Judged, WhatNoTrainingRoundReadsAnyMoreIsJudgedByTheEvaluation) {
  for (const bool last : {true, false}) {
    const auto injector = make("update:whole:step=4", 11);
    Matrix live = shard_;
    injector->visit(point_of(Stage::kUpdate, 4), live);
    TapPoint evaluation = point_of(Stage::kEncode, 5);
    evaluation.training = false;
    evaluation.slot = 3;
    Matrix loud = 100.0F * coded_;
    injector->visit(evaluation, loud);
    EXPECT_EQ(loud, Matrix(100.0F * coded_));
    if (!last) injector->visit(point_of(Stage::kEncode, 5), coded_);
    injector->visit(point_of(Stage::kEncode, 9), coded_);  // too late
    const Injection& fault = injector->injections().front();
    const Matrix& read = last ? loud : coded_;
    expect_class(fault, size_of(product_of(shard_, read), product_of(live, read), floor_), floor_.locatable);
    EXPECT_EQ(fault.found_step, 5U);
    EXPECT_EQ(fault.found_slot, last ? 3U : 65540U);
  }
}

TEST_P(Judged, TheScrubSeesWhatNoProductShows) {
  const auto scrubbed = [&](const Matrix& before, const Matrix& after, const codes::PublishedFloor& floor) {
    return size_of(product_of(before, scrub_vector_), product_of(after, scrub_vector_), floor);
  };
  for (const auto& [stage, floor] :
       {std::pair{Stage::kWeights, &scrub_.weights}, {Stage::kOptimizer, &scrub_.momentum}}) {
    for (const bool rides : {true, false}) {
      const auto injector = make(std::string(name_of(stage)) + ":bitflip:step=4:bit=21:row=1:col=2", 11);
      Matrix live = shard_;
      injector->visit(point_of(stage, 4), live);
      TapPoint next = point_of(Stage::kEncode, 4);
      if (rides) next.scrub = &scrub_;
      Matrix zeros = Matrix::Zero(coded_.rows(), coded_.cols());
      injector->visit(next, zeros);
      injector->visit(point_of(Stage::kEncode, 9), coded_);
      const Injection& fault = injector->injections().front();
      if (rides)
        expect_class(fault, scrubbed(shard_, live, *floor), floor->locatable);
      else
        EXPECT_EQ(fault.fault_class,
                  stage == Stage::kWeights ? FaultClass::kMasked : FaultClass::kBelowFloor);
    }
  }
}

TEST_P(Judged, AfterTheChecksumItIsAnErasure) {
  const auto injector = make("contribution:bitflip:rate=1:bit=30", 1);
  Matrix live = product_of(shard_, coded_);
  injector->visit(point_of(Stage::kContribution, 4), live);
  EXPECT_EQ(injector->injections().front().fault_class, FaultClass::kErasure);
}

}  // namespace
}  // namespace polydot::node
