// Losses: the mean over the samples of a batch, and its gradient.
//
//   cross_entropy         log sum_j exp(z_j) - z_y
//   mean squared error    (1 / outputs) sum_j (z_j - [j = y])^2
//
// Neither cancels: near a perfect fit cross-entropy and its gradient are tiny numbers, right to rounding, not
// the difference of two numbers near 1. Otherwise peers would disagree by whole roundings of 1 there.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "codes/base/result.h"
#include "dnn/operations/label.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn {

enum class LossKind { kCrossEntropy, kMeanSquaredError };

// By name: cross_entropy, mse.
Result<LossKind> parse_loss(std::string_view name);
std::string_view loss_name(LossKind kind);

struct LossValue {
  double mean = 0;  // over `samples`; not finite when an output is not
  Index correct =
      0;  // samples whose label has the largest output; ties go to the lower class, NaN is never right
  Index samples = 0;
};

// outputs: classes x samples; labels: one class each, below outputs.rows().
// gradient, unless null: d mean / d outputs, classes x samples (so already divided by the number of samples).
// Instantiated for float and double.
template <typename Scalar>
LossValue loss_and_gradient(LossKind kind, const MatrixOf<Scalar>& outputs, std::span<const Label> labels,
                            MatrixOf<Scalar>* gradient);

// The loss of both batches together.
LossValue combined(const LossValue& a, const LossValue& b);

}  // namespace polydot::dnn
