// The injector flips one bit, as often as it was told, where it was told, once, and tells the truth about it.
#include "node/faults/injector.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "node/text/json_text.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using codes::Matrix;
using codes::Stage;
using codes::TapPoint;

constexpr codes::Index kRows = 4, kCols = 3;

std::unique_ptr<Injector> make(const std::vector<std::string>& specs, std::uint64_t seed = 1, int self = 2,
                               const std::string& path = "") {
  return Injector::make(parse_inject_specs(specs).value(), seed, self, path).value();
}

struct Floor {
  Floor() {
    value.threshold = 1.0;  // has been learned, and is of no account
    value.analytic = 1e-6;
    value.locatable = 10.0;
    value.sigma = 2.0;
    value.nu = &nu;
  }
  codes::VectorD nu = codes::VectorD::Constant(kCols, 4.0);
  codes::PublishedFloor value;
};

TapPoint point_of(Stage stage, std::uint64_t step, std::uint32_t slot, const Floor* floor,
                  codes::Index layer = 0) {
  TapPoint point;
  point.stage = stage;
  point.step = step;
  point.slot = slot;
  point.layer = layer;
  point.floor = floor == nullptr ? nullptr : &floor->value;
  return point;
}

Matrix ones() { return Matrix::Constant(kRows, kCols, 1.0F); }

int bits_changed(const Matrix& a, const Matrix& b) {
  int bits = 0;
  for (codes::Index i = 0; i < a.size(); ++i)
    bits +=
        std::popcount(std::bit_cast<std::uint32_t>(a.data()[i]) ^ std::bit_cast<std::uint32_t>(b.data()[i]));
  return bits;
}

TEST(Injector, FlipsExactlyOneBitAndSaysWhich) {
  const auto injector = make({"product:bitflip:rate=1"});
  const Floor floor;
  std::set<unsigned> bits;
  std::set<std::pair<codes::Index, codes::Index>> places;
  for (std::uint64_t step = 0; step < 2000; ++step) {
    Matrix live = ones();
    injector->visit(point_of(Stage::kProduct, step, 7, &floor), live);
    ASSERT_EQ(bits_changed(live, ones()), 1);
    ASSERT_EQ(injector->injections().size(), step + 1);
    const Injection& fault = injector->injections().back();
    EXPECT_EQ(fault.step, step);
    EXPECT_EQ(fault.slot, 7u);
    EXPECT_EQ(fault.before, 1.0F);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(live(fault.row, fault.col)),
              std::bit_cast<std::uint32_t>(fault.after));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(fault.after) ^ std::bit_cast<std::uint32_t>(fault.before),
              std::uint32_t{1} << fault.bit);
    bits.insert(fault.bit);
    places.insert({fault.row, fault.col});
  }
  EXPECT_EQ(bits.size(), 32u);
  EXPECT_EQ(places.size(), static_cast<std::size_t>(kRows * kCols));
}

TEST(Injector, FiresAsOftenAsItsRateSays) {
  constexpr int kVisits = 20'000;
  for (const auto& [text, rate] : {std::pair{"0.01", 0.01}, {"0.2", 0.2}, {"0.9", 0.9}}) {
    const auto injector = make({std::string("product:bitflip:rate=") + text}, 5);
    const Floor floor;
    for (int visit = 0; visit < kVisits; ++visit) {
      Matrix live = ones();
      injector->visit(point_of(Stage::kProduct, static_cast<std::uint64_t>(visit / 5),
                               static_cast<std::uint32_t>(visit % 5), &floor),
                      live);
    }
    const double expected = rate * kVisits, deviation = std::sqrt(expected * (1.0 - rate));
    EXPECT_NEAR(static_cast<double>(injector->injections().size()), expected, 4.0 * deviation)
        << "seed 5, rate " << rate;
  }
}

TEST(Injector, IsAFunctionOfSeedPeerAndPlace) {
  const Floor floor;
  const auto where = [&](std::uint64_t seed, int self, bool others_too) {
    const auto injector = make({"product:bitflip:rate=0.3"}, seed, self);
    std::set<std::tuple<std::uint64_t, std::uint32_t, codes::Index, codes::Index, unsigned>> places;
    for (std::uint64_t step = 0; step < 200; ++step) {
      Matrix live = ones();
      if (others_too) injector->visit(point_of(Stage::kProduct, step, 1, &floor), live);
      injector->visit(point_of(Stage::kProduct, step, 9, &floor), live);
    }
    for (const Injection& fault : injector->injections())
      if (fault.slot == 9) places.insert({fault.step, fault.slot, fault.row, fault.col, fault.bit});
    return places;
  };
  EXPECT_EQ(where(1, 2, false), where(1, 2, false));
  EXPECT_EQ(where(1, 2, false), where(1, 2, true));  // whatever else happens
  EXPECT_NE(where(1, 2, false), where(2, 2, false));
  EXPECT_NE(where(1, 2, false), where(1, 3, false));
}

TEST(Injector, FiresOncePerStepAndPlaceAndNotAgainWhenARoundIsComputedAgain) {
  const auto injector = make({"product:bitflip:rate=1", "weights:bitflip:rate=1"});
  const Floor floor;
  for (std::uint64_t step : {0, 1, 2}) {
    for (std::uint32_t slot : {4, 5, 6}) {
      Matrix first = ones(), again = ones();
      injector->visit(point_of(Stage::kProduct, step, slot, &floor), first);
      injector->visit(point_of(Stage::kProduct, step, slot, &floor), again);
      EXPECT_EQ(bits_changed(first, ones()), 1);
      EXPECT_EQ(bits_changed(again, ones()), 0);
    }
    for (codes::Index shard : {0, 1}) {
      TapPoint point = point_of(Stage::kWeights, step, 4, nullptr);
      point.shard = shard;
      Matrix first = ones(), again = ones();
      injector->visit(point, first);
      injector->visit(point, again);
      EXPECT_EQ(bits_changed(first, ones()), 1);
      EXPECT_EQ(bits_changed(again, ones()), 0);
    }
  }
  EXPECT_EQ(injector->injections().size(), 15u);
}

TEST(Injector, KeepsToItsStepsItsPeerAndItsStage) {
  const Floor floor;
  for (int self = 0; self < 4; ++self) {
    const auto injector = make({"product:bitflip:rate=1:peer=2:steps=10-14"}, 1, self);
    for (std::uint64_t step = 0; step < 30; ++step) {
      Matrix product = ones(), weights = ones(), operand = ones();
      injector->visit(point_of(Stage::kWeights, step, 0, nullptr), weights);
      injector->visit(point_of(Stage::kEncode, step, 0, &floor), operand);
      injector->visit(point_of(Stage::kProduct, step, 0, &floor), product);
      EXPECT_EQ(bits_changed(product, ones()), self == 2 && step >= 10 && step <= 14 ? 1 : 0);
      EXPECT_EQ(bits_changed(weights, ones()) + bits_changed(operand, ones()), 0);
    }
  }
}

TEST(Injector, LeavesEvaluationAlone) {
  const auto injector = make({"product:bitflip:rate=1", "weights:bitflip:rate=1"});
  const Floor floor;
  Matrix live = ones();
  for (Stage stage : {Stage::kProduct, Stage::kWeights}) {
    TapPoint point = point_of(stage, 0, 0, &floor);
    point.training = false;
    injector->visit(point, live);
  }
  EXPECT_EQ(bits_changed(live, ones()), 0);
  EXPECT_TRUE(injector->injections().empty());
}

// 10 thresholds are located for sure, and a threshold may become 8 floors.
FaultClass class_of(double size_over_floor) {
  return size_over_floor < 1.0    ? FaultClass::kBelowFloor
         : size_over_floor < 80.0 ? FaultClass::kNearFloor
                                  : FaultClass::kAboveFloor;
}

// The whitened size over the floor is |change| / (2 * 4 * 1e-6).
TEST(Injector, ClassifiesProductsByTheSizeOfTheChange) {
  const auto injector = make({"product:bitflip:rate=1"});
  const Floor floor;
  std::set<FaultClass> seen;
  for (std::uint64_t step = 0; step < 500; ++step) {
    Matrix live = ones();
    injector->visit(point_of(Stage::kProduct, step, 0, &floor), live);
    const Injection& fault = injector->injections().back();
    const double change = std::abs(static_cast<double>(fault.after) - 1.0);
    if (std::isfinite(change)) {
      EXPECT_NEAR(fault.size_over_floor, change / 8e-6, 1e-9 * change / 8e-6);
    } else {
      EXPECT_TRUE(std::isinf(fault.size_over_floor));
    }
    EXPECT_EQ(fault.fault_class, class_of(fault.size_over_floor)) << "bit " << fault.bit;
    seen.insert(fault.fault_class);
    if (fault.bit >= 23) {  // sign or exponent of 1
      EXPECT_EQ(fault.fault_class, FaultClass::kAboveFloor);
    }
  }
  EXPECT_EQ(seen, (std::set{FaultClass::kBelowFloor, FaultClass::kNearFloor, FaultClass::kAboveFloor}));
}

TEST(Injector, AZerosSignIsMasked) {
  const auto injector = make({"product:bitflip:rate=1"});
  const Floor floor;
  int masked = 0;
  for (std::uint64_t step = 0; step < 500; ++step) {
    Matrix live = Matrix::Zero(kRows, kCols);
    injector->visit(point_of(Stage::kProduct, step, 0, &floor), live);
    const Injection& fault = injector->injections().back();
    if (fault.bit == 31) {
      EXPECT_EQ(fault.fault_class, FaultClass::kMasked);
    }
    if (fault.bit == 30) {  // 2
      EXPECT_EQ(fault.fault_class, FaultClass::kAboveFloor);
    }
    masked += fault.fault_class == FaultClass::kMasked;
  }
  EXPECT_GT(masked, 0);
}

TEST(Injector, WhatIsNotFiniteIsAboveEveryFloor) {
  const auto injector = make({"product:bitflip:rate=1"});
  const Floor floor;
  int infinite = 0;
  for (std::uint64_t step = 0; step < 500; ++step) {
    Matrix live = Matrix::Constant(kRows, kCols, 1.5F);  // bit 30 makes it not a number
    injector->visit(point_of(Stage::kProduct, step, 0, &floor), live);
    const Injection& fault = injector->injections().back();
    if (fault.bit != 30) continue;
    ++infinite;
    EXPECT_FALSE(std::isfinite(fault.after));
    EXPECT_EQ(fault.fault_class, FaultClass::kAboveFloor);
  }
  EXPECT_GT(infinite, 0);
}

// One weight of a 4 x 3 shard is wrong by `delta`; it meets one row of the coded operand forward (its
// column), one backward (its row).
class WrongWeight : public ::testing::Test {
 protected:
  // The operand's entry in the row that the wrong weight meets is `meets`, all others are 1000.
  Injection judged(codes::PassKind pass, float meets) {
    injector_ = make({"weights:bitflip:rate=1:steps=3-3"}, seed_++);
    Matrix weights = ones();
    injector_->visit(point_of(Stage::kWeights, 3, 20, nullptr, 1), weights);
    const Injection fault = injector_->injections().back();
    const bool forward = pass == codes::PassKind::kForward;
    Matrix operand = Matrix::Constant(forward ? kCols : kRows, kCols, 1000.0F);
    operand.row(forward ? fault.col : fault.row).setConstant(meets);
    TapPoint point = point_of(Stage::kEncode, 3, forward ? 20 : 21, &floor_, 1);
    point.pass = pass;
    injector_->visit(point, operand);
    return injector_->injections().back();
  }
  Floor floor_;
  std::unique_ptr<Injector> injector_;
  std::uint64_t seed_ = 100;
};

TEST_F(WrongWeight, IsJudgedByTheRowOfTheOperandThatItMeets) {
  for (codes::PassKind pass : {codes::PassKind::kForward, codes::PassKind::kBackward})
    for (int trial = 0; trial < 100; ++trial) {
      const Injection fault = judged(pass, 0.5F);
      const double change = std::abs(static_cast<double>(fault.after) - static_cast<double>(fault.before));
      if (!std::isfinite(change)) continue;
      EXPECT_NEAR(fault.size_over_floor, change * 0.5 / 8e-6, 1e-6 * change / 8e-6);
      if (fault.size_over_floor > 0.0) {
        EXPECT_EQ(fault.fault_class, class_of(fault.size_over_floor));
      }
      EXPECT_EQ(fault.slot, 20u);
      if (fault.fault_class != FaultClass::kMasked) {
        EXPECT_EQ(fault.found_slot, pass == codes::PassKind::kForward ? 20u : 21u);
      }
    }
}

TEST_F(WrongWeight, ThatMeetsOnlyZerosIsMasked) {
  for (int trial = 0; trial < 100; ++trial) {
    const Injection fault = judged(codes::PassKind::kForward, 0.0F);
    if (std::isfinite(fault.after)) {
      EXPECT_EQ(fault.fault_class, FaultClass::kMasked);
    }
  }
}

// Forward the flip is 80 floors or more, which are located for sure; backward more, of 8 millions.
TEST_F(WrongWeight, IsPlacedInThePassThatIsSureToShowIt) {
  Floor deaf;
  deaf.value.locatable = 1e6;
  int both = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto injector = make({"weights:bitflip:rate=1:steps=3-3"}, seed);
    Matrix weights = ones();
    injector->visit(point_of(Stage::kWeights, 3, 20, nullptr, 1), weights);
    Matrix quiet = Matrix::Constant(kCols, kCols, 0.5F), loud = Matrix::Constant(kRows, kCols, 2.0F);
    injector->visit(point_of(Stage::kEncode, 3, 20, &floor_, 1), quiet);
    TapPoint backward = point_of(Stage::kEncode, 3, 21, &deaf, 1);
    backward.pass = codes::PassKind::kBackward;
    injector->visit(backward, loud);
    const Injection& fault = injector->injections().back();
    const double forward_size = std::abs(static_cast<double>(fault.after) - 1.0) * 0.5 / 8e-6;
    if (!(forward_size >= 80.0 && 4.0 * forward_size < 8e6)) continue;
    ++both;
    EXPECT_EQ(fault.fault_class, FaultClass::kAboveFloor);
    EXPECT_EQ(fault.found_slot, 20u);
    EXPECT_NEAR(fault.size_over_floor, forward_size, 1e-6 * forward_size);
  }
  EXPECT_GT(both, 20);
}

TEST_F(WrongWeight, IsNotJudgedByAnotherLayersOperand) {
  const auto injector = make({"weights:bitflip:rate=1:steps=3-3"});
  Matrix weights = ones(), operand = ones();
  injector->visit(point_of(Stage::kWeights, 3, 20, nullptr, 1), weights);
  injector->visit(point_of(Stage::kEncode, 3, 21, &floor_, 2), operand);
  EXPECT_EQ(injector->injections().back().fault_class, FaultClass::kMasked);
  EXPECT_EQ(injector->injections().back().size_over_floor, 0.0);
}

TEST(Injector, LogsALineForEachInjection) {
  ScratchFolder folder;
  const std::string path = (folder / "injections.jsonl").string();
  const Floor floor;
  std::vector<Injection> truth;
  {
    const auto injector = make({"product:bitflip:rate=0.5", "weights:bitflip:rate=0.5"}, 8, 6, path);
    for (std::uint64_t step = 0; step < 100; ++step) {
      Matrix weights = ones(), operand = ones(), product = ones();
      injector->visit(point_of(Stage::kWeights, step, 3, nullptr, 1), weights);
      injector->visit(point_of(Stage::kEncode, step, 3, &floor, 1), operand);
      injector->visit(point_of(Stage::kProduct, step, 3, &floor, 1), product);
    }
    truth = injector->injections();
  }
  std::istringstream lines(read_text(path));
  std::size_t count = 0;
  for (std::string text; std::getline(lines, text); ++count) {
    const nlohmann::json line = parse_json(text);
    EXPECT_EQ(line.at("peer"), 6);
    const auto same = std::count_if(truth.begin(), truth.end(), [&](const Injection& fault) {
      return line.at("step") == fault.step && line.at("stage") == std::string(name_of(fault.stage)) &&
             line.at("slot") == fault.slot && line.at("layer") == 1 && line.at("pass") == "forward" &&
             line.at("row") == fault.row && line.at("col") == fault.col && line.at("bit") == fault.bit &&
             line.at("class") == name_of(fault.fault_class);
    });
    EXPECT_EQ(same, 1) << text;
    EXPECT_EQ(line.at("before"), 1.0);
    if (line.at("bit") == 30) {
      EXPECT_EQ(line.at("after"), "inf");
    }
    if (line.at("bit") == 31) {
      EXPECT_EQ(line.at("after"), -1.0);
    }
    EXPECT_TRUE(line.contains("size_over_floor") && line.contains("shard"));
  }
  EXPECT_EQ(count, truth.size());
  EXPECT_GT(count, 50u);
}

TEST(Injector, SaysWhenItsLogCannotBeWritten) {
  ScratchFolder folder;
  expect_data_failure(Injector::make({}, 1, 0, (folder / "missing" / "log").string()),
                      {"cannot write", "missing/log"});
}

}  // namespace
}  // namespace polydot::node
