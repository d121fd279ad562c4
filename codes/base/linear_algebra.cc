#include "codes/base/linear_algebra.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

#include "codes/base/check.h"

namespace polydot::codes {

Svd full_svd(const MatrixD& a) {
  const Eigen::JacobiSVD<MatrixD> svd(a, Eigen::ComputeFullU | Eigen::ComputeThinV);
  return {svd.matrixU(), svd.singularValues(), svd.matrixV()};
}

Svd left_svd(const MatrixD& a) {
  const Eigen::JacobiSVD<MatrixD> svd(a, Eigen::ComputeThinU);
  return {svd.matrixU(), svd.singularValues(), MatrixD()};
}

VectorD singular_values(const MatrixD& a) { return Eigen::JacobiSVD<MatrixD>(a).singularValues(); }

VectorD least_squares(const MatrixD& a, const VectorD& b) {
  POLYDOT_CHECK_GE(a.rows(), a.cols());
  return a.householderQr().solve(b);
}

MatrixD orthogonal_factor(const MatrixD& a) {
  return Eigen::HouseholderQR<MatrixD>(a).householderQ() * MatrixD::Identity(a.rows(), a.rows());
}

MatrixD triangular_factor(const MatrixD& a) {
  POLYDOT_CHECK_GE(a.rows(), a.cols());
  return Eigen::HouseholderQR<MatrixD>(a).matrixQR().topRows(a.cols()).triangularView<Eigen::Upper>();
}

MatrixD shortest_solution(const MatrixD& a, const MatrixD& b, double threshold) {
  Eigen::CompleteOrthogonalDecomposition<MatrixD> solver;
  solver.setThreshold(threshold);
  solver.compute(a);
  return solver.solve(b);
}

MatrixD solve_transposed(const MatrixD& r, const MatrixD& b) {
  return r.triangularView<Eigen::Upper>().transpose().solve(b.transpose());
}

double largest_eigenvalue(const MatrixD& symmetric) {
  const Eigen::SelfAdjointEigenSolver<MatrixD> solver(symmetric, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().maxCoeff();
}

}  // namespace polydot::codes
