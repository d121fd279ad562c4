// The planner: which codes, on which grids and how many peers, meet a wished tolerance, and which of those is
// fastest on given hardware. A pure function; random sets are drawn with a fixed seed.
//
// A plan meets the wishes if, with e = missing + slow peers (a slow one is not waited for) and t wrong ones:
//   - e + 2t <= P-K in both passes, and with e missing a contribution is left to check with;
//   - more than half of the peers are there without the e;
//   - without the e and the t, erased, decoding is usable (gain at most codes::kUsableGain) and not weak
//     (kappa at most codes::kLargestHidden) in 99 % of sets: else rounds wait for more than is there;
//   - if a host may be lost: without any one of them training goes on, decoding usable and checked. That is
//   on
//     its own, not on top of e and t;
//   - the peers of a host fit in its memory.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/linear_code.h"
#include "codes/families/factories.h"
#include "tools/code_shape.h"
#include "tools/plan_model.h"

namespace polydot::tools {

struct Wishes {
  codes::Index wrong = 0, missing = 0, slow = 0;
  bool lose_host = false;
  codes::Index max_peers = 0;  // at most; 0: default_max_peers
  codes::Index top = 5;        // plans to name

  codes::Index erased() const { return missing + slow; }
  bool any() const { return wrong + missing + slow > 0 || lose_host; }
};

struct RankedPlan {
  CodeShape shape;
  Prediction cost;
  std::array<codes::ErrorBounds, 2> bounds;  // by PassKind, with everybody present
  // With what was wished erased, of the worse pass: 99 % of sets are no worse.
  double gain = 0.0;
  double kappa = std::numeric_limits<double>::infinity();  // what could still hide; infinite: unchecked
  double host_gain = 0.0;                                  // without the worst host; 0: not asked for
};

struct Ranking {
  std::vector<RankedPlan> plans;          // that meet the wishes, fastest first, one for each code and grid
  std::optional<RankedPlan> replication;  // the fastest that meets them
  std::optional<RankedPlan> uncoded;      // the fastest without code on two peers or more; meets nothing
  Prediction alone;                       // one machine
  bool alone_fits = true;                 // in the memory of a host
  codes::Index max_peers = 0, considered = 0, too_large = 0;
};

// Enough that tolerance is not what they run out of, and no more than some for each core.
codes::Index default_max_peers(const Hardware& hardware);

// By thresholds alone: what is said above of P-K and of half of the peers.
bool meets_bounds(const CodeShape& shape, const Wishes& wishes);

// What of the wishes needs the code itself: gains, lost hosts. None: it does not meet them.
std::optional<RankedPlan> verify(const CodeShape& shape, const Wishes& wishes, const Workload& work,
                                 const Hardware& hardware);

Ranking rank_plans(const Wishes& wishes, const Workload& work, const Hardware& hardware);

}  // namespace polydot::tools
