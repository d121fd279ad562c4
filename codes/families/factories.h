// Every product code is made here, as a value. A plan whose numbers do not come out (residual above 1e-9, too
// few peers) is refused by name.
//
// Peers own an evaluation point each, z_p = cos((2p+1) pi / 2P), where the code has points.
#pragma once

#include <string>

#include "codes/base/product_code.h"
#include "codes/base/result.h"

namespace polydot::codes {

struct Grid {
  Index m = 2, n = 2, d = 1;
  friend bool operator==(const Grid&, const Grid&) = default;
};

// Nested Chebyshev-Lagrange generalized PolyDot: K = mnd + n - 1 forward, mnd + mn - n backward.
Result<ProductCode> make_polydot(Grid grid, Index peers);
// The textbook form in powers of z and z^n: the same thresholds, exponentially worse conditioned. For
// comparison.
Result<ProductCode> make_monomial(Grid grid, Index peers);
// Two-sided MDS: one shard coded over m row blocks (forward, K = m), one over n column blocks (backward, K =
// n).
Result<ProductCode> make_two_sided_mds(Grid grid, Index peers);
// Peer p holds block p mod mn, uncoded.
Result<ProductCode> make_replication(Grid grid, Index peers);
// Replication with one copy: P = mn.
Result<ProductCode> make_uncoded(Grid grid, Index peers);

// By name: polydot, monomial, mds, replication, uncoded.
Result<ProductCode> make_code(const std::string& name, Grid grid, Index peers);

// The fewest peers with which `name` on `grid` decodes at all, or -1 for an unknown name.
Index fewest_peers(const std::string& name, Grid grid);

}  // namespace polydot::codes
