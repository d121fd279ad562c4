#include "codes/families/chebyshev.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace polydot::codes {

namespace {
double angle_of_root(Index index, Index count) {
  return std::numbers::pi * static_cast<double>(2 * index + 1) / static_cast<double>(2 * count);
}
}  // namespace

VectorD chebyshev_points(Index count) {
  VectorD z(count);
  for (Index p = 0; p < count; ++p) z(p) = std::cos(angle_of_root(p, count));
  return z;
}

double chebyshev(Index degree, double z) {
  return std::cos(static_cast<double>(degree) * std::acos(std::clamp(z, -1.0, 1.0)));
}

VectorD chebyshev(Index degree, const VectorD& z) {
  return z.unaryExpr([degree](double x) { return chebyshev(degree, x); });
}

MatrixD chebyshev_vandermonde(const VectorD& z, Index count) {
  MatrixD v(z.size(), count);
  for (Index k = 0; k < count; ++k) v.col(k) = chebyshev(k, z);
  return v;
}

MatrixD lagrange_basis(Index count, const VectorD& z) {
  const VectorD roots = chebyshev_points(count);
  MatrixD basis = MatrixD::Ones(z.size(), count);
  for (Index j = 0; j < count; ++j)
    for (Index k = 0; k < count; ++k)
      if (k != j) basis.col(j).array() *= (z.array() - roots(k)) / (roots(j) - roots(k));
  return basis;
}

VectorD chebyshev_slope_at_roots(Index count) {
  VectorD slope(count);
  for (Index k = 0; k < count; ++k) {
    const double t = angle_of_root(k, count);
    slope(k) = static_cast<double>(count) * std::sin(static_cast<double>(count) * t) / std::sin(t);
  }
  return slope;
}

MatrixD chebyshev_coefficients(const MatrixD& values) {
  const Index count = values.rows();
  MatrixD inverse =
      chebyshev_vandermonde(chebyshev_points(count), count).transpose() * (2.0 / static_cast<double>(count));
  inverse.row(0) *= 0.5;
  return inverse * values;
}

}  // namespace polydot::codes
