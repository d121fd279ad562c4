#include "node/model/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "dnn/reference/reference.h"
#include "node/files/data_files.h"
#include "node/model/input_json.h"
#include "node/model/safetensors.h"
#include "node/text/json_text.h"

namespace polydot::node {
namespace {

using codes::Index;
using nlohmann::ordered_json;

constexpr std::uint64_t kMaxUnits = 1 << 26;
constexpr std::size_t kMaxParts = 100'000;  // of the description of a network, all values together
constexpr Index kBatch = 500;               // as dnn::TrainingPlan::eval_batch

std::string name_of(std::size_t layer, const char* part) { return fmt::format("layers.{}.{}", layer, part); }

// With its parameters, so that other programs need not know them.
ordered_json describe(const dnn::Activation& activation) {
  ordered_json described = {{"activation", activation_name(activation.kind)}};
  if (activation.kind == dnn::ActivationKind::kSmelu) described["beta"] = dnn::kSmeluBeta;
  return described;
}

// Of another beta it would be another function.
bool has_our_parameters(const ordered_json& operation) {
  return operation.value("beta", ordered_json(dnn::kSmeluBeta)) == dnn::kSmeluBeta;
}

ordered_json describe(const dnn::NetworkSpec& network) {
  ordered_json operations = ordered_json::array();
  for (const dnn::Operation& operation : network.operations)
    if (const auto* dense = std::get_if<dnn::Dense>(&operation))
      operations.push_back({{"dense", dense->outputs}});
    else
      operations.push_back(describe(std::get<dnn::Activation>(operation)));
  return {{"inputs", network.inputs}, {"operations", operations}, {"loss", loss_name(network.loss)}};
}

std::optional<Index> units_of(const ordered_json& value) {
  if (!value.is_number_unsigned() || value > kMaxUnits) return std::nullopt;
  return value.get<Index>();
}

// The inverse of describe, or what is wrong.
Result<dnn::NetworkSpec> parse_network(const std::string& text) {
  const auto all = parse_bounded_json<ordered_json>(text, {4, kMaxParts}).value_or(nullptr);
  const Failure bad = data_failure("its metadata describe no network");
  if (!all.is_object() || !all.contains("inputs") || !all.contains("operations") || !all.contains("loss") ||
      !all["operations"].is_array() || !all["loss"].is_string())
    return bad;
  dnn::NetworkSpec network;
  const auto inputs = units_of(all["inputs"]);
  const auto loss = dnn::parse_loss(all["loss"].get<std::string>());
  if (!inputs || !loss) return bad;
  network.inputs = *inputs;
  network.loss = *loss;
  Index units = *inputs;
  for (const ordered_json& operation : all["operations"]) {
    if (operation.is_object() && operation.contains("dense")) {
      const auto outputs = units_of(operation["dense"]);
      if (!outputs) return bad;
      network.operations.push_back(dnn::Dense{units, *outputs});
      units = *outputs;
    } else if (operation.is_object() && operation.contains("activation") &&
               operation["activation"].is_string()) {
      const auto kind = dnn::parse_activation(operation["activation"].get<std::string>());
      if (!kind || !has_our_parameters(operation)) return bad;
      network.operations.push_back(dnn::Activation{*kind});
    } else {
      return bad;
    }
  }
  if (const Outcome valid = dnn::validate(network); !valid) return data_failure(valid.failure().message);
  return network;
}

// The weights of one layer out of its two tensors.
Result<dnn::Matrix> parse_layer(const SafeTensors& file, std::size_t layer, const dnn::Dense& dense) {
  const auto weight = file.tensors.find(name_of(layer, "weight")),
             bias = file.tensors.find(name_of(layer, "bias"));
  const auto inputs = static_cast<std::uint64_t>(dense.inputs),
             outputs = static_cast<std::uint64_t>(dense.outputs);
  if (weight == file.tensors.end() || bias == file.tensors.end() ||
      weight->second.shape != std::vector{outputs, inputs} || bias->second.shape != std::vector{outputs})
    return data_failure(fmt::format("it has no {} of {} x {} with a bias of {}", name_of(layer, "weight"),
                                    outputs, inputs, outputs));
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  dnn::Matrix matrix(dense.outputs, dense.inputs + 1);
  matrix.leftCols(dense.inputs) =
      Eigen::Map<const RowMajor>(weight->second.values.data(), dense.outputs, dense.inputs);
  matrix.col(dense.inputs) = Eigen::Map<const Eigen::VectorXf>(bias->second.values.data(), dense.outputs);
  return matrix;
}

Result<Model> model_from(SafeTensors file) {
  const auto text = [&](const char* key) { return file.metadata.contains(key) ? file.metadata.at(key) : ""; };
  const bool same_tensors = file.tensors.contains(name_of(0, "weight")) && !file.metadata.contains("network");
  if (same_tensors)
    return data_failure(
        "it has the weights of one, but not its metadata: a program that saved it again has dropped "
        "them; export it anew, or have them kept");
  auto network = parse_network(text("network"));
  if (!network) return network.failure();
  auto inputs = inputs_from(file.metadata, network->inputs, network->outputs());
  if (!inputs) return inputs.failure();
  Model model{*std::move(network), *std::move(inputs), {}, {}};
  const std::vector<dnn::Dense> layers = model.network.layers();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    auto weights = parse_layer(file, l, layers[l]);
    if (!weights) return weights.failure();
    model.weights.push_back(*std::move(weights));
  }
  for (const char* key : {"format", "network", "standardisation", "classes", "table"})
    file.metadata.erase(key);
  model.about = std::move(file.metadata);
  return model;
}

}  // namespace

Outcome write_model(const std::filesystem::path& path, const Model& model) {
  SafeTensors file{model.about, {}};
  file.metadata["format"] = "polydot";
  file.metadata["network"] = to_text(describe(model.network));
  for (auto& [key, text] : texts_of(model.inputs)) file.metadata[key] = std::move(text);
  const std::vector<dnn::Dense> layers = model.network.layers();
  POLYDOT_CHECK_EQ(layers.size(), model.weights.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const dnn::Matrix& w = model.weights[l];
    POLYDOT_CHECK_EQ(w.cols(), layers[l].inputs + 1);
    const auto rows = static_cast<std::uint64_t>(w.rows()), cols = static_cast<std::uint64_t>(w.cols() - 1);
    Tensor &weight = file.tensors[name_of(l, "weight")], &bias = file.tensors[name_of(l, "bias")];
    weight.shape = {rows, cols};
    const dnn::Matrix rowwise = w.leftCols(w.cols() - 1).transpose();
    weight.values.assign(rowwise.data(), rowwise.data() + rowwise.size());
    bias.shape = {rows};
    bias.values.assign(w.col(w.cols() - 1).begin(), w.col(w.cols() - 1).end());
  }
  return write_safetensors(path, file);
}

Result<Model> read_model(const std::filesystem::path& path) {
  auto file = read_safetensors(path);
  if (!file) return file.failure();
  auto model = model_from(*std::move(file));
  if (!model) return file_failure(path, "is no model of polydot export: {}", model.failure().message);
  return model;
}

namespace {

// The batch that begins there.
std::vector<std::uint32_t> samples_from(Index first, Index count) {
  std::vector<std::uint32_t> samples(static_cast<std::size_t>(std::min(kBatch, count - first)));
  std::iota(samples.begin(), samples.end(), static_cast<std::uint32_t>(first));
  return samples;
}

}  // namespace

dnn::LossValue evaluate(const dnn::NetworkSpec& network, const std::vector<dnn::Matrix>& weights,
                        const dnn::Dataset& data) {
  dnn::Reference<float> reference(network, {}, 0);
  reference.weights() = weights;
  dnn::LossValue total;
  dnn::Matrix x;
  std::vector<dnn::Label> labels;
  for (Index first = 0; first < data.count(); first += kBatch) {
    const std::vector<std::uint32_t> samples = samples_from(first, data.count());
    data.gather(samples, x);
    data.gather_labels(samples, labels);
    total = dnn::combined(total, reference.evaluate(x, labels));
  }
  return total;
}

double equal_predictions(const dnn::NetworkSpec& network, const std::vector<dnn::Matrix>& a,
                         const std::vector<dnn::Matrix>& b, const dnn::Dataset& data) {
  dnn::Reference<float> of_a(network, {}, 0), of_b(network, {}, 0);
  of_a.weights() = a;
  of_b.weights() = b;
  dnn::Matrix x;
  Index equal = 0;
  for (Index first = 0; first < data.count(); first += kBatch) {
    data.gather(samples_from(first, data.count()), x);
    const dnn::Matrix left = of_a.forward(x), right = of_b.forward(x);
    for (Index s = 0; s < x.cols(); ++s) {
      Index left_class = 0, right_class = 0;
      const float left_most = left.col(s).maxCoeff<Eigen::PropagateNaN>(&left_class);
      const float right_most = right.col(s).maxCoeff<Eigen::PropagateNaN>(&right_class);
      equal += left_class == right_class && !std::isnan(left_most) && !std::isnan(right_most);
    }
  }
  return static_cast<double>(equal) / static_cast<double>(std::max<Index>(data.count(), 1));
}

}  // namespace polydot::node
