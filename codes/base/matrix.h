// Dense matrices, column-major everywhere: a column is one sample, so a group of samples is contiguous.
//
// float carries data (weights, operands, contributions); double carries the small code matrices and every
// computation that decides something (rank, gain, location).
#pragma once

#include <Eigen/Core>

namespace polydot::codes {

using Index = Eigen::Index;
using Matrix = Eigen::MatrixXf;
using MatrixD = Eigen::MatrixXd;
using VectorD = Eigen::VectorXd;

}  // namespace polydot::codes
