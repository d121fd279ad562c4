// The local work of one batch between its coded products: activations, loss, Hadamard products.
//
// Every peer does all of it on decoded values. Products come in order: forward layer 0, 1, .., L-1, after
// which loss() stands; in training then backward layer L-1, .., 1, after which every layer has its input and
// delta. Each result is a function of bounded slope of what was decoded; only the count of right answers
// jumps, and nothing but records depends on it.
//
// Shapes    input(l), X: (inputs of layer l + 1) x batch, the last row ones
//           delta(l), D: outputs of layer l x batch
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "codes/base/fault_tap.h"
#include "dnn/operations/label.h"
#include "dnn/operations/loss.h"
#include "dnn/operations/network.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn {

class BatchPass {
 public:
  enum class Purpose { kTraining, kEvaluation };

  // Precondition: the network is valid.
  BatchPass(const NetworkSpec& network, Purpose purpose);

  Index layer_count() const { return static_cast<Index>(activations_.size()); }

  // Shown each result before it is used, and free to change it; faults enter here. May be empty.
  using Visit = std::function<void(codes::Stage, Index layer, Eigen::Ref<Matrix>)>;

  // Each of these may be called again for the same place: it computes the same anew.
  // A new batch of labels.size() samples: `fill` writes them, features x batch.
  using Fill = std::function<void(Eigen::Ref<Matrix>)>;
  void start(Index features, std::vector<Label> labels, const Fill& fill, const Visit& visit = {});
  // product: W X of `layer`, outputs x batch.
  void finish_forward(Index layer, Matrix product, const Visit& visit = {});
  // product: W^T D of `layer`, (inputs + 1) x batch; gives delta(layer - 1). Training only, layer > 0.
  void finish_backward(Index layer, Matrix product, const Visit& visit = {});

  const Matrix& input(Index layer) const { return *shared_input(layer); }
  const Matrix& delta(Index layer) const { return *shared_delta(layer); }
  // Whoever holds one of these keeps it as it is.
  const std::shared_ptr<Matrix>& shared_input(Index layer) const {
    return inputs_[static_cast<std::size_t>(layer)];
  }
  const std::shared_ptr<Matrix>& shared_delta(Index layer) const {
    return deltas_[static_cast<std::size_t>(layer)];
  }
  // Of this batch; its gradient is divided by the true number of samples.
  const LossValue& loss() const { return loss_; }

 private:
  // result <- product through the activations after `layer`; what each of them was applied to is kept.
  void activate_all(std::size_t layer, Matrix product, Eigen::Ref<Matrix> result);
  // deltas_[layer] <- gradient o f' of the activations after that layer, last first.
  void through_activations(Index layer, const Eigen::Ref<const Matrix>& gradient, const Visit& visit);

  Purpose purpose_;
  LossKind loss_kind_;
  std::vector<std::vector<ActivationKind>> activations_;  // after each layer, in order
  std::vector<std::vector<Matrix>> activation_inputs_;    // what each of those was applied to
  std::vector<std::shared_ptr<Matrix>> inputs_, deltas_;
  std::vector<Label> labels_;
  LossValue loss_;
};

}  // namespace polydot::dnn
