#include "codes/families/factories.h"

#include <algorithm>
#include <array>

namespace polydot::codes {

namespace {

struct Family {
  const char* name;
  Result<ProductCode> (*make)(Grid, Index);
  Index (*fewest)(Grid);
};

Index fewest_for_polynomial(Grid g) {
  const Index forward = g.m * g.n * g.d + g.n - 1;
  const Index backward = g.m * g.n * g.d + g.m * g.n - g.n;
  return std::max(forward, backward);
}
Index fewest_for_mds(Grid g) { return std::max(g.m, g.n); }
Index fewest_for_blocks(Grid g) { return g.m * g.n; }

constexpr std::array<Family, 5> kFamilies = {{
    {"polydot", make_polydot, fewest_for_polynomial},
    {"monomial", make_monomial, fewest_for_polynomial},
    {"mds", make_two_sided_mds, fewest_for_mds},
    {"replication", make_replication, fewest_for_blocks},
    {"uncoded", make_uncoded, fewest_for_blocks},
}};

}  // namespace

Result<ProductCode> make_code(const std::string& name, Grid grid, Index peers) {
  for (const Family& family : kFamilies)
    if (name == family.name) return family.make(grid, peers);
  return usage_failure("unknown code '" + name + "'; choose polydot, monomial, mds, replication or uncoded");
}

Index fewest_peers(const std::string& name, Grid grid) {
  for (const Family& family : kFamilies)
    if (name == family.name) return family.fewest(grid);
  return -1;
}

}  // namespace polydot::codes
