// Each model changes what it says, reports every change, and nothing else.
#include "node/config/fault_models.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

namespace polydot::node {
namespace {

using codes::Index;
using codes::Matrix;
using Changes = std::vector<ElementChange>;

constexpr Index kRows = 40, kCols = 30;

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

Matrix gaussian(std::uint64_t seed, double size = 1.0) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  Matrix matrix(kRows, kCols);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(size * random.gaussian());
  return matrix;
}

InjectSpec spec_of(const std::string& model_and_settings) {
  return parse_inject_spec("product:" + model_and_settings).value();
}

struct Outcome {
  Matrix before, after;
  Changes changes;
};

// The buffer before and after; the report must be exactly what differs.
Outcome apply(const InjectSpec& spec, std::uint64_t seed, Matrix live = gaussian(1),
              std::uint64_t machine = 5, const Matrix* earlier = nullptr) {
  dnn::Random random(seed, dnn::RandomStream::kFaults, 0);
  FaultDraw draw{.spec = spec, .random = random, .machine_seed = machine, .earlier = earlier};
  draw.one_floor = [](Index, Index col) { return 0.5 + static_cast<double>(col); };
  Outcome outcome{.before = live, .after = {}, .changes = apply_fault(draw, live)};
  outcome.after = live;
  std::set<std::pair<Index, Index>> reported;
  for (const ElementChange& change : outcome.changes) {
    EXPECT_EQ(bits_of(change.before), bits_of(outcome.before(change.row, change.col)));
    EXPECT_EQ(bits_of(change.after), bits_of(outcome.after(change.row, change.col)));
    EXPECT_NE(bits_of(change.before), bits_of(change.after));
    EXPECT_TRUE(reported.emplace(change.row, change.col).second);
  }
  for (Index c = 0; c < live.cols(); ++c)
    for (Index r = 0; r < live.rows(); ++r)
      if (!reported.contains({r, c})) {
        EXPECT_EQ(bits_of(outcome.before(r, c)), bits_of(outcome.after(r, c)));
      }
  return outcome;
}

// The one element that model changes, for many seeds.
template <typename Expect>
void on_one_element(const std::string& text, Expect expect) {
  std::set<std::pair<Index, Index>> places;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Outcome outcome = apply(spec_of(text), seed);
    ASSERT_EQ(outcome.changes.size(), 1U) << text << " " << seed;
    const ElementChange& change = outcome.changes.front();
    places.emplace(change.row, change.col);
    expect(change);
  }
  EXPECT_GT(places.size(), 100U) << text;
}

TEST(FaultModels, OneElementBecomesWhatTheModelSays) {
  on_one_element("bitflip:rate=1", [](const ElementChange& change) {
    EXPECT_EQ(std::popcount(bits_of(change.before) ^ bits_of(change.after)), 1);
  });
  on_one_element("bitflip:rate=1:bit=30", [](const ElementChange& change) {
    EXPECT_EQ(bits_of(change.before) ^ bits_of(change.after), 1U << 30);
  });
  on_one_element("kbits:rate=1:bits=5", [](const ElementChange& change) {
    EXPECT_EQ(std::popcount(bits_of(change.before) ^ bits_of(change.after)), 5);
  });
  on_one_element("random:rate=1",
                 [](const ElementChange& change) { EXPECT_TRUE(std::isfinite(change.after)); });
  on_one_element("zero:rate=1", [](const ElementChange& change) { EXPECT_EQ(bits_of(change.after), 0U); });
  on_one_element("nan:rate=1", [](const ElementChange& change) { EXPECT_TRUE(std::isnan(change.after)); });
  on_one_element("inf:rate=1", [](const ElementChange& change) { EXPECT_TRUE(std::isinf(change.after)); });
  on_one_element("scale:rate=1:factor=-3",
                 [](const ElementChange& change) { EXPECT_FLOAT_EQ(change.after, -3.0F * change.before); });
  on_one_element("floor:rate=1:times=4", [](const ElementChange& change) {
    const double size = std::abs(static_cast<double>(change.after) - static_cast<double>(change.before));
    const double floors = 4.0 * (0.5 + static_cast<double>(change.col));
    EXPECT_NEAR(size, floors, 1e-5 * floors);
  });
  on_one_element("correlated:rate=1:factor=10", [](const ElementChange& change) {
    const double size = std::abs(static_cast<double>(change.after) - static_cast<double>(change.before));
    EXPECT_GE(size, 5.0 - 1e-5);
    EXPECT_LE(size, 20.0 + 1e-5);
  });
}

TEST(FaultModels, TheElementThatIsNamedIsTheOne) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Outcome outcome = apply(spec_of("bitflip:rate=1:row=7:col=9"), seed);
    ASSERT_EQ(outcome.changes.size(), 1U);
    EXPECT_EQ(outcome.changes.front().row, 7);
    EXPECT_EQ(outcome.changes.front().col, 9);
  }
  EXPECT_TRUE(apply(spec_of("bitflip:rate=1:row=40"), 1).changes.empty());
  EXPECT_TRUE(apply(spec_of("row:rate=1:row=40"), 1).changes.empty());
  EXPECT_TRUE(apply(spec_of("column:rate=1:col=30"), 1).changes.empty());
}

TEST(FaultModels, WhatChangesNothingIsNoFault) {
  EXPECT_TRUE(apply(spec_of("zero:rate=1"), 1, Matrix::Zero(kRows, kCols)).changes.empty());
  InjectSpec same = spec_of("scale:rate=1:factor=2");
  same.factor = 1.0;  // cannot be asked for
  EXPECT_TRUE(apply(same, 1).changes.empty());
  EXPECT_TRUE(
      apply(spec_of("floor:rate=1:times=1e-12"), 1, Matrix::Constant(kRows, kCols, 1.0F)).changes.empty());
  // Looked for elsewhere: half of the buffer is zero already.
  Matrix half = gaussian(3);
  half.leftCols(kCols / 2).setZero();
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    EXPECT_EQ(apply(spec_of("zero:rate=1"), seed, half).changes.size(), 1U) << seed;
}

TEST(FaultModels, RowsColumnsAndAllAreReplacedBySomethingAsLarge) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const double size : {1e-3, 1.0, 1e4}) {
      const Matrix live = gaussian(2, size);
      const Outcome row = apply(spec_of("row:rate=1"), seed, live);
      ASSERT_EQ(row.changes.size(), static_cast<std::size_t>(kCols));
      for (const ElementChange& change : row.changes) EXPECT_EQ(change.row, row.changes.front().row);
      const Outcome column = apply(spec_of("column:rate=1"), seed, live);
      ASSERT_EQ(column.changes.size(), static_cast<std::size_t>(kRows));
      for (const ElementChange& change : column.changes) EXPECT_EQ(change.col, column.changes.front().col);
      const Outcome whole = apply(spec_of("whole:rate=1"), seed, live);
      EXPECT_EQ(whole.changes.size(), static_cast<std::size_t>(kRows * kCols));
      const auto norm = static_cast<double>(whole.after.norm());
      EXPECT_NEAR(norm / static_cast<double>(live.norm()), 1.0, 0.2);
    }
  }
  EXPECT_EQ(apply(spec_of("whole:rate=1"), 1, Matrix::Zero(kRows, kCols)).changes.size(),
            static_cast<std::size_t>(kRows * kCols));
}

TEST(FaultModels, StaleIsTheEarlierBufferToTheBit) {
  const Matrix earlier = gaussian(9);
  const Outcome outcome = apply(spec_of("stale:rate=1"), 1, gaussian(1), 5, &earlier);
  EXPECT_EQ(outcome.after, earlier);
  EXPECT_TRUE(apply(spec_of("stale:rate=1"), 1).changes.empty());
  const Matrix narrow = gaussian(9).leftCols(3);
  EXPECT_TRUE(apply(spec_of("stale:rate=1"), 1, gaussian(1), 5, &narrow).changes.empty());
}

TEST(FaultModels, AStickyElementIsTheSameAtEveryVisitAndItsBitIsSet) {
  std::set<std::pair<Index, Index>> places;
  int unchanged = 0;
  for (std::uint64_t visit = 0; visit < 40; ++visit) {
    const Outcome outcome = apply(spec_of("sticky:rate=1"), visit, gaussian(visit));
    for (const ElementChange& change : outcome.changes) {
      places.emplace(change.row, change.col);
      EXPECT_EQ(bits_of(change.after), bits_of(change.before) | 1U << 22);
    }
    unchanged += outcome.changes.empty();  // the bit was set
  }
  EXPECT_EQ(places.size(), 1U);
  EXPECT_GT(unchanged, 5);
  EXPECT_LT(unchanged, 35);
  std::set<std::pair<Index, Index>> of_machines;
  for (std::uint64_t machine = 0; machine < 20; ++machine)
    for (const ElementChange& change :
         apply(spec_of("sticky:rate=1:bit=30"), 1, gaussian(1), machine).changes)
      of_machines.emplace(change.row, change.col);
  EXPECT_GT(of_machines.size(), 10U);
}

TEST(FaultModels, ABadCoreIsAFunctionOfTheValue) {
  std::size_t hit = 0;
  std::set<std::uint32_t> patterns, flips;
  for (std::uint64_t visit = 0; visit < 40; ++visit) {
    const Outcome outcome = apply(spec_of("badcore:rate=1"), visit, gaussian(visit));
    hit += outcome.changes.size();
    for (const ElementChange& change : outcome.changes) {
      patterns.insert(bits_of(change.before) & 0xff);
      flips.insert(bits_of(change.before) ^ bits_of(change.after));
    }
    if (patterns.size() == 1)
      for (Index i = 0; i < outcome.before.size(); ++i)
        if ((bits_of(outcome.before.data()[i]) & 0xff) == *patterns.begin()) {
          EXPECT_NE(bits_of(outcome.before.data()[i]), bits_of(outcome.after.data()[i]));
        }
  }
  EXPECT_EQ(patterns.size(), 1U);
  EXPECT_EQ(flips.size(), 1U);
  EXPECT_NEAR(static_cast<double>(hit), 40.0 * kRows * kCols / 256.0, 70.0);
}

TEST(FaultModels, CorrelatedErrorsAreTheSameOrProportionalAtAllPeers) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto error_at = [&](const std::string& text, std::uint64_t machine) {
      const Outcome outcome = apply(spec_of(text), seed, gaussian(machine), machine);
      EXPECT_EQ(outcome.changes.size(), 1U);
      return outcome.changes.front();
    };
    const auto size_of = [](const ElementChange& change) {
      return static_cast<double>(change.after) - static_cast<double>(change.before);
    };
    const std::string same = "correlated:rate=1", proportional = "correlated:rate=1:proportional=1";
    const ElementChange first = error_at(same, 1), second = error_at(same, 2);
    EXPECT_EQ(std::pair(first.row, first.col), std::pair(second.row, second.col));
    EXPECT_NEAR(size_of(first), size_of(second), 1e-5);
    const ElementChange third = error_at(proportional, 1), fourth = error_at(proportional, 2);
    EXPECT_EQ(std::pair(third.row, third.col), std::pair(fourth.row, fourth.col));
    EXPECT_GT(std::abs(size_of(third) - size_of(fourth)), 1e-3);
  }
}

}  // namespace
}  // namespace polydot::node
