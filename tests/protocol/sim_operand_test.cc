// An operand that is wrong at one peer alone sets the scales by which that peer judges the others. It is made
// anew before anything is believed that such scales may hide.
#include <gtest/gtest.h>

#include <limits>

#include "tests/protocol/sim_run.h"

namespace polydot::simulator::testing {
namespace {

using codes::Stage;
using codes::TapPoint;
using LiveMatrix = Eigen::Ref<codes::Matrix>;

constexpr std::uint64_t kStep = 30;
constexpr int kWild = 4, kWrong = 1;

// The training round of layer 1, forward, in step kStep, or what its operand is made of.
bool is_at(const TapPoint& point, Stage stage, Index layer) {
  return point.stage == stage && point.step == kStep && point.layer == layer &&
         point.pass == codes::PassKind::kForward && point.training;
}

// What peer kWild took for checked in step kStep is what peer 0 did.
void expect_same_products(SimRun& run, double tolerance) {
  ASSERT_EQ(run.watch(kWild).products.size(), 5u);
  for (const auto& [slot, product] : run.watch(0).products) {
    const codes::Matrix& taken = run.watch(kWild).products.at(slot);
    EXPECT_LT((taken - product).norm(), tolerance * product.norm()) << "slot " << slot;
    for (Index col = 0; col < product.cols(); ++col)
      EXPECT_LT((taken.col(col) - product.col(col)).norm(), 10 * tolerance * product.col(col).norm())
          << "slot " << slot << ", column " << col;
  }
}

// Only this peer's scales are infinite; everybody else is right, and what it delivers must be too.
TEST(OwnOperand, ThatIsNotFiniteIsMadeAnew) {
  for (const float wild : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    ClusterOptions options = small_training(80);
    FunctionTap tap([&](const TapPoint& point, LiveMatrix live) {
      if (!is_at(point, Stage::kActivation, 0) || point.attempt > 0) return false;
      live(3, 2) = wild;
      return true;
    });
    std::vector<codes::FaultTap*> taps(10, nullptr);
    taps[kWild] = &tap;
    SimRun run(options, taps);
    run.run();
    EXPECT_GE(tap.fired, 1);
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    EXPECT_GE(run.peer(kWild).status().operands_recomputed, 1u);
    EXPECT_EQ(run.peer(kWild).status().rollbacks, 0u);
  }
}

struct WildOperand {
  const char* code;
  codes::Grid grid;
  Index peers;
};
void PrintTo(const WildOperand& one, std::ostream* out) { *out << one.code << " of " << one.peers; }

class WildOperands : public ::testing::TestWithParam<WildOperand> {};

// Finite, but so large that everything else is nothing beside it, while another peer's contribution is wrong
// (seeds 300117 and 300166); then in one column of many, and the other is wrong in that column only. The row
// may belong to a block that this peer's own contribution does not hold.
TEST_P(WildOperands, HideNobodyElsesError) {
  const WildOperand& one = GetParam();
  for (const Index batch : {32, 320})
    for (const float wild : {1e35f, 1e6f, 1e5f, 1e4f, 1e3f})
      for (const Index row : {0, 15}) {
        SCOPED_TRACE(::testing::Message() << "batch " << batch << ", " << wild << " in row " << row);
        ClusterOptions options = small_training(40, code_of(one.code, one.grid, one.peers));
        options.plan.batch = batch;
        FunctionTap own([&](const TapPoint& point, LiveMatrix live) {
          if (!is_at(point, Stage::kActivation, 0) || point.attempt > 0) return false;
          live(row, 2) = wild;
          return true;
        });
        FunctionTap other([&](const TapPoint& point, LiveMatrix live) {
          if (!is_at(point, Stage::kProduct, 1) || point.attempt > 0) return false;
          if (batch == 32)
            live.row(2).array() += 1.0f;
          else
            live(2, 2) += std::min(2.0f, wild * 1e-5f) * live.col(2).norm();
          return true;
        });
        std::vector<codes::FaultTap*> taps(static_cast<std::size_t>(one.peers), nullptr);
        taps[kWild] = &own;
        taps[kWrong] = &other;
        SimRun run(options, taps);
        for (const int p : {0, kWild}) run.watch(p).keep_step = kStep;
        run.run();
        EXPECT_GE(own.fired, 1);
        EXPECT_GE(other.fired, 1);
        run.expect_finished(run.everybody());
        run.expect_reference(run.everybody());
        if (wild > 1e30f) {
          EXPECT_GE(run.peer(kWild).status().operands_recomputed, 1u);
        }
        expect_same_products(run, 1e-4);
      }
}

INSTANTIATE_TEST_SUITE_P(
    EveryCode, WildOperands,
    ::testing::Values(WildOperand{"polydot", {2, 2, 1}, 10}, WildOperand{"polydot", {2, 2, 2}, 14},
                      WildOperand{"polydot", {1, 3, 1}, 9}, WildOperand{"mds", {2, 2, 1}, 10},
                      WildOperand{"replication", {1, 2, 1}, 8}, WildOperand{"replication", {2, 1, 1}, 8}));

// A right operand is doubted, for the own product was wrong; and making it anew is hit.
TEST(OwnOperand, IsStillRightWhenTheDoubtWasWrong) {
  for (const float wild : {1e3f, 1e6f, 1e35f}) {
    FunctionTap own([&, remade = 0](const TapPoint& point, LiveMatrix live) mutable {
      if (is_at(point, Stage::kProduct, 1) && point.attempt == 0) live.row(1).array() += 1.0f;
      if (!is_at(point, Stage::kActivation, 0) || point.attempt == 0 || ++remade > 1) return false;
      live(3, 2) = wild;
      return true;
    });
    FunctionTap other([&](const TapPoint& point, LiveMatrix live) {
      if (!is_at(point, Stage::kProduct, 1) || point.attempt > 0) return false;
      live.row(2).array() += 1.0f;
      return true;
    });
    std::vector<codes::FaultTap*> taps(10, nullptr);
    taps[kWild] = &own;
    taps[kWrong] = &other;
    SimRun run(small_training(40), taps);
    for (const int p : {0, kWild}) run.watch(p).keep_step = kStep;
    run.run();
    EXPECT_EQ(own.fired, 1);
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    expect_same_products(run, 1e-4);
    EXPECT_EQ(run.peer(kWild).status().rebuilds + run.peer(kWild).status().repairs, 0u);
  }
}

// All compute again, and what is made anew for that is hit.
TEST(OwnOperand, IsDoubtedAnewInEachAttempt) {
  for (const float wild : {1e3f, 1e6f, 1e35f}) {
    std::vector<std::unique_ptr<FunctionTap>> taps;
    std::vector<codes::FaultTap*> all;
    for (int p = 0; p < 10; ++p) {
      dnn::Random random(77, dnn::RandomStream::kFaults, static_cast<std::uint64_t>(p));
      taps.push_back(
          std::make_unique<FunctionTap>([=, remade = 0](const TapPoint& point, LiveMatrix live) mutable {
            if (p == kWild && is_at(point, Stage::kActivation, 0) && point.attempt > 0 && ++remade >= 2 &&
                remade <= 3) {
              live(3, 2) = wild;
              return true;
            }
            if (!is_at(point, Stage::kProduct, 1)) return false;
            if (point.attempt == 0)
              for (Index k = 0; k < live.size(); ++k)
                live(k % live.rows(), k / live.rows()) += float(random.gaussian());
            if (point.attempt == 1 && p == kWrong) live.row(2).array() += 1.0f;
            return point.attempt == 0 || (point.attempt == 1 && p == kWrong);
          }));
      all.push_back(taps.back().get());
    }
    SimRun run(small_training(40), all);
    for (const int p : {0, kWild}) run.watch(p).keep_step = kStep;
    run.run();
    EXPECT_GE(taps[kWild]->fired, 2);
    run.expect_finished(run.everybody());
    run.expect_reference(run.everybody());
    expect_same_products(run, 1e-4);
  }
}

}  // namespace
}  // namespace polydot::simulator::testing
