// Checks the stored weights that a run shows, in checkpoints and at boundaries while it trains, against the
// uncoded reference at the same boundary: each peer's shards by themselves, and in the end all of one
// boundary decoded together, in double, as who restores or exports them does.
//
// Leaves out who may hold an error that nobody has repaired yet: a soft error strikes a shard at any time, is
// seen by the next scrub that it is large enough for, and waits for the boundary of its repair.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codes/base/product_code.h"
#include "dnn/coded/coded_matrix.h"
#include "node/faults/injector.h"
#include "tools/simulator/reference_run.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

// Relative, Frobenius. What is too small to be located stays until the shard is cleaned: more than at the
// end.
inline constexpr double kStoredTolerance = 1e-3;
// Steps within which what can be located is repaired.
inline constexpr std::uint64_t kRepairSteps = 50;

// Whether something was done to a peer's state, or to what it makes its updates of, that this boundary may
// show. Steps that it did while it was impaired do not count: what it asks for may not be heard.
bool may_be_unrepaired(const node::Injector* truth, std::uint64_t boundary,
                       const std::set<std::uint64_t>& impaired_steps = {});

class WeightsChecker {
 public:
  using Shards = std::vector<std::vector<dnn::ShardState>>;  // [layer][shard]

  // Both outlive this.
  WeightsChecker(const codes::ProductCode& code, const ReferenceRun& reference, Violations& violations)
      : code_(code), reference_(reference), violations_(violations) {}

  // These are what a peer held at a boundary; `where`: shown with it, and what is decoded together.
  void note(std::int64_t at_ms, const std::string& where, std::uint32_t epoch, std::uint64_t boundary,
            int peer, const Shards& shards);
  // At the end: everything of one place, epoch and boundary that a usable set holds.
  void check_decoded(std::int64_t at_ms);

  std::uint64_t shards_checked() const { return shards_checked_; }
  std::uint64_t sets_decoded() const { return sets_decoded_; }

 private:
  using Group = std::tuple<std::string, std::uint32_t, std::uint64_t>;  // where, epoch, boundary
  bool is_used(std::size_t layer, std::size_t shard) const;
  double allowed(std::uint64_t boundary) const;
  void decode(std::int64_t at_ms, const Group& group, const std::map<int, Shards>& held, std::size_t layer,
              std::size_t shard);

  const codes::ProductCode& code_;
  const ReferenceRun& reference_;
  Violations& violations_;
  std::map<Group, std::map<int, Shards>> held_;  // by peer
  std::uint64_t shards_checked_ = 0, sets_decoded_ = 0;
};

}  // namespace polydot::simulator
