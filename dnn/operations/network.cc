#include "dnn/operations/network.h"

#include <cmath>
#include <string>

#include "dnn/operations/random.h"

namespace polydot::dnn {

std::vector<Dense> NetworkSpec::layers() const {
  std::vector<Dense> layers;
  for (const Operation& operation : operations)
    if (const Dense* dense = std::get_if<Dense>(&operation)) layers.push_back(*dense);
  return layers;
}

Outcome validate(const NetworkSpec& network) {
  if (network.operations.empty() || !std::holds_alternative<Dense>(network.operations.front()))
    return usage_failure("the network must begin with a dense layer");
  Index width = network.inputs;
  const std::vector<Dense> layers = network.layers();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::string name = "dense layer " + std::to_string(l);
    if (layers[l].inputs < 1 || layers[l].outputs < 1)
      return usage_failure(name + " is " + std::to_string(layers[l].inputs) + " to " +
                           std::to_string(layers[l].outputs) + ": sizes must be at least 1");
    if (layers[l].inputs != width)
      return usage_failure(name + " takes " + std::to_string(layers[l].inputs) + " inputs, but " +
                           std::to_string(width) + " arrive");
    width = layers[l].outputs;
  }
  return Unit{};
}

Result<NetworkSpec> make_mlp(Index inputs, const std::vector<Index>& hidden, Index outputs,
                             ActivationKind activation, LossKind loss) {
  NetworkSpec network{inputs, {}, loss};
  Index width = inputs;
  for (Index size : hidden) {
    network.operations.emplace_back(Dense{width, size});
    network.operations.emplace_back(Activation{activation});
    width = size;
  }
  network.operations.emplace_back(Dense{width, outputs});
  if (Outcome valid = validate(network); !valid) return valid.failure();
  return network;
}

Matrix initial_weights(const Dense& dense, std::uint64_t seed, Index layer) {
  Random random(seed, RandomStream::kWeights, static_cast<std::uint64_t>(layer));
  const double deviation = std::sqrt(2.0 / static_cast<double>(dense.inputs));
  Matrix weights = Matrix::Zero(dense.outputs, dense.inputs + 1);
  for (Index c = 0; c < dense.inputs; ++c)
    for (Index r = 0; r < dense.outputs; ++r)
      weights(r, c) = static_cast<float>(deviation * random.gaussian());
  return weights;
}

std::vector<Matrix> initial_weights(const NetworkSpec& network, std::uint64_t seed) {
  std::vector<Matrix> weights;
  for (const Dense& dense : network.layers())
    weights.push_back(initial_weights(dense, seed, static_cast<Index>(weights.size())));
  return weights;
}

}  // namespace polydot::dnn
