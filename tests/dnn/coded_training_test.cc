// Coded against uncoded training: the same plan, the same seed, the same weights at the end.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <vector>

#include "dnn/reference/reference_training.h"
#include "tests/dnn/coded_cluster.h"
#include "tests/dnn/synthetic_data.h"
#include "tests/dnn/test_codes.h"

namespace polydot::dnn::testing {
namespace {

constexpr double kTolerance = 1e-4;

const Dataset& train_data() {
  static const Dataset data = synthetic_data(20, 600, 5, 1);
  return data;
}
const Dataset& test_data() {
  static const Dataset data = synthetic_data(20, 203, 5, 2);
  return data;
}

// 600 samples by 32: the last batch of an epoch has 24. 21, 17 and 13 are divided by no m or n here.
TrainingPlan default_plan(std::uint64_t total_steps) {
  TrainingPlan plan;
  plan.network = *make_mlp(20, {17, 13}, 5, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  plan.batch = 32;
  plan.eval_batch = 50;
  plan.total_steps = total_steps;
  plan.evaluate_each_epoch = false;
  return plan;
}

// Relative Frobenius difference over all weights together.
template <typename A, typename B>
double relative_difference(const std::vector<A>& a, const std::vector<B>& b) {
  double difference = 0, norm = 0;
  for (std::size_t l = 0; l < a.size(); ++l) {
    difference += (a[l].template cast<double>() - b[l].template cast<double>()).squaredNorm();
    norm += b[l].template cast<double>().squaredNorm();
  }
  return std::sqrt(difference / norm);
}

// Trains both ways, expects the same weights from every shard code, and reports what rounding alone does to
// this plan: float against double, both uncoded.
void expect_coded_equals_reference(const CodeChoice& choice, const TrainingPlan& plan,
                                   DecodeFrom decode_from) {
  const codes::ProductCode code = make(choice);
  CodedCluster cluster(code, plan, train_data(), test_data(), decode_from);
  cluster.run();
  Recorder uncoded;
  const Reference<float> reference = train_reference<float>(plan, train_data(), test_data(), &uncoded);
  const Reference<double> wide = train_reference<double>(plan, train_data(), test_data(), nullptr);
  const std::vector<Matrix> initial = initial_weights(plan.network, plan.seed);
  ASSERT_GT(relative_difference(initial, reference.weights()), 0.05) << "nothing was learned";
  for (std::size_t s = 0; s < code.shards.size(); ++s) {
    std::vector<Matrix> coded;
    for (std::size_t l = 0; l < initial.size(); ++l)
      coded.push_back(cluster.weights(static_cast<Index>(l), static_cast<Index>(s)));
    const double difference = relative_difference(coded, reference.weights());
    std::cout << "  " << label(choice) << " shard " << s << ": coded against uncoded " << difference
              << "; float against double, uncoded "
              << relative_difference(reference.weights(), wide.weights()) << "\n";
    EXPECT_LT(difference, kTolerance);
  }
  const Recorder& seen = cluster.recorder(0);
  ASSERT_EQ(seen.steps.size(), uncoded.steps.size());
  for (std::size_t i = 0; i < seen.steps.size(); ++i) {
    EXPECT_NEAR(seen.steps[i].loss, uncoded.steps[i].loss, 1e-3) << "step " << i;
    EXPECT_EQ(seen.steps[i].samples, uncoded.steps[i].samples);
    EXPECT_EQ(seen.steps[i].learning_rate, uncoded.steps[i].learning_rate);
  }
  ASSERT_EQ(seen.evaluations.size(), uncoded.evaluations.size());
  for (std::size_t i = 0; i < seen.evaluations.size(); ++i) {
    EXPECT_EQ(seen.evaluations[i].samples, test_data().count());
    EXPECT_EQ(seen.evaluations[i].steps_done, uncoded.evaluations[i].steps_done);
    EXPECT_NEAR(seen.evaluations[i].loss, uncoded.evaluations[i].loss, 1e-3);
    EXPECT_LE(std::abs(seen.evaluations[i].correct - uncoded.evaluations[i].correct), 1);
  }
}

class CodedTraining : public ::testing::TestWithParam<CodeChoice> {};

TEST_P(CodedTraining, EqualsTheReferenceAfterAThousandStepsOfTheDefaults) {
  expect_coded_equals_reference(GetParam(), default_plan(1000), DecodeFrom::kAll);
}

INSTANTIATE_TEST_SUITE_P(Codes, CodedTraining, ::testing::ValuesIn(kCodeChoices),
                         [](const auto& tested) { return label(tested.param); });

const CodeChoice kMain = {"polydot", {2, 2, 1}, 10};

// Peers agree only up to rounding, and shards leave the code little by little; the training is the same.
TEST(CodedTraining, EqualsTheReferenceWhenEveryPeerDecodesFromItsOwnSet) {
  expect_coded_equals_reference(kMain, default_plan(1000), DecodeFrom::kOwnSubset);
}

TEST(CodedTraining, EqualsTheReferenceForEveryActivation) {
  for (ActivationKind activation : kAllActivations) {
    SCOPED_TRACE(activation_name(activation));
    TrainingPlan plan = default_plan(150);
    plan.network = *make_mlp(20, {17, 13}, 5, activation, LossKind::kCrossEntropy);
    plan.optimizer.learning_rate = 0.05;
    expect_coded_equals_reference(kMain, plan, DecodeFrom::kAll);
  }
}

TEST(CodedTraining, EqualsTheReferenceWithDecayClippingAndCosine) {
  TrainingPlan plan = default_plan(300);
  plan.optimizer.learning_rate = 0.03;
  plan.optimizer.weight_decay = 1e-3;
  plan.optimizer.clip_norm = 0.5;  // below most gradients here
  plan.optimizer.schedule = Schedule::kCosine;
  plan.optimizer.warmup_steps = 20;
  plan.optimizer.total_steps = 300;
  plan.evaluate_each_epoch = true;
  for (const CodeChoice& choice : {kMain, CodeChoice{"mds", {3, 2, 1}, 8}})
    expect_coded_equals_reference(choice, plan, DecodeFrom::kAll);
}

TEST(CodedTraining, EqualsTheReferenceWithoutMomentum) {
  TrainingPlan plan = default_plan(300);
  plan.optimizer.learning_rate = 0.05;
  plan.optimizer.momentum = 0;
  plan.optimizer.weight_decay = 1e-3;
  expect_coded_equals_reference(kMain, plan, DecodeFrom::kAll);
}

TEST(CodedTraining, EqualsTheReferenceForAnyListOfOperations) {
  TrainingPlan plan = default_plan(200);
  plan.network = {20,
                  {Dense{20, 9}, Dense{9, 11}, Activation{ActivationKind::kTanh},
                   Activation{ActivationKind::kSilu}, Dense{11, 5}, Activation{ActivationKind::kSigmoid}},
                  LossKind::kMeanSquaredError};
  plan.optimizer.learning_rate = 0.1;
  expect_coded_equals_reference(kMain, plan, DecodeFrom::kAll);
}

TEST(CodedTraining, EqualsTheReferenceForASingleLayer) {
  TrainingPlan plan = default_plan(200);
  plan.network = *make_mlp(20, {}, 5, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  expect_coded_equals_reference(kMain, plan, DecodeFrom::kAll);
}

}  // namespace
}  // namespace polydot::dnn::testing
