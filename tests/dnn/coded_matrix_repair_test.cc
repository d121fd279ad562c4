// The law of superposition: lines that were set to zero or to noise (or had drifted) at one boundary and are
// given their right values of that boundary at any later one are what they would be had they never been
// wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <utility>

#include "codes/kernels/encode.h"
#include "dnn/coded/coded_matrix.h"
#include "dnn/operations/random.h"
#include "tests/dnn/test_codes.h"

namespace polydot::dnn {
namespace {

using codes::Meanwhile;
using codes::ShardPart;
using testing::CodeChoice;
using testing::kCodeChoices;

constexpr Index kRows = 17, kCols = 14, kBatch = 5;
constexpr double kTolerance = 1e-6;  // relative to the shard; 1.4e-7 is seen

Matrix random_matrix(Index rows, Index cols, Random& random) {
  Matrix m(rows, cols);
  for (float& value : m.reshaped()) value = static_cast<float>(random.gaussian());
  return m;
}

struct Step {
  Matrix d, x;
  UpdateTerms terms;
};

// A schedule of random rates, clip factors and decays.
std::vector<Step> random_steps(std::size_t count, bool has_momentum, Random& random) {
  std::vector<Step> steps;
  const double mu = has_momentum ? 0.5 + 0.49 * random.uniform() : 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    Step step{random_matrix(kRows, kBatch, random), random_matrix(kCols, kBatch, random), {}};
    step.terms.learning_rate = 0.001 + 0.05 * random.uniform();
    step.terms.momentum = mu;
    step.terms.weight_decay = random.below(2) == 0 ? 0.0 : 0.2 * random.uniform();
    step.terms.clip_factor = random.below(2) == 0 ? 1.0 : 0.1 + 0.9 * random.uniform();
    steps.push_back(std::move(step));
  }
  return steps;
}

void update(CodedMatrix& matrix, const std::vector<Step>& steps, std::size_t first, std::size_t last) {
  for (std::size_t k = first; k < last; ++k) matrix.update(steps[k].d, steps[k].x, steps[k].terms);
}

double relative(const Matrix& a, const Matrix& wanted) {
  return wanted.size() == 0 ? 0.0 : static_cast<double>((a - wanted).norm() / wanted.norm());
}

// Overwrites the lines of a part, as a fault might.
void spoil(CodedMatrix& matrix, const ShardPart& part, bool columns, float garbage) {
  const auto spoil_state = [&](Matrix& state) {
    if (part.lines.empty()) state.setConstant(garbage);
    for (const std::uint32_t line : part.lines) {
      if (columns)
        state.col(line).setConstant(garbage);
      else
        state.row(line).setConstant(garbage);
    }
  };
  if (part.weights) spoil_state(matrix.shard(part.shard).weights);
  if (part.momentum) spoil_state(matrix.shard(part.shard).velocity);
}

void copy_line(const ShardState& from, std::uint32_t line, bool columns, ShardState& to) {
  if (columns) {
    to.weights.col(line) = from.weights.col(line);
    if (to.velocity.size() > 0) to.velocity.col(line) = from.velocity.col(line);
  } else {
    to.weights.row(line) = from.weights.row(line);
    if (to.velocity.size() > 0) to.velocity.row(line) = from.velocity.row(line);
  }
}

struct States {
  bool weights, momentum;
};

class RepairLaw : public ::testing::TestWithParam<CodeChoice> {
 protected:
  RepairLaw() { std::cout << "seed 11\n"; }

  std::uint32_t line_count(const CodedMatrix& matrix, Index shard) const {
    const Matrix& weights = matrix.shard(shard).weights;
    return static_cast<std::uint32_t>(by_columns(shard) ? weights.cols() : weights.rows());
  }
  bool by_columns(Index shard) const { return codes::first_pass(code_, shard).transposed; }
  // All lines, one or several.
  std::vector<std::uint32_t> random_lines(std::uint32_t count) {
    std::vector<std::uint32_t> lines;
    if (random_.below(3) == 0) return lines;
    for (std::uint32_t line = 0; line < count; ++line)
      if (random_.below(3) == 0) lines.push_back(line);
    if (lines.empty()) lines.push_back(static_cast<std::uint32_t>(random_.below(count)));
    return lines;
  }
  std::vector<States> states(bool has_momentum) const {
    if (!has_momentum) return {{true, false}};
    return {{true, false}, {false, true}, {true, true}};
  }
  template <typename Body>
  void for_each_case(Body body) {
    for (Index shard = 0; shard < static_cast<Index>(code_.shards.size()); ++shard)
      for (const bool has_momentum : {true, false})
        for (const States states : states(has_momentum))
          for (int trial = 0; trial < 4; ++trial) {
            SCOPED_TRACE(::testing::Message() << "shard " << shard << " weights " << states.weights
                                              << " momentum " << states.momentum << " trial " << trial);
            const auto peer = static_cast<Index>(random_.below(static_cast<std::uint64_t>(code_.peers())));
            const CodedMatrix matrix(code_, peer, random_matrix(kRows, kCols, random_), has_momentum);
            ShardPart part;
            part.shard = shard;
            part.weights = states.weights;
            part.momentum = states.momentum;
            part.lines = random_lines(line_count(matrix, shard));
            body(matrix, part);
          }
  }

  const codes::ProductCode code_ = testing::make(GetParam());
  Random random_{11, RandomStream::kFaults, 0};
};

TEST_P(RepairLaw, GarbageOfOneBoundaryIsPutRightAtAnyLaterOne) {
  constexpr float kGarbage[] = {std::numeric_limits<float>::quiet_NaN(), 1e30f, -7.0f,
                                std::numeric_limits<float>::infinity()};
  double worst = 0.0;
  for_each_case([&](const CodedMatrix& initial, const ShardPart& part) {
    CodedMatrix right = initial, repaired = initial;
    const std::size_t boundary = random_.below(4), later = boundary + random_.below(8);
    const auto steps = random_steps(later + 2, right.shard(part.shard).velocity.size() > 0, random_);
    update(right, steps, 0, boundary);
    update(repaired, steps, 0, boundary);
    const Matrix piece = right.capture(part);
    spoil(repaired, part, by_columns(part.shard), kGarbage[random_.below(4)]);
    repaired.begin_repair(part,
                          part.lines.empty() || random_.below(2) == 0 ? Meanwhile::kZero : Meanwhile::kNoise);
    update(right, steps, boundary, later);
    update(repaired, steps, boundary, later);
    ASSERT_TRUE(repaired.complete_repair(part, piece));
    update(right, steps, later, steps.size());
    update(repaired, steps, later, steps.size());
    for (std::size_t s = 0; s < code_.shards.size(); ++s) {
      const ShardState& is = repaired.shards()[s];
      const ShardState& wanted = right.shards()[s];
      worst = std::max({worst, relative(is.weights, wanted.weights), relative(is.velocity, wanted.velocity)});
      ASSERT_LT(relative(is.weights, wanted.weights), kTolerance) << "after " << later - boundary;
      ASSERT_LT(relative(is.velocity, wanted.velocity), kTolerance) << "after " << later - boundary;
    }
  });
  std::cout << "  worst " << worst << "\n";
}

TEST_P(RepairLaw, CleaningRemovesDriftAndLeavesTheRest) {
  for_each_case([&](const CodedMatrix& initial, const ShardPart& part) {
    CodedMatrix right = initial, cleaned = initial;
    const std::size_t boundary = 1 + random_.below(4), later = boundary + random_.below(8);
    const auto steps = random_steps(later, right.shard(part.shard).velocity.size() > 0, random_);
    update(right, steps, 0, boundary);
    update(cleaned, steps, 0, boundary);
    const auto drift = [&](Matrix& state) {
      const float size = 1e-5f * state.norm() / std::sqrt(static_cast<float>(state.size()));
      state += size * random_matrix(state.rows(), state.cols(), random_);
    };
    // The lines of the part drift, the others are right.
    const Matrix piece = right.capture(part);
    ShardState drifted = cleaned.shard(part.shard);
    if (part.weights) drift(drifted.weights);
    if (part.momentum) drift(drifted.velocity);
    ShardState& state = cleaned.shard(part.shard);
    for (std::uint32_t line = 0; line < line_count(initial, part.shard); ++line)
      if (part.lines.empty() || std::binary_search(part.lines.begin(), part.lines.end(), line))
        copy_line(drifted, line, by_columns(part.shard), state);
    CodedMatrix left = cleaned;
    cleaned.begin_repair(part, Meanwhile::kAsIs);
    EXPECT_EQ(cleaned.shard(part.shard).weights, left.shard(part.shard).weights) << "keep was not kept";
    update(right, steps, boundary, later);
    update(cleaned, steps, boundary, later);
    update(left, steps, boundary, later);
    const auto off = [&](const CodedMatrix& matrix) {
      return relative(matrix.shard(part.shard).weights, right.shard(part.shard).weights);
    };
    ASSERT_TRUE(cleaned.complete_repair(part, piece));
    EXPECT_LT(off(cleaned), 1e-6);
    if (part.weights && part.lines.empty()) {
      EXPECT_GT(off(left), 3e-6) << "there was no drift to remove";
    }
  });
}

TEST_P(RepairLaw, CaptureOfTheWholeIsTheShardLineByLine) {
  for_each_case([&](const CodedMatrix& initial, const ShardPart& part) {
    const Matrix piece = initial.capture(part);
    const Index lines = piece.cols() / part.states();
    const ShardState& state = initial.shard(part.shard);
    for (Index k = 0; k < piece.cols(); ++k) {
      const Matrix& from = part.weights && k < lines ? state.weights : state.velocity;
      const Index line = part.lines.empty()
                             ? k % lines
                             : static_cast<Index>(part.lines[static_cast<std::size_t>(k % lines)]);
      EXPECT_EQ(piece.col(k),
                by_columns(part.shard) ? Matrix(from.col(line)) : Matrix(from.row(line).transpose()));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Codes, RepairLaw, ::testing::ValuesIn(kCodeChoices),
                         [](const auto& tested) { return testing::label(tested.param); });

class Repairing : public ::testing::Test {
 protected:
  const codes::ProductCode code_ = testing::make({"polydot", {2, 2, 1}, 10});
  Random random_{12, RandomStream::kFaults, 0};
  CodedMatrix matrix_{code_, 3, random_matrix(kRows, kCols, random_), true};
};

TEST_F(Repairing, WithoutABeginningNothingIsCompleted) {
  ShardPart part;
  const Matrix piece = matrix_.capture(part), before = matrix_.shard(0).weights;
  EXPECT_FALSE(matrix_.complete_repair(part, piece));
  EXPECT_EQ(matrix_.shard(0).weights, before);
  matrix_.begin_repair(part, Meanwhile::kZero);
  EXPECT_TRUE(matrix_.complete_repair(part, piece));
  EXPECT_FALSE(matrix_.complete_repair(part, piece)) << "twice";
  ShardPart other = part;
  other.lines = {1};
  matrix_.begin_repair(other, Meanwhile::kZero);
  EXPECT_FALSE(matrix_.complete_repair(part, piece)) << "of other lines";
}

TEST_F(Repairing, ASecondBeginningDropsTheFirst) {
  ShardPart first, second;
  first.lines = {1, 2};
  second.lines = {1, 2, 4};
  const CodedMatrix right = matrix_;
  matrix_.begin_repair(first, Meanwhile::kZero);
  matrix_.begin_repair(second, Meanwhile::kZero);
  EXPECT_FALSE(matrix_.complete_repair(first, right.capture(first)));
  EXPECT_TRUE(matrix_.complete_repair(second, right.capture(second)));
  EXPECT_EQ(matrix_.shard(0).weights, right.shard(0).weights);
}

// Of another boundary than the first: what was added is that of the second.
TEST_F(Repairing, TheLaterBoundaryCounts) {
  ShardPart part;
  part.momentum = true;
  part.lines = {0, 3};
  CodedMatrix right = matrix_;
  const auto steps = random_steps(9, true, random_);
  matrix_.begin_repair(part, Meanwhile::kZero);
  update(matrix_, steps, 0, 4);
  update(right, steps, 0, 4);
  matrix_.begin_repair(part, Meanwhile::kZero);
  const Matrix piece = right.capture(part);
  update(matrix_, steps, 4, 9);
  update(right, steps, 4, 9);
  EXPECT_TRUE(matrix_.complete_repair(part, piece));
  EXPECT_LT(relative(matrix_.shard(0).weights, right.shard(0).weights), kTolerance);
  EXPECT_LT(relative(matrix_.shard(0).velocity, right.shard(0).velocity), kTolerance);
}

// Copies of one block: what two of them hold alike outvotes a third.
TEST_F(Repairing, TwoPeersThatMendTheSameLinesDoNotHoldTheSame) {
  const codes::ProductCode copies = testing::make({"replication", {1, 2, 1}, 8});
  const Matrix initial = random_matrix(kRows, kCols, random_);
  CodedMatrix first(copies, 0, initial, true), second(copies, 2, initial, true);
  const auto steps = random_steps(2, true, random_);
  for (CodedMatrix* one : {&first, &second}) update(*one, steps, 0, 2);
  ASSERT_EQ(first.shard(0).weights, second.shard(0).weights);
  ShardPart part;
  part.momentum = true;
  part.lines = {1, 5};
  const Matrix right = first.capture(part);
  const auto unlike = [&](const Matrix& a, const Matrix& b) {
    for (Index k = 0; k < a.cols(); ++k) {
      EXPECT_GT((a.col(k) - b.col(k)).norm(), 0.3f * right.col(k).norm()) << k;
      EXPECT_LT(a.col(k).norm(), 3.0f * right.col(k).norm()) << k << " is no line like the others";
    }
  };
  for (CodedMatrix* one : {&first, &second}) {
    one->begin_repair(part, Meanwhile::kNoise);
    unlike(one->capture(part), right);
  }
  unlike(first.capture(part), second.capture(part));
}

TEST_F(Repairing, ARestartForgetsIt) {
  ShardPart part;
  const Matrix piece = matrix_.capture(part);
  matrix_.begin_repair(part, Meanwhile::kZero);
  matrix_.restart(nullptr);
  EXPECT_FALSE(matrix_.complete_repair(part, piece));
  EXPECT_TRUE(matrix_.shard(0).weights.isZero(0.0f));
  EXPECT_TRUE(matrix_.shard(0).velocity.isZero(0.0f));
}

}  // namespace
}  // namespace polydot::dnn
