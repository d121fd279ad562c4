#include "dnn/operations/batch_pass.h"

#include <utility>
#include <variant>

#include "codes/base/check.h"

namespace polydot::dnn {
namespace {

using codes::Stage;

// The same memory again, unless somebody else holds it.
Matrix& renew(std::shared_ptr<Matrix>& matrix) {
  if (matrix == nullptr || matrix.use_count() > 1) matrix = std::make_shared<Matrix>();
  return *matrix;
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

void BatchPass::start(Index features, std::vector<Label> labels, const Fill& fill, const Visit& visit) {
  labels_ = std::move(labels);
  Matrix& input = renew(inputs_.front());
  input.resize(features + 1, static_cast<Index>(labels_.size()));
  input.bottomRows(1).setOnes();
  fill(input.topRows(features));
  show(visit, Stage::kBatch, 0, input.topRows(features));
}

void BatchPass::finish_forward(Index layer, Matrix product, const Visit& visit) {
  const std::size_t l = static_cast<std::size_t>(layer);
  POLYDOT_CHECK_EQ(product.cols(), static_cast<Index>(labels_.size()));
  show(visit, Stage::kDecode, layer, product);
  if (l + 1 < activations_.size()) {
    Matrix& next = renew(inputs_[l + 1]);
    next.resize(product.rows() + 1, product.cols());
    next.bottomRows(1).setOnes();
    activate_all(l, std::move(product), next.topRows(next.rows() - 1));
    if (!activations_[l].empty()) show(visit, Stage::kActivation, layer, next.topRows(next.rows() - 1));
    return;
  }
  Matrix outputs(product.rows(), product.cols());
  activate_all(l, std::move(product), outputs);
  if (!activations_[l].empty()) show(visit, Stage::kActivation, layer, outputs);
  const bool training = purpose_ == Purpose::kTraining;
  loss_ = loss_and_gradient<float>(loss_kind_, outputs, labels_, training ? &renew(deltas_[l]) : nullptr);
  if (!training) return;
  show(visit, Stage::kLoss, layer, *deltas_[l]);
  if (!activations_[l].empty()) through_activations(layer, Matrix(*deltas_[l]), visit);
}

void BatchPass::finish_backward(Index layer, Matrix product, const Visit& visit) {
  POLYDOT_CHECK(purpose_ == Purpose::kTraining);
  POLYDOT_CHECK_LT(0, layer);
  POLYDOT_CHECK_EQ(product.rows(), input(layer).rows());
  show(visit, Stage::kDecode, layer, product);
  // The last row is the gradient at the constant 1, which nobody needs.
  through_activations(layer - 1, product.topRows(product.rows() - 1), visit);
}

// A column at a time, so that it is read once.
void BatchPass::activate_all(std::size_t layer, Matrix product, Eigen::Ref<Matrix> result) {
  const std::vector<ActivationKind>& kinds = activations_[layer];
  std::vector<Matrix>& kept = activation_inputs_[layer];
  kept.resize(kinds.size());
  for (std::size_t k = 1; k < kinds.size(); ++k) kept[k].resize(product.rows(), product.cols());
  for (Index c = 0; c < product.cols(); ++c) {
    if (kinds.empty()) result.col(c) = product.col(c);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      if (k > 0) kept[k].col(c) = result.col(c);
      activate<float>(kinds[k], k == 0 ? product.col(c) : kept[k].col(c), result.col(c));
    }
  }
  if (!kinds.empty()) kept.front() = std::move(product);
}

void BatchPass::through_activations(Index layer, const Eigen::Ref<const Matrix>& gradient,
                                    const Visit& visit) {
  const std::size_t l = static_cast<std::size_t>(layer);
  Matrix& delta = renew(deltas_[l]);
  delta.resize(gradient.rows(), gradient.cols());
  for (Index c = 0; c < gradient.cols(); ++c) {
    delta.col(c) = gradient.col(c);
    for (std::size_t k = activations_[l].size(); k-- > 0;)
      multiply_by_derivative<float>(activations_[l][k], activation_inputs_[l][k].col(c), delta.col(c));
  }
  if (!activations_[l].empty()) show(visit, Stage::kHadamard, layer, delta);
}

}  // namespace polydot::dnn
