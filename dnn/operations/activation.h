// Activation functions with derivatives of bounded slope.
//
// Peers agree only up to rounding, so a function of a decoded value must not turn a difference of one
// rounding into a difference of order one: f' must be Lipschitz. ReLU's is not, and peers that fall on both
// sides of its kink leave their shards off the code for ever; SmeLU is the smooth form of the same accuracy.
//
//   smelu     0 for s <= -beta, (s + beta)^2 / (4 beta) between, s for s >= beta; beta = 0.5
//   gelu      s (1 + tanh(sqrt(2/pi) (s + 0.044715 s^3))) / 2
//   silu      s sigmoid(s)
//
// Source    smelu: Shamir, Lin, Coviello, arXiv 2202.06499; gelu: Hendrycks, Gimpel, arXiv 1606.08415;
//           silu: Elfwing, Uchibe, Doya, arXiv 1702.03118
#pragma once

#include <string_view>

#include "codes/base/result.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn {

enum class ActivationKind { kSmelu, kGelu, kSilu, kTanh, kSigmoid, kIdentity };

inline constexpr ActivationKind kAllActivations[] = {ActivationKind::kSmelu,   ActivationKind::kGelu,
                                                     ActivationKind::kSilu,    ActivationKind::kTanh,
                                                     ActivationKind::kSigmoid, ActivationKind::kIdentity};

// Half the width of smelu's bend. Its curvature 1 / (2 beta) lets shards drift: 0.1 drifts ten times faster.
inline constexpr double kSmeluBeta = 0.5;

// By name: smelu, gelu, silu, tanh, sigmoid, identity. "relu" is refused with the reason.
Result<ActivationKind> parse_activation(std::string_view name);
std::string_view activation_name(ActivationKind kind);

// f(s) and f'(s) of one value: the formulas as they are written above, the oracle of the versions below.
// Instantiated for float and double.
template <typename Scalar>
Scalar activation_value(ActivationKind kind, Scalar s);
template <typename Scalar>
Scalar activation_derivative(ActivationKind kind, Scalar s);

// result <- f(s), vectorised; of the same shape, or the same memory. NaN stays NaN. Instantiated for float
// and double.
template <typename Scalar>
void activate(ActivationKind kind, const Eigen::Ref<const MatrixOf<Scalar>>& s,
              Eigen::Ref<MatrixOf<Scalar>> result);

// delta <- delta o f'(s), vectorised; s: the activation's input, of the shape of delta.
template <typename Scalar>
void multiply_by_derivative(ActivationKind kind, const Eigen::Ref<const MatrixOf<Scalar>>& s,
                            Eigen::Ref<MatrixOf<Scalar>> delta);

}  // namespace polydot::dnn
