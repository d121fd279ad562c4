// What a network is: a list of operations. Dense layers carry weights; activations carry none.
//
// Shapes    the weights of a Dense, W: outputs x (inputs + 1); the last column is the bias, met by an input 1
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "codes/base/result.h"
#include "dnn/operations/activation.h"
#include "dnn/operations/loss.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn {

struct Dense {
  Index inputs = 0;  // the bias not counted
  Index outputs = 0;
  friend bool operator==(const Dense&, const Dense&) = default;
};

struct Activation {
  ActivationKind kind = ActivationKind::kSmelu;
  friend bool operator==(const Activation&, const Activation&) = default;
};

using Operation = std::variant<Dense, Activation>;

struct NetworkSpec {
  Index inputs = 0;
  std::vector<Operation> operations;
  LossKind loss = LossKind::kCrossEntropy;

  // The Dense operations in their order; layer l is the l-th of them.
  std::vector<Dense> layers() const;
  // Outputs of the last layer. Precondition: valid.
  Index outputs() const { return layers().back().outputs; }
};

// A network that can run: begins with a Dense, sizes are positive and fit one another.
Outcome validate(const NetworkSpec& network);

// inputs - hidden[0] - ... - outputs, `activation` between the layers, none after the last. Refused when a
// size is not positive.
Result<NetworkSpec> make_mlp(Index inputs, const std::vector<Index>& hidden, Index outputs,
                             ActivationKind activation, LossKind loss);

// The initial W of layer `layer`: normal with variance 2 / inputs (He et al., arXiv 1502.01852), biases zero.
// A function of (shape, seed, layer).
Matrix initial_weights(const Dense& dense, std::uint64_t seed, Index layer);
std::vector<Matrix> initial_weights(const NetworkSpec& network, std::uint64_t seed);

}  // namespace polydot::dnn
