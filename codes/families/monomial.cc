// The textbook generalized PolyDot code, in powers of z and u = z^n (arXiv 1811.10751, section IV): the same
// thresholds as the nested code, and a conditioning that grows exponentially. Kept as the comparison.
#include <cmath>

#include "codes/families/chebyshev.h"
#include "codes/families/factories.h"
#include "codes/families/plan_checks.h"

namespace polydot::codes {

namespace {

MatrixD powers(const VectorD& z, const std::vector<Index>& exponents) {
  MatrixD values(z.size(), static_cast<Index>(exponents.size()));
  for (std::size_t c = 0; c < exponents.size(); ++c)
    for (Index p = 0; p < z.size(); ++p)
      values(p, static_cast<Index>(c)) = std::pow(z(p), static_cast<double>(exponents[c]));
  return values;
}

std::vector<Index> run(Index count) {
  std::vector<Index> exponents(static_cast<std::size_t>(count));
  for (Index k = 0; k < count; ++k) exponents[static_cast<std::size_t>(k)] = k;
  return exponents;
}

// F that picks the coefficients of the given exponents.
MatrixD picker(Index columns, const std::vector<Index>& exponents) {
  MatrixD f = MatrixD::Zero(static_cast<Index>(exponents.size()), columns);
  for (std::size_t r = 0; r < exponents.size(); ++r) f(static_cast<Index>(r), exponents[r]) = 1.0;
  return f;
}

}  // namespace

Result<ProductCode> make_monomial(Grid grid, Index peers) {
  if (Outcome plan = check_plan("monomial", grid, peers); !plan) return plan.failure();
  const auto [m, n, d] = grid;
  ProductCode code;
  code.name = "monomial";
  code.m = m, code.n = n, code.d = d;
  code.points = chebyshev_points(peers);

  std::vector<Index> weights, rows, cols, forward_operand, backward_operand, forward_wanted, backward_wanted;
  for (Index i = 0; i < m; ++i) rows.push_back(n * i);
  for (Index j = 0; j < n; ++j) cols.push_back(j);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) weights.push_back(n * i + j);
  for (Index k = 0; k < n; ++k)
    for (Index b = 0; b < d; ++b) forward_operand.push_back(n - 1 - k + m * n * b);
  for (Index k = 0; k < m; ++k)
    for (Index b = 0; b < d; ++b) backward_operand.push_back(n * (m - 1 - k) + m * n * b);
  for (Index i = 0; i < m; ++i)
    for (Index b = 0; b < d; ++b) forward_wanted.push_back(n * i + n - 1 + m * n * b);
  for (Index j = 0; j < n; ++j)
    for (Index b = 0; b < d; ++b) backward_wanted.push_back(n * (m - 1) + j + m * n * b);

  ShardCode shard{m, n, powers(code.points, weights), powers(code.points, rows), powers(code.points, cols)};
  const Index forward_k = m * n * d + n - 1;
  const Index backward_k = m * n * d + m * n - n;
  const MatrixD forward = powers(code.points, forward_operand);
  const MatrixD backward = powers(code.points, backward_operand);
  code.passes = {{0,
                  false,
                  n,
                  d,
                  forward,
                  {powers(code.points, run(forward_k)), picker(forward_k, forward_wanted), forward_k},
                  noise_scales(shard, forward)},
                 {0,
                  true,
                  m,
                  d,
                  backward,
                  {powers(code.points, run(backward_k)), picker(backward_k, backward_wanted), backward_k},
                  noise_scales(shard, backward)}};
  code.shards = {std::move(shard)};
  return code;
}

}  // namespace polydot::codes
