// Chebyshev points and polynomials, and the Lagrange basis on Chebyshev roots.
//
// T_k(cos t) = cos(k t), so T_a(T_b(z)) = T_ab(z): what makes the nested code of CODES.md work.
#pragma once

#include "codes/base/matrix.h"

namespace polydot::codes {

// The roots of T_count: cos((2p+1) pi / (2 count)), p = 0 .. count-1, descending.
VectorD chebyshev_points(Index count);

// T_degree(z); |z| <= 1 (rounding beyond is clipped).
double chebyshev(Index degree, double z);
VectorD chebyshev(Index degree, const VectorD& z);

// Row p, column k: T_k(z_p).
MatrixD chebyshev_vandermonde(const VectorD& z, Index count);

// Row p, column j: the j-th Lagrange basis polynomial on the roots of T_count, at z_p. Each row sums to 1.
MatrixD lagrange_basis(Index count, const VectorD& z);

// T_count'(root_k), k = 0 .. count-1.
VectorD chebyshev_slope_at_roots(Index count);

// Coefficients in T_0 .. T_{K-1} of the polynomials (columns of `values`) of degree < K given by their values
// at chebyshev_points(K). Discrete orthogonality makes this exact and well conditioned.
MatrixD chebyshev_coefficients(const MatrixD& values);

}  // namespace polydot::codes
