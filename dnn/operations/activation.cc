#include "dnn/operations/activation.h"

#include <algorithm>
#include <cmath>

#include "codes/base/check.h"
#include "dnn/operations/names.h"

namespace polydot::dnn {
namespace {

constexpr NameTable<ActivationKind, 6> kNames = {{{"smelu", ActivationKind::kSmelu},
                                                  {"gelu", ActivationKind::kGelu},
                                                  {"silu", ActivationKind::kSilu},
                                                  {"tanh", ActivationKind::kTanh},
                                                  {"sigmoid", ActivationKind::kSigmoid},
                                                  {"identity", ActivationKind::kIdentity}}};

template <typename Scalar>
constexpr Scalar kBeta = static_cast<Scalar>(kSmeluBeta);
// sqrt(2 / pi)
template <typename Scalar>
constexpr Scalar kGeluScale = static_cast<Scalar>(0.79788456080286535588);
template <typename Scalar>
constexpr Scalar kGeluCubic = static_cast<Scalar>(0.044715);
// Where every sigmoid is 0 or 1 to the last bit of a double, and exp is still finite in float.
template <typename Scalar>
constexpr Scalar kTail = static_cast<Scalar>(80);

template <typename Scalar>
using Column = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
template <typename Scalar>
using ColumnRef = Eigen::Ref<Column<Scalar>>;
template <typename Scalar>
using ConstColumnRef = Eigen::Ref<const Column<Scalar>>;

template <typename Scalar>
Scalar sigmoid(Scalar s) {
  return Scalar(1) / (Scalar(1) + std::exp(-s));
}

// s held to the tail. Here and below the array stands left of max and min: then a NaN in it stays.
template <typename Scalar, typename Expression>
Column<Scalar> within_tail(const Expression& s) {
  return s.max(-kTail<Scalar>).min(kTail<Scalar>);
}

// e = exp(-s): sigmoid(s) = 1 / (1 + e) and 1 - sigmoid(s) = e / (1 + e), both right relative to their own
// size. Eigen's logistic() is right relative to 1 only, which a factor s makes visible.
template <typename Scalar, typename Expression>
Column<Scalar> exp_of_minus(const Expression& s) {
  return (-within_tail<Scalar>(s)).exp();
}

// gelu is s sigmoid(v(s)), since (1 + tanh u) / 2 = sigmoid(2 u). s: within the tail.
template <typename Scalar>
auto gelu_argument(const Column<Scalar>& s) {
  return 2 * kGeluScale<Scalar> * s * (Scalar(1) + kGeluCubic<Scalar> * s.square());
}

template <typename Scalar>
void activate_column(ActivationKind kind, const ConstColumnRef<Scalar>& s, ColumnRef<Scalar> result) {
  switch (kind) {
    case ActivationKind::kSmelu: {
      // One formula for all three pieces: the bend, and what lies beyond it.
      const Scalar beta = kBeta<Scalar>;
      result = (s + beta).max(Scalar(0)).min(2 * beta).square() / (4 * beta) + (s - beta).max(Scalar(0));
      return;
    }
    case ActivationKind::kGelu: {
      const Column<Scalar> e = exp_of_minus<Scalar>(gelu_argument<Scalar>(within_tail<Scalar>(s)));
      result = s.max(-kTail<Scalar>) / (Scalar(1) + e);
      return;
    }
    case ActivationKind::kSilu:
      result = s.max(-kTail<Scalar>) / (Scalar(1) + exp_of_minus<Scalar>(s));
      return;
    case ActivationKind::kTanh:
      result = s.tanh();
      return;
    case ActivationKind::kSigmoid:
      result = (Scalar(1) + exp_of_minus<Scalar>(s)).inverse();
      return;
    case ActivationKind::kIdentity:
      result = s;
      return;
  }
  POLYDOT_CHECK(false);
}

template <typename Scalar>
void multiply_column(ActivationKind kind, const ConstColumnRef<Scalar>& s, ColumnRef<Scalar> delta) {
  switch (kind) {
    case ActivationKind::kSmelu: {
      const Scalar beta = kBeta<Scalar>;
      delta *= (s + beta).max(Scalar(0)).min(2 * beta) / (2 * beta);
      return;
    }
    case ActivationKind::kGelu: {
      const Column<Scalar> c = within_tail<Scalar>(s);
      const Column<Scalar> e = exp_of_minus<Scalar>(gelu_argument<Scalar>(c));
      const Scalar slope = 2 * kGeluScale<Scalar>, cubic = 3 * kGeluCubic<Scalar>;
      const auto argument_slope = slope * (Scalar(1) + cubic * c.square());
      delta *= (Scalar(1) + c * argument_slope * (e / (Scalar(1) + e))) / (Scalar(1) + e);
      return;
    }
    case ActivationKind::kSilu: {
      const Column<Scalar> c = within_tail<Scalar>(s);
      const Column<Scalar> e = exp_of_minus<Scalar>(c);
      delta *= (Scalar(1) + c * (e / (Scalar(1) + e))) / (Scalar(1) + e);
      return;
    }
    case ActivationKind::kTanh:
      delta *= Scalar(1) - s.tanh().square();
      return;
    case ActivationKind::kSigmoid: {
      const Column<Scalar> e = exp_of_minus<Scalar>(s);
      delta *= e / (Scalar(1) + e) / (Scalar(1) + e);
      return;
    }
    case ActivationKind::kIdentity:
      return;
  }
  POLYDOT_CHECK(false);
}

}  // namespace

Result<ActivationKind> parse_activation(std::string_view name) {
  if (name == "relu")
    return usage_failure(
        "activation 'relu' is refused: its derivative jumps at 0, where peers that agree only up to rounding "
        "part "
        "for ever; use 'smelu', its smooth form of the same accuracy");
  return parse_name(kNames, "activation", name);
}

std::string_view activation_name(ActivationKind kind) { return name_in(kNames, kind); }

template <typename Scalar>
Scalar activation_value(ActivationKind kind, Scalar s) {
  const Scalar beta = kBeta<Scalar>;
  switch (kind) {
    case ActivationKind::kSmelu:
      if (s <= -beta) return 0;
      return s < beta ? (s + beta) * (s + beta) / (4 * beta) : s;
    case ActivationKind::kGelu:
      return s / 2 * (1 + std::tanh(kGeluScale<Scalar> * (s + kGeluCubic<Scalar> * s * s * s)));
    case ActivationKind::kSilu:
      return s * sigmoid(s);
    case ActivationKind::kTanh:
      return std::tanh(s);
    case ActivationKind::kSigmoid:
      return sigmoid(s);
    case ActivationKind::kIdentity:
      return s;
  }
  POLYDOT_CHECK(false);
  return s;
}

template <typename Scalar>
Scalar activation_derivative(ActivationKind kind, Scalar s) {
  const Scalar beta = kBeta<Scalar>;
  switch (kind) {
    case ActivationKind::kSmelu:
      if (s <= -beta) return 0;
      return s < beta ? (s + beta) / (2 * beta) : 1;
    case ActivationKind::kGelu: {
      const Scalar t = std::tanh(kGeluScale<Scalar> * (s + kGeluCubic<Scalar> * s * s * s));
      return (1 + t) / 2 + s / 2 * (1 - t * t) * kGeluScale<Scalar> * (1 + 3 * kGeluCubic<Scalar> * s * s);
    }
    case ActivationKind::kSilu:
      return sigmoid(s) * (1 + s * sigmoid(-s));
    case ActivationKind::kTanh:
      return 1 - std::tanh(s) * std::tanh(s);
    case ActivationKind::kSigmoid:
      return sigmoid(s) * sigmoid(-s);
    case ActivationKind::kIdentity:
      return 1;
  }
  POLYDOT_CHECK(false);
  return s;
}

template <typename Scalar>
void activate(ActivationKind kind, const Eigen::Ref<const MatrixOf<Scalar>>& s,
              Eigen::Ref<MatrixOf<Scalar>> result) {
  POLYDOT_CHECK_EQ(s.rows(), result.rows());
  POLYDOT_CHECK_EQ(s.cols(), result.cols());
  for (Index c = 0; c < s.cols(); ++c) activate_column<Scalar>(kind, s.col(c).array(), result.col(c).array());
}

template <typename Scalar>
void multiply_by_derivative(ActivationKind kind, const Eigen::Ref<const MatrixOf<Scalar>>& s,
                            Eigen::Ref<MatrixOf<Scalar>> delta) {
  POLYDOT_CHECK_EQ(s.rows(), delta.rows());
  POLYDOT_CHECK_EQ(s.cols(), delta.cols());
  if (kind == ActivationKind::kIdentity) return;
  for (Index c = 0; c < s.cols(); ++c) multiply_column<Scalar>(kind, s.col(c).array(), delta.col(c).array());
}

template float activation_value(ActivationKind, float);
template double activation_value(ActivationKind, double);
template float activation_derivative(ActivationKind, float);
template double activation_derivative(ActivationKind, double);
template void activate<float>(ActivationKind, const Eigen::Ref<const Matrix>&, Eigen::Ref<Matrix>);
template void activate<double>(ActivationKind, const Eigen::Ref<const MatrixD>&, Eigen::Ref<MatrixD>);
template void multiply_by_derivative<float>(ActivationKind, const Eigen::Ref<const Matrix>&,
                                            Eigen::Ref<Matrix>);
template void multiply_by_derivative<double>(ActivationKind, const Eigen::Ref<const MatrixD>&,
                                             Eigen::Ref<MatrixD>);

}  // namespace polydot::dnn
