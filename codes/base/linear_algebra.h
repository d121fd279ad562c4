// Decompositions of small dense matrices in double, by Eigen. Here and nowhere else: each of them takes the
// compiler seconds. Every matrix has at least one row and one column unless it says otherwise.
#pragma once

#include "codes/base/matrix.h"

namespace polydot::codes {

// a = u diag(values) v', values falling and not negative; one-sided Jacobi.
struct Svd {
  MatrixD u;  // orthonormal columns
  VectorD values;
  MatrixD v;  // orthonormal columns; empty if not asked for
};
// u: rows x rows, v: columns x min(rows, columns).
Svd full_svd(const MatrixD& a);
// u: rows x min(rows, columns), no v.
Svd left_svd(const MatrixD& a);
VectorD singular_values(const MatrixD& a);

// x of the least |a x - b|, by QR without pivoting; a: at least as many rows as columns, independent columns.
VectorD least_squares(const MatrixD& a, const VectorD& b);
// q of a = q r; rows x rows.
MatrixD orthogonal_factor(const MatrixD& a);
// r of a = q r, columns x columns; a: at least as many rows as columns.
MatrixD triangular_factor(const MatrixD& a);
// Of all x of the least |a x - b| the shortest, column by column. Pivots below `threshold` times the largest
// count as zero.
MatrixD shortest_solution(const MatrixD& a, const MatrixD& b, double threshold);
// x of r' x = b'; r: upper triangular, square. b: any rows, as many columns as r.
MatrixD solve_transposed(const MatrixD& r, const MatrixD& b);
double largest_eigenvalue(const MatrixD& symmetric);

}  // namespace polydot::codes
