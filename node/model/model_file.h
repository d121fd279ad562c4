// A trained network as a file that other programs read: safetensors with what it takes to use it.
//
// Tensors   layers.L.weight (outputs x inputs), layers.L.bias (outputs)
// Metadata  texts. format: "polydot"; network: {"inputs":N,"operations":[{"dense":N},
//           {"activation":"smelu","beta":0.5},..],"loss":"cross_entropy"}, formulas in
//           dnn/operations/activation.h; how raw data become inputs and what the outputs are called
//           (input_json.h); and whatever `about` says
// Errors    kData, one line that begins with the file
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "dnn/data/dataset.h"
#include "dnn/operations/loss.h"
#include "dnn/operations/network.h"
#include "node/inputs/input_description.h"

namespace polydot::node {

struct Model {
  dnn::NetworkSpec network;
  InputDescription inputs;
  std::vector<dnn::Matrix> weights;          // outputs x (inputs + 1), the bias last
  std::map<std::string, std::string> about;  // steps, seed, ...
};

// Precondition: network is valid and weights have its shapes.
Outcome write_model(const std::filesystem::path& path, const Model& model);
// Everything is checked; the network is valid and the weights have its shapes.
Result<Model> read_model(const std::filesystem::path& path);

// Loss and accuracy over all samples of a set, in float32, as the uncoded reference computes them. `data` is
// used with the standardisation it has. Precondition: features and classes are those of the network.
dnn::LossValue evaluate(const dnn::NetworkSpec& network, const std::vector<dnn::Matrix>& weights,
                        const dnn::Dataset& data);
// Share of the samples to which both weights give the same class, by the largest output. A sample whose
// outputs hold a NaN has no class. Preconditions as above.
double equal_predictions(const dnn::NetworkSpec& network, const std::vector<dnn::Matrix>& a,
                         const std::vector<dnn::Matrix>& b, const dnn::Dataset& data);
}  // namespace polydot::node
