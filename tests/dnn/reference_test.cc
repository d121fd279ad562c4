#include "dnn/reference/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dnn/operations/random.h"

namespace polydot::dnn {
namespace {

const std::vector<Label> kLabels = {0, 2, 1, 1, 2, 0};

MatrixD samples() {
  Random random(3, RandomStream::kWeights, 99);
  MatrixD x(5, 6);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = random.gaussian();
  return x;
}

NetworkSpec network_of_depth(int depth, ActivationKind activation, LossKind loss) {
  const std::vector<Index> all = {7, 4, 6};
  return *make_mlp(5, {all.begin(), all.begin() + depth - 1}, 3, activation, loss);
}

OptimizerOptions plain(double rate, double momentum, double decay) {
  OptimizerOptions options;
  options.learning_rate = rate;
  options.momentum = momentum;
  options.weight_decay = decay;
  return options;
}

// One step of rate 1 without momentum moves W by minus the gradient of loss + wd/2 ||W||^2: that gradient is
// compared with central differences of the objective, entry by entry, biases included.
void expect_step_follows_differences(const NetworkSpec& network) {
  const double decay = 0.05, h = 1e-5;
  const MatrixD x = samples();
  Reference<double> stepped(network, plain(1, 0, decay), 17), probe = stepped;
  for (MatrixD& w : probe.weights()) w.rightCols(1).setConstant(0.1);  // biases away from zero
  stepped.weights() = probe.weights();
  stepped.step(x, kLabels);
  const auto objective = [&] {
    double value = probe.evaluate(x, kLabels).mean;
    for (const MatrixD& w : probe.weights()) value += decay / 2 * w.squaredNorm();
    return value;
  };
  double largest = 0;
  for (std::size_t l = 0; l < probe.weights().size(); ++l) {
    MatrixD& w = probe.weights()[l];
    for (Index i = 0; i < w.size(); ++i) {
      const double at = w.data()[i];
      w.data()[i] = at + h;
      const double above = objective();
      w.data()[i] = at - h;
      const double below = objective();
      w.data()[i] = at;
      const double gradient = at - stepped.weights()[l].data()[i];
      largest = std::max(largest, std::abs(gradient));
      EXPECT_NEAR(gradient, (above - below) / (2 * h), 1e-8) << "layer " << l << " entry " << i;
    }
  }
  EXPECT_GT(largest, 1e-2);
}

TEST(Reference, GradientIsTheLimitOfDifferences) {
  for (ActivationKind activation : kAllActivations)
    for (LossKind loss : {LossKind::kCrossEntropy, LossKind::kMeanSquaredError})
      for (int depth = 1; depth <= 4; ++depth) {
        SCOPED_TRACE(testing::Message()
                     << activation_name(activation) << ", " << loss_name(loss) << ", " << depth);
        expect_step_follows_differences(network_of_depth(depth, activation, loss));
      }
}

TEST(Reference, GradientHoldsForAnyListOfOperations) {
  const NetworkSpec network{
      5,
      {Dense{5, 4}, Dense{4, 6}, Activation{ActivationKind::kTanh}, Activation{ActivationKind::kGelu},
       Dense{6, 3}, Activation{ActivationKind::kSigmoid}},
      LossKind::kMeanSquaredError};
  expect_step_follows_differences(network);
}

TEST(Reference, MomentumAndDecayFollowTheFormula) {
  const NetworkSpec network = network_of_depth(2, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  const double rate = 0.1, momentum = 0.8, decay = 0.02;
  Reference<double> trained(network, plain(rate, momentum, decay), 1);
  std::vector<MatrixD> weights = trained.weights(), velocity, gradients;
  for (const MatrixD& w : weights) velocity.push_back(MatrixD::Zero(w.rows(), w.cols()));
  for (int step = 0; step < 3; ++step) {
    trained.backward(samples(), kLabels, gradients);
    trained.step(samples(), kLabels);
    for (std::size_t l = 0; l < weights.size(); ++l) {
      velocity[l] = momentum * velocity[l] + gradients[l] + decay * weights[l];
      weights[l] -= rate * velocity[l];
      EXPECT_LT((trained.weights()[l] - weights[l]).norm(), 1e-14);
    }
  }
  EXPECT_EQ(trained.steps_done(), 3u);
}

TEST(Reference, ClippingShortensTheWholeGradientToTheLimit) {
  const NetworkSpec network = network_of_depth(3, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  Reference<double> reference(network, {}, 1);
  std::vector<MatrixD> gradients;
  reference.backward(samples(), kLabels, gradients);
  double norm = 0;
  for (const MatrixD& g : gradients) norm = std::hypot(norm, g.norm());
  for (double limit : {norm / 3, norm * 3}) {
    OptimizerOptions options = plain(1, 0, 0);
    options.clip_norm = limit;
    Reference<double> clipped(network, options, 1);
    clipped.step(samples(), kLabels);
    for (std::size_t l = 0; l < gradients.size(); ++l) {
      const MatrixD moved = reference.weights()[l] - clipped.weights()[l];
      EXPECT_LT((moved - std::min(1.0, limit / norm) * gradients[l]).norm(), 1e-14);
    }
  }
}

TEST(Reference, FloatAgreesWithDoubleToRounding) {
  const NetworkSpec network = network_of_depth(4, ActivationKind::kSmelu, LossKind::kCrossEntropy);
  Reference<double> wide(network, {}, 1);
  Reference<float> narrow(network, {}, 1);
  for (int step = 0; step < 20; ++step) {
    const LossValue a = wide.step(samples(), kLabels);
    const LossValue b = narrow.step(samples().cast<float>(), kLabels);
    EXPECT_NEAR(a.mean, b.mean, 1e-5 * (1 + a.mean));
    EXPECT_EQ(a.correct, b.correct);
  }
  for (std::size_t l = 0; l < wide.weights().size(); ++l)
    EXPECT_LT((wide.weights()[l] - narrow.weights()[l].cast<double>()).norm(),
              1e-5 * wide.weights()[l].norm());
}

TEST(Reference, LearnsWhatItIsShown) {
  Reference<float> network(network_of_depth(3, ActivationKind::kSmelu, LossKind::kCrossEntropy),
                           plain(0.05, 0.9, 0), 1);
  const Matrix x = samples().cast<float>();
  const double before = network.evaluate(x, kLabels).mean;
  for (int step = 0; step < 200; ++step) network.step(x, kLabels);
  const LossValue after = network.evaluate(x, kLabels);
  EXPECT_LT(after.mean, before / 20);
  EXPECT_EQ(after.correct, 6);
}

}  // namespace
}  // namespace polydot::dnn
