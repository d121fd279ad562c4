#include "dnn/operations/loss.h"

#include <cmath>

#include "codes/base/check.h"
#include "dnn/operations/names.h"

namespace polydot::dnn {
namespace {

constexpr NameTable<LossKind, 2> kNames = {
    {{"cross_entropy", LossKind::kCrossEntropy}, {"mse", LossKind::kMeanSquaredError}}};

// Every comparison is false for NaN.
template <typename Column>
bool is_correct(const Column& z, Index label) {
  for (Index j = 0; j < z.size(); ++j)
    if (!(j < label ? z(label) > z(j) : z(label) >= z(j))) return false;
  return true;
}

// log sum_j exp(z_j) - z_y = (max - z_y) + log1p(sum of exp(z_j - max) over all but the largest): no term is
// negative. The gradient at y is minus the sum of the other probabilities: p_y - 1 without cancelling.
template <typename Scalar, typename Column>
double cross_entropy(const Column& z, Index label, Scalar scale, Scalar* gradient) {
  Index largest = 0;
  for (Index j = 1; j < z.size(); ++j)
    if (z(j) > z(largest)) largest = j;
  Scalar rest = 0;
  for (Index j = 0; j < z.size(); ++j)
    if (j != largest) rest += std::exp(z(j) - z(largest));
  if (gradient != nullptr) {
    Scalar others = 0;
    for (Index j = 0; j < z.size(); ++j) {
      if (j == label) continue;
      gradient[j] = scale * std::exp(z(j) - z(largest)) / (Scalar(1) + rest);
      others += gradient[j];
    }
    gradient[label] = -others;
  }
  return static_cast<double>(z(largest) - z(label)) + std::log1p(static_cast<double>(rest));
}

template <typename Scalar, typename Column>
double squared_error(const Column& z, Index label, Scalar scale, Scalar* gradient) {
  const Scalar classes = static_cast<Scalar>(z.size());
  double sum = 0;
  for (Index j = 0; j < z.size(); ++j) {
    const Scalar difference = z(j) - static_cast<Scalar>(j == label ? 1 : 0);
    sum += static_cast<double>(difference) * static_cast<double>(difference);
    if (gradient != nullptr) gradient[j] = scale * 2 * difference / classes;
  }
  return sum / static_cast<double>(z.size());
}

}  // namespace

Result<LossKind> parse_loss(std::string_view name) { return parse_name(kNames, "loss", name); }
std::string_view loss_name(LossKind kind) { return name_in(kNames, kind); }

template <typename Scalar>
LossValue loss_and_gradient(LossKind kind, const MatrixOf<Scalar>& outputs, std::span<const Label> labels,
                            MatrixOf<Scalar>* gradient) {
  POLYDOT_CHECK_EQ(outputs.cols(), static_cast<Index>(labels.size()));
  POLYDOT_CHECK_LT(0, outputs.cols());
  if (gradient != nullptr) gradient->resize(outputs.rows(), outputs.cols());
  const Scalar scale = Scalar(1) / static_cast<Scalar>(outputs.cols());
  LossValue value;
  value.samples = outputs.cols();
  double sum = 0;
  for (Index c = 0; c < outputs.cols(); ++c) {
    const Index label = labels[static_cast<std::size_t>(c)];
    POLYDOT_CHECK_LT(label, outputs.rows());
    const auto z = outputs.col(c);
    Scalar* column = gradient == nullptr ? nullptr : gradient->col(c).data();
    sum += kind == LossKind::kCrossEntropy ? cross_entropy(z, label, scale, column)
                                           : squared_error(z, label, scale, column);
    value.correct += is_correct(z, label) ? 1 : 0;
  }
  value.mean = sum / static_cast<double>(value.samples);
  return value;
}

LossValue combined(const LossValue& a, const LossValue& b) {
  LossValue sum{0, a.correct + b.correct, a.samples + b.samples};
  if (sum.samples > 0)
    sum.mean = (a.mean * static_cast<double>(a.samples) + b.mean * static_cast<double>(b.samples)) /
               static_cast<double>(sum.samples);
  return sum;
}

template LossValue loss_and_gradient<float>(LossKind, const Matrix&, std::span<const Label>, Matrix*);
template LossValue loss_and_gradient<double>(LossKind, const MatrixD&, std::span<const Label>, MatrixD*);

}  // namespace polydot::dnn
