// The uncoded network: the oracle of the coded one, and the baseline that a run is judged by.
//
// Purpose   forward, loss, gradient and update written as plainly as possible, one process, no code
// Shapes    x: inputs x samples; weights of layer l: outputs x (inputs + 1), the last column is the bias
// Limits    includes nothing of codes/ but its checks and results; checked by finite differences in double
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dnn/operations/label.h"
#include "dnn/operations/loss.h"
#include "dnn/operations/network.h"
#include "dnn/operations/tensor.h"
#include "dnn/optimizers/optimizer.h"

namespace polydot::dnn {

// Scalar: float (what the coded run computes in) or double (how far rounding alone takes a run).
template <typename Scalar>
class Reference {
 public:
  using Mat = MatrixOf<Scalar>;

  // Starts from initial_weights(network, seed), velocities zero. Precondition: both are valid.
  Reference(NetworkSpec network, OptimizerOptions optimizer, std::uint64_t seed);

  // Outputs x samples.
  Mat forward(const Mat& x) const;
  LossValue evaluate(const Mat& x, std::span<const Label> labels) const;
  // The mean loss and its gradient at every weight matrix; neither decay nor clipping.
  LossValue backward(const Mat& x, std::span<const Label> labels, std::vector<Mat>& gradients) const;
  // One training step; the loss is that before the update.
  LossValue step(const Mat& x, std::span<const Label> labels);

  std::uint64_t steps_done() const { return steps_done_; }
  const std::vector<Mat>& weights() const { return weights_; }
  std::vector<Mat>& weights() { return weights_; }

 private:
  // values[i] is the input of operation i; the last one is the output.
  std::vector<Mat> trace(const Mat& x) const;

  NetworkSpec network_;
  OptimizerOptions optimizer_;
  std::vector<Mat> weights_, velocities_;
  std::uint64_t steps_done_ = 0;
};

extern template class Reference<float>;
extern template class Reference<double>;

}  // namespace polydot::dnn
