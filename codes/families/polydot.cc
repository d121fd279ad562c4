// Nested Chebyshev-Lagrange generalized PolyDot. Derivation and proofs: CODES.md.
#include <cmath>
#include <cstdio>

#include "codes/base/linear_algebra.h"
#include "codes/families/chebyshev.h"
#include "codes/families/factories.h"
#include "codes/families/plan_checks.h"

namespace polydot::codes {

namespace {

constexpr double kLargestResidual = 1e-9, kSmallestPivot = 1e-10;

// The bases of the code at the points z, u = T_n(z).
struct Bases {
  MatrixD rows;             // L_i(u)                 points x m
  MatrixD cols;             // l_j(z)                 points x n
  MatrixD forward_blocks;   // l_k(z) T_n'(eta_k)     points x n
  MatrixD backward_blocks;  // L_k(u) T_m'(zeta_k)    points x m
  MatrixD groups;           // T_{mnb}(z)             points x d
};

Bases make_bases(Grid g, const VectorD& z) {
  Bases bases;
  bases.rows = lagrange_basis(g.m, chebyshev(g.n, z));
  bases.cols = lagrange_basis(g.n, z);
  bases.forward_blocks = bases.cols * chebyshev_slope_at_roots(g.n).asDiagonal();
  bases.backward_blocks = bases.rows * chebyshev_slope_at_roots(g.m).asDiagonal();
  bases.groups.resize(z.size(), g.d);
  for (Index b = 0; b < g.d; ++b) bases.groups.col(b) = chebyshev(g.m * g.n * b, z);
  return bases;
}

// Column (i, j) -> i b.cols() + j: the pointwise product of column i of a and column j of b.
MatrixD column_products(const MatrixD& a, const MatrixD& b) {
  MatrixD products(a.rows(), a.cols() * b.cols());
  for (Index i = 0; i < a.cols(); ++i)
    for (Index j = 0; j < b.cols(); ++j) products.col(i * b.cols() + j) = a.col(i).cwiseProduct(b.col(j));
  return products;
}

// The unique F (wanted x K) that maps the coefficients of each basis product W-term(a) * operand-term(c) to 1
// where `wanted_row(a, c)` says so and to 0 elsewhere. weight_terms, operand_terms: values at K Chebyshev
// points.
template <typename WantedRow>
Result<MatrixD> solve_extractor(const MatrixD& weight_terms, const MatrixD& operand_terms, Index wanted,
                                WantedRow wanted_row) {
  const MatrixD products = chebyshev_coefficients(column_products(weight_terms, operand_terms));
  MatrixD targets = MatrixD::Zero(wanted, products.cols());
  for (Index a = 0; a < weight_terms.cols(); ++a)
    for (Index c = 0; c < operand_terms.cols(); ++c)
      if (const Index row = wanted_row(a, c); row >= 0) targets(row, a * operand_terms.cols() + c) = 1.0;
  const MatrixD extractor =
      shortest_solution(products.transpose(), targets.transpose(), kSmallestPivot).transpose();
  const double residual = (extractor * products - targets).cwiseAbs().maxCoeff();
  if (!(residual <= kLargestResidual)) {
    char text[96];
    std::snprintf(text, sizeof text, "this plan's extractor has a residual of %.1e, above %.0e", residual,
                  kLargestResidual);
    return usage_failure(std::string(text) + ": choose a smaller grid");
  }
  return extractor;
}

}  // namespace

Result<ProductCode> make_polydot(Grid grid, Index peers) {
  if (Outcome plan = check_plan("polydot", grid, peers); !plan) return plan.failure();
  const auto [m, n, d] = grid;
  ProductCode code;
  code.name = "polydot";
  code.m = m, code.n = n, code.d = d;
  code.points = chebyshev_points(peers);

  const Bases at_peers = make_bases(grid, code.points);
  ShardCode shard{m, n, column_products(at_peers.rows, at_peers.cols), at_peers.rows, at_peers.cols};

  const Index forward_k = m * n * d + n - 1;
  const Bases f = make_bases(grid, chebyshev_points(forward_k));
  auto forward = solve_extractor(column_products(f.rows, f.cols), column_products(f.forward_blocks, f.groups),
                                 m * d, [&](Index weight, Index operand) -> Index {
                                   const Index i = weight / n, j = weight % n, k = operand / d,
                                               b = operand % d;
                                   return j == k ? i * d + b : -1;
                                 });
  if (!forward) return forward.failure();
  const Index backward_k = m * n * d + m * n - n;
  const Bases g = make_bases(grid, chebyshev_points(backward_k));
  auto backward =
      solve_extractor(column_products(g.rows, g.cols), column_products(g.backward_blocks, g.groups), n * d,
                      [&](Index weight, Index operand) -> Index {
                        const Index i = weight / n, j = weight % n, k = operand / d, b = operand % d;
                        return i == k ? j * d + b : -1;
                      });
  if (!backward) return backward.failure();

  const MatrixD forward_operand = column_products(at_peers.forward_blocks, at_peers.groups);
  const MatrixD backward_operand = column_products(at_peers.backward_blocks, at_peers.groups);
  code.passes = {{0,
                  false,
                  n,
                  d,
                  forward_operand,
                  {chebyshev_vandermonde(code.points, forward_k), std::move(*forward), forward_k},
                  noise_scales(shard, forward_operand)},
                 {0,
                  true,
                  m,
                  d,
                  backward_operand,
                  {chebyshev_vandermonde(code.points, backward_k), std::move(*backward), backward_k},
                  noise_scales(shard, backward_operand)}};
  code.shards = {std::move(shard)};
  return code;
}

}  // namespace polydot::codes
