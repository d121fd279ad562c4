// Replication on a grid, and no coding: peer p holds block p mod mn as it is. A contribution is one block
// product; the wanted blocks are sums of them, so every block must be there.
#include "codes/families/factories.h"
#include "codes/families/plan_checks.h"

namespace polydot::codes {

namespace {

// Row p is the unit vector e_{of(p)}.
template <typename Of>
MatrixD unit_rows(Index peers, Index columns, Of of) {
  MatrixD rows = MatrixD::Zero(peers, columns);
  for (Index p = 0; p < peers; ++p) rows(p, of(p)) = 1.0;
  return rows;
}

ProductCode make_blocks(const std::string& name, Grid grid, Index peers) {
  const auto [m, n, d] = grid;
  const Index blocks = m * n;
  ProductCode code;
  code.name = name;
  code.m = m, code.n = n, code.d = d;
  const MatrixD held = unit_rows(peers, blocks, [=](Index p) { return p % blocks; });
  const MatrixD row_of = unit_rows(peers, m, [=](Index p) { return p % blocks / n; });
  const MatrixD col_of = unit_rows(peers, n, [=](Index p) { return p % blocks % n; });
  MatrixD sum_over_cols = MatrixD::Zero(m, blocks), sum_over_rows = MatrixD::Zero(n, blocks);
  for (Index block = 0; block < blocks; ++block) {
    sum_over_cols(block / n, block) = 1.0;
    sum_over_rows(block % n, block) = 1.0;
  }
  const Index threshold = peers - peers / blocks + 1;  // all but the copies of one block is not enough
  ShardCode shard{m, n, held, row_of, col_of};
  code.passes = {{0, false, n, 1, col_of, {held, sum_over_cols, threshold}, noise_scales(shard, col_of)},
                 {0, true, m, 1, row_of, {held, sum_over_rows, threshold}, noise_scales(shard, row_of)}};
  code.shards = {std::move(shard)};
  return code;
}

}  // namespace

Result<ProductCode> make_replication(Grid grid, Index peers) {
  if (Outcome plan = check_plan("replication", grid, peers); !plan) return plan.failure();
  if (Outcome groups = check_no_batch_groups("replication", grid); !groups) return groups.failure();
  return make_blocks("replication", grid, peers);
}

Result<ProductCode> make_uncoded(Grid grid, Index peers) {
  if (Outcome plan = check_plan("uncoded", grid, peers); !plan) return plan.failure();
  if (Outcome groups = check_no_batch_groups("uncoded", grid); !groups) return groups.failure();
  if (peers != grid.m * grid.n)
    return usage_failure("code uncoded on grid " + grid_text(grid) + " takes exactly " +
                         std::to_string(grid.m * grid.n) + " peers, not " + std::to_string(peers));
  return make_blocks("uncoded", grid, peers);
}

}  // namespace polydot::codes
