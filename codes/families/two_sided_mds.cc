// Two-sided MDS, the competing strategy of arXiv 1811.10751 (section V): W is coded over row blocks for the
// feedforward pass and, in a second shard, over column blocks for backpropagation; operands travel uncoded.
#include <numbers>

#include "codes/families/chebyshev.h"
#include "codes/families/factories.h"
#include "codes/families/plan_checks.h"

namespace polydot::codes {

namespace {

// P x q, any q rows independent: Chebyshev polynomials at the peers' points, scaled to orthogonal columns.
MatrixD mds_generator(const VectorD& points, Index q) {
  MatrixD generator = chebyshev_vandermonde(points, q) * std::numbers::sqrt2;
  generator.col(0).setOnes();
  return generator;
}

Pass make_pass(Index shard, bool transposed, const ShardCode& code, const MatrixD& generator) {
  const MatrixD uncoded = MatrixD::Ones(generator.rows(), 1);
  const Index q = generator.cols();
  return {
      shard, transposed, 1, 1, uncoded, {generator, MatrixD::Identity(q, q), q}, noise_scales(code, uncoded)};
}

}  // namespace

Result<ProductCode> make_two_sided_mds(Grid grid, Index peers) {
  if (Outcome plan = check_plan("mds", grid, peers); !plan) return plan.failure();
  if (Outcome groups = check_no_batch_groups("mds", grid); !groups) return groups.failure();
  ProductCode code;
  code.name = "mds";
  code.m = grid.m, code.n = grid.n, code.d = 1;
  code.points = chebyshev_points(peers);
  const MatrixD rows = mds_generator(code.points, grid.m);
  const MatrixD cols = mds_generator(code.points, grid.n);
  const MatrixD ones = MatrixD::Ones(peers, 1);
  code.shards = {{grid.m, 1, rows, rows, ones}, {1, grid.n, cols, ones, cols}};
  code.passes = {make_pass(0, false, code.shards[0], rows), make_pass(1, true, code.shards[1], cols)};
  return code;
}

}  // namespace polydot::codes
