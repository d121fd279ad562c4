#include "tools/code_shape.h"

#include <algorithm>

#include "codes/base/peer_set.h"

namespace polydot::tools {

using codes::Grid;
using codes::Index;
using codes::PassKind;
using codes::Shape;

Index CodeShape::threshold() const { return std::max(passes[0].threshold, passes[1].threshold); }

Shape CodeShape::shard(Index index, Shape weights) const {
  const ShardBlocks& blocks = shards[static_cast<std::size_t>(index)];
  return {codes::padded(weights.rows, blocks.rows) / blocks.rows,
          codes::padded(weights.cols, blocks.cols) / blocks.cols};
}

Shape CodeShape::payload(PassKind kind, Shape weights, Index batch) const {
  const PassShape& pass = passes[static_cast<std::size_t>(kind)];
  const Shape own = shard(pass.shard, weights);
  return {kind == PassKind::kForward ? own.rows : own.cols,
          codes::padded(batch, pass.batch_groups) / pass.batch_groups};
}

CodeShape shape_of(const codes::ProductCode& code) {
  CodeShape shape;
  shape.name = code.name;
  shape.grid = {code.m, code.n, code.d};
  shape.peers = code.peers();
  for (const codes::ShardCode& shard : code.shards)
    shape.shards.push_back({shard.row_blocks, shard.col_blocks});
  for (std::size_t k = 0; k < shape.passes.size(); ++k) {
    const codes::Pass& pass = code.passes[k];
    shape.passes[k] = {pass.code.recovery_threshold, pass.code.wanted(), pass.code.columns(), pass.shard,
                       pass.operand_blocks,          pass.batch_groups};
  }
  return shape;
}

std::optional<CodeShape> shape_of(const std::string& name, Grid grid, Index peers) {
  const auto [m, n, d] = grid;
  const Index fewest = codes::fewest_peers(name, grid);
  if (fewest < 1 || peers < fewest || peers > codes::kMaxPeers) return std::nullopt;
  CodeShape shape{name, grid, peers, {{m, n}}, {}};
  if (name == "polydot" || name == "monomial") {
    const Index forward = m * n * d + n - 1, backward = m * n * d + m * n - n;
    shape.passes = {PassShape{forward, m * d, forward, 0, n, d},
                    PassShape{backward, n * d, backward, 0, m, d}};
    return shape;
  }
  if (d != 1) return std::nullopt;
  if (name == "mds") {
    shape.shards = {{m, 1}, {1, n}};
    shape.passes = {PassShape{m, m, m, 0, 1, 1}, PassShape{n, n, n, 1, 1, 1}};
    return shape;
  }
  const Index blocks = m * n;
  if (name == "uncoded" && peers != blocks) return std::nullopt;
  const Index threshold = peers - peers / blocks + 1;  // all but the copies of one block is not enough
  shape.passes = {PassShape{threshold, m, blocks, 0, n, 1}, PassShape{threshold, n, blocks, 0, m, 1}};
  return shape;
}

}  // namespace polydot::tools
