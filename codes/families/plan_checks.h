// What every factory asks before it makes a code. Private to codes/.
#pragma once

#include <string>

#include "codes/base/peer_set.h"
#include "codes/families/factories.h"

namespace polydot::codes {

inline std::string grid_text(Grid g) {
  return std::to_string(g.m) + "x" + std::to_string(g.n) + "x" + std::to_string(g.d);
}

// Refuses nonsense grids and too few or too many peers, naming the number that works.
inline Outcome check_plan(const std::string& name, Grid grid, Index peers) {
  if (grid.m < 1 || grid.n < 1 || grid.d < 1 || grid.m * grid.n * grid.d > kMaxPeers)
    return usage_failure("grid " + grid_text(grid) +
                         ": m, n, d must be at least 1 and their product at most " +
                         std::to_string(kMaxPeers));
  const Index fewest = fewest_peers(name, grid);
  if (peers < fewest)
    return usage_failure("code " + name + " on grid " + grid_text(grid) + " needs at least " +
                         std::to_string(fewest) + " peers, not " + std::to_string(peers));
  if (peers > kMaxPeers)
    return usage_failure("at most " + std::to_string(kMaxPeers) + " peers, not " + std::to_string(peers));
  return Unit{};
}

// Codes without batch groups accept d = 1 only.
inline Outcome check_no_batch_groups(const std::string& name, Grid grid) {
  if (grid.d != 1)
    return usage_failure("code " + name + " has no batch groups: use grid " + std::to_string(grid.m) + "x" +
                         std::to_string(grid.n) + " (d = 1), not " + grid_text(grid));
  return Unit{};
}

// sigma of a pass: ||encoder row|| ||operand encoder row||, a row each peer.
inline VectorD noise_scales(const ShardCode& shard, const MatrixD& operand_encoder) {
  return shard.encoder.rowwise().norm().cwiseProduct(operand_encoder.rowwise().norm());
}

}  // namespace polydot::codes
