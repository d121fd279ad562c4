// Dense matrices of the network, column-major: a column is one sample.
//
// The same Eigen types as codes/base/matrix.h under names of their own, so that the reference network
// includes nothing of the coded path.
#pragma once

#include <Eigen/Core>

namespace polydot::dnn {

using Index = Eigen::Index;
template <typename Scalar>
using MatrixOf = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
using Matrix = MatrixOf<float>;
using MatrixD = MatrixOf<double>;

}  // namespace polydot::dnn
