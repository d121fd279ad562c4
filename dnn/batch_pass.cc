#include "dnn/batch_pass.h"

#include <utility>
#include <variant>

#include "codes/check.h"

namespace polydot::dnn {
namespace {

using codes::Stage;

void set_with_ones(const Matrix& values, Matrix& extended) {
  extended.resize(values.rows() + 1, values.cols());
  extended.topRows(values.rows()) = values;
  extended.bottomRows(1).setOnes();
}

void show(const BatchPass::Visit& visit, Stage stage, Index layer, Eigen::Ref<Matrix> live) {
  if (visit) visit(stage, layer, live);
}

}  // namespace

BatchPass::BatchPass(const NetworkSpec& network, Purpose purpose)
    : purpose_(purpose), loss_kind_(network.loss) {
  for (const Operation& operation : network.operations) {
    if (const Activation* activation = std::get_if<Activation>(&operation))
      activations_.back().push_back(activation->kind);
    else
      activations_.emplace_back();
  }
  activation_inputs_.resize(activations_.size());
  inputs_.resize(activations_.size());
  deltas_.resize(activations_.size());
}

void BatchPass::start(const Matrix& samples, std::vector<std::uint8_t> labels, const Visit& visit) {
  POLYDOT_CHECK_EQ(samples.cols(), static_cast<Index>(labels.size()));
  labels_ = std::move(labels);
  set_with_ones(samples, inputs_.front());
  show(visit, Stage::kBatch, 0, inputs_.front().topRows(samples.rows()));
}

void BatchPass::finish_forward(Index layer, Matrix product, const Visit& visit) {
  const std::size_t l = static_cast<std::size_t>(layer);
  POLYDOT_CHECK_EQ(product.cols(), static_cast<Index>(labels_.size()));
  show(visit, Stage::kDecode, layer, product);
  activation_inputs_[l].clear();
  for (ActivationKind kind : activations_[l]) {
    if (purpose_ == Purpose::kTraining) activation_inputs_[l].push_back(product);
    activate<float>(kind, product);
  }
  if (!activations_[l].empty()) show(visit, Stage::kActivation, layer, product);
  if (l + 1 < activations_.size()) {
    set_with_ones(product, inputs_[l + 1]);
    return;
  }
  const bool training = purpose_ == Purpose::kTraining;
  loss_ = loss_and_gradient<float>(loss_kind_, product, labels_, training ? &deltas_[l] : nullptr);
  if (!training) return;
  show(visit, Stage::kLoss, layer, deltas_[l]);
  through_activations(layer, visit);
}

void BatchPass::finish_backward(Index layer, Matrix product, const Visit& visit) {
  POLYDOT_CHECK(purpose_ == Purpose::kTraining);
  POLYDOT_CHECK_LT(0, layer);
  POLYDOT_CHECK_EQ(product.rows(), input(layer).rows());
  show(visit, Stage::kDecode, layer, product);
  // The last row is the gradient at the constant 1, which nobody needs.
  deltas_[static_cast<std::size_t>(layer) - 1] = product.topRows(product.rows() - 1);
  through_activations(layer - 1, visit);
}

void BatchPass::through_activations(Index layer, const Visit& visit) {
  const std::size_t l = static_cast<std::size_t>(layer);
  for (std::size_t k = activations_[l].size(); k-- > 0;)
    multiply_by_derivative<float>(activations_[l][k], activation_inputs_[l][k], deltas_[l]);
  if (!activations_[l].empty()) show(visit, Stage::kHadamard, layer, deltas_[l]);
}

}  // namespace polydot::dnn
