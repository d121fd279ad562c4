// The law of recomputation: whatever wrong a peer made of a decoded product, made anew from that product it
// is to the bit what a peer without faults has, and the step ends as there.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <string>

#include "dnn/coded/training_program.h"
#include "tests/dnn/synthetic_data.h"
#include "tests/dnn/test_codes.h"

namespace polydot::dnn::testing {
namespace {

using codes::PassKind;
using codes::RoundRequest;
using codes::Stage;
using codes::TapPoint;

constexpr std::uint64_t kStep = 2;

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

// One wrong value, or all, at a stage of a layer in step kStep; not when it is done again.
class Faults : public codes::FaultTap {
 public:
  Faults(Stage stage, PassKind pass, Index layer, float garbage, bool whole)
      : stage_(stage), pass_(pass), layer_(layer), garbage_(garbage), whole_(whole) {}
  void visit(const TapPoint& point, Eigen::Ref<Matrix> live) override {
    if (point.stage != stage_ || point.step != kStep || point.layer != layer_ || point.pass != pass_) return;
    ++visits;
    if (point.attempt > 0) return;
    if (whole_)
      live.setConstant(garbage_);
    else
      live(live.rows() / 2, live.cols() - 1) += garbage_;
  }
  int visits = 0;

 private:
  Stage stage_;
  PassKind pass_;
  Index layer_;
  float garbage_;
  bool whole_;
};

class RecomputeOperand : public ::testing::Test {
 protected:
  RecomputeOperand() {
    plan_.network = *make_mlp(8, {6, 5}, 3, ActivationKind::kSmelu, LossKind::kCrossEntropy);
    plan_.optimizer.clip_norm = 0.5;
    plan_.optimizer.weight_decay = 0.01;
  }
  TrainingProgram program(codes::FaultTap* tap) const {
    return TrainingProgram(code_, 3, plan_, train_, test_, tap, nullptr);
  }
  // What a round might decode to, the same for the same round.
  static Matrix product_of(const RoundRequest& request) {
    Random random(7, RandomStream::kFaults, request.key.step << 32 | request.key.slot);
    Matrix product(request.result_rows(), request.batch());
    for (float& value : product.reshaped()) value = static_cast<float>(random.gaussian());
    return product;
  }
  void expect_same_state(const TrainingProgram& a, const TrainingProgram& b) const {
    for (Index l = 0; l < a.layer_count(); ++l)
      for (Index s = 0; s < a.layer(l).shard_count(); ++s) {
        EXPECT_TRUE(same_bits(a.layer(l).shard(s).weights, b.layer(l).shard(s).weights)) << "layer " << l;
        EXPECT_TRUE(same_bits(a.layer(l).shard(s).velocity, b.layer(l).shard(s).velocity)) << "layer " << l;
      }
  }

  TrainingPlan plan_{
      .network = {}, .optimizer = {}, .batch = 4, .seed = 5, .total_steps = 6, .eval_batch = 3};
  const Dataset train_ = synthetic_data(8, 10, 3, 1);
  const Dataset test_ = synthetic_data(8, 7, 3, 2);
  const codes::ProductCode code_ = make({"polydot", {2, 2, 1}, 10});
};

// Every round's operand made anew, once and twice, where nothing is wrong: evaluations, first rounds, all.
TEST_F(RecomputeOperand, OfARightStepChangesNothing) {
  TrainingProgram clean = program(nullptr), again = program(nullptr);
  Matrix before;
  std::map<std::string, int> rounds;
  while (true) {
    const auto wanted = clean.next_round(), request = again.next_round();
    ASSERT_EQ(wanted.has_value(), request.has_value());
    if (!wanted) break;
    for (int times = 0; times < 2; ++times)
      ASSERT_TRUE(same_bits(*again.recompute_operand(before), *wanted->operand))
          << "step " << wanted->key.step << " slot " << wanted->key.slot;
    ++rounds[(wanted->training ? wanted->pass == PassKind::kForward ? "forward " : "backward "
                               : "evaluation ") +
             std::to_string(wanted->layer)];
    before = product_of(*wanted);
    clean.deliver(before);
    again.deliver(before);
  }
  EXPECT_EQ(rounds.size(), 3u + 3u + 2u);
  expect_same_state(clean, again);
}

struct Case {
  Stage stage;
  PassKind pass;
  Index layer;
  std::uint32_t round;  // of the step, from 0: whose operand is wrong first
};
// Rounds of a step: forward 0, 1, 2, backward 2, 1.
constexpr PassKind kForward = PassKind::kForward, kBackward = PassKind::kBackward;
constexpr Case kCases[] = {
    {Stage::kBatch, kForward, 0, 0},      {Stage::kDecode, kForward, 0, 1},
    {Stage::kDecode, kForward, 1, 2},     {Stage::kDecode, kForward, 2, 3},
    {Stage::kActivation, kForward, 0, 1}, {Stage::kActivation, kForward, 1, 2},
    {Stage::kLoss, kForward, 2, 3},       {Stage::kDecode, kBackward, 2, 4},
    {Stage::kHadamard, kBackward, 1, 4},
};

TEST_F(RecomputeOperand, OfAFaultyStepGivesWhatACleanOneHas) {
  for (const Case& one : kCases)
    for (const float garbage : {3.0f, 1e30f, std::numeric_limits<float>::quiet_NaN()})
      for (const bool whole : {false, true}) {
        SCOPED_TRACE(::testing::Message() << "stage " << static_cast<int>(one.stage) << " layer " << one.layer
                                          << " garbage " << garbage << (whole ? " whole" : ""));
        Faults tap(one.stage, one.pass, one.layer, garbage, whole);
        TrainingProgram clean = program(nullptr), faulty = program(&tap);
        Matrix before;
        int wrong = 0;
        while (true) {
          const auto wanted = clean.next_round(), request = faulty.next_round();
          ASSERT_EQ(wanted.has_value(), request.has_value());
          if (!wanted) break;
          if (!same_bits(*request->operand, *wanted->operand)) {
            ++wrong;
            ASSERT_EQ(request->key.step, kStep);
            ASSERT_EQ(request->key.slot, kTrainingSlotBase + one.round);
            ASSERT_TRUE(same_bits(*faulty.recompute_operand(before), *wanted->operand));
          }
          before = product_of(*wanted);
          clean.deliver(before);
          faulty.deliver(before);
        }
        EXPECT_EQ(wrong, 1) << "the step went on with something wrong, or never was";
        EXPECT_GE(tap.visits, 2);
        expect_same_state(faulty, clean);
      }
}

// And not put right, it does matter.
TEST_F(RecomputeOperand, WithoutItTheStepEndsWrong) {
  for (const Case& one : kCases) {
    Faults tap(one.stage, one.pass, one.layer, 3.0f, false);
    TrainingProgram clean = program(nullptr), faulty = program(&tap);
    while (clean.steps_done() <= kStep) {
      const auto wanted = clean.next_round(), request = faulty.next_round();
      clean.deliver(product_of(*wanted));
      faulty.deliver(product_of(*wanted));
    }
    bool differ = false;
    for (Index l = 0; l < clean.layer_count(); ++l)
      differ |= !same_bits(clean.layer(l).shard(0).weights, faulty.layer(l).shard(0).weights);
    EXPECT_TRUE(differ) << "stage " << static_cast<int>(one.stage) << " layer " << one.layer;
  }
}

}  // namespace
}  // namespace polydot::dnn::testing
