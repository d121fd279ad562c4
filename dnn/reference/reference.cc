#include "dnn/reference/reference.h"

#include <cmath>
#include <utility>

#include "codes/base/check.h"

namespace polydot::dnn {

template <typename Scalar>
Reference<Scalar>::Reference(NetworkSpec network, OptimizerOptions optimizer, std::uint64_t seed)
    : network_(std::move(network)), optimizer_(optimizer) {
  POLYDOT_CHECK(validate(network_).ok());
  POLYDOT_CHECK(validate(optimizer_).ok());
  for (const Matrix& weights : initial_weights(network_, seed)) {
    weights_.push_back(weights.cast<Scalar>());
    velocities_.push_back(Mat::Zero(weights.rows(), weights.cols()));
  }
}

template <typename Scalar>
std::vector<MatrixOf<Scalar>> Reference<Scalar>::trace(const Mat& x) const {
  POLYDOT_CHECK_EQ(x.rows(), network_.inputs);
  std::vector<Mat> values = {x};
  std::size_t layer = 0;
  for (const Operation& operation : network_.operations) {
    const Mat& input = values.back();
    Mat output;
    if (const Activation* activation = std::get_if<Activation>(&operation)) {
      output.resize(input.rows(), input.cols());
      activate<Scalar>(activation->kind, input, output);
    } else {
      const Mat& w = weights_[layer++];
      output = w.leftCols(w.cols() - 1) * input;
      output.colwise() += w.col(w.cols() - 1);
    }
    values.push_back(std::move(output));
  }
  return values;
}

template <typename Scalar>
MatrixOf<Scalar> Reference<Scalar>::forward(const Mat& x) const {
  return trace(x).back();
}

template <typename Scalar>
LossValue Reference<Scalar>::evaluate(const Mat& x, std::span<const Label> labels) const {
  return loss_and_gradient<Scalar>(network_.loss, forward(x), labels, nullptr);
}

template <typename Scalar>
LossValue Reference<Scalar>::backward(const Mat& x, std::span<const Label> labels,
                                      std::vector<Mat>& gradients) const {
  const std::vector<Mat> values = trace(x);
  Mat delta;
  const LossValue loss = loss_and_gradient<Scalar>(network_.loss, values.back(), labels, &delta);
  gradients.resize(weights_.size());
  std::size_t layer = weights_.size();
  for (std::size_t i = network_.operations.size(); i-- > 0;) {
    if (const Activation* activation = std::get_if<Activation>(&network_.operations[i])) {
      multiply_by_derivative<Scalar>(activation->kind, values[i], delta);
      continue;
    }
    const Mat& w = weights_[--layer];
    Mat& gradient = gradients[layer];
    gradient.resize(w.rows(), w.cols());
    gradient.leftCols(w.cols() - 1) = delta * values[i].transpose();
    gradient.col(w.cols() - 1) = delta.rowwise().sum();
    if (layer > 0) delta = (w.leftCols(w.cols() - 1).transpose() * delta).eval();
  }
  return loss;
}

template <typename Scalar>
LossValue Reference<Scalar>::step(const Mat& x, std::span<const Label> labels) {
  std::vector<Mat> gradients;
  const LossValue loss = backward(x, labels, gradients);
  double squared_norm = 0;
  for (const Mat& g : gradients) squared_norm += static_cast<double>(g.squaredNorm());
  const double clip = clip_factor(optimizer_.clip_norm, std::sqrt(squared_norm));
  const UpdateTerms terms = update_terms(optimizer_, steps_done_, clip);
  for (std::size_t l = 0; l < weights_.size(); ++l) {
    velocities_[l] = static_cast<Scalar>(terms.momentum) * velocities_[l] +
                     static_cast<Scalar>(terms.clip_factor) * gradients[l] +
                     static_cast<Scalar>(terms.weight_decay) * weights_[l];
    weights_[l] -= static_cast<Scalar>(terms.learning_rate) * velocities_[l];
  }
  ++steps_done_;
  return loss;
}

template class Reference<float>;
template class Reference<double>;

}  // namespace polydot::dnn
