// What a code can do for a network, before it is used: thresholds, error bounds, gain, memory, bytes and
// arithmetic per peer. A pure function of the request; random sets are drawn with a fixed seed.
//
// Gain: the factor by which rounding may grow in a decode (codes/CODES.md); infinite when a set does not
// decode. Bytes are payload bytes; a step is one mini-batch, forward and backward.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/linear_code.h"
#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "codes/families/factories.h"
#include "tools/options.h"

namespace polydot::tools {

// The floor (median of the statistic) that float32 training settles at lies between 5e-7 and 5e-6.
inline constexpr double kTypicalFloor = 1e-6;

// A set of contributions: usable when its gain is at most codes::kUsableGain and a row is left to check with;
// a round waits otherwise. (A code that never has a row to spare is usable unchecked.)
struct SetReport {
  double gain = 0.0;
  bool usable = false;
};

struct PassReport {
  codes::Index recovery_threshold = 0;
  codes::ErrorBounds bounds;  // with everybody present
  SetReport complete;
  SetReport worst_peer;     // one peer missing, the worst one
  SetReport random_median;  // PlanReport::random_missing peers missing
  SetReport random_p99;
  double kappa = 0.0;  // the largest relative error that could hide in a clean round; infinite: unchecked
};

struct HostReport {
  std::vector<codes::Index> indices;
  std::array<SetReport, 2> without;  // this host missing, by PassKind
};

// Of one peer.
struct PlanCost {
  double memory_bytes = 0.0;     // weights and momentum
  double sent_bytes = 0.0;       // a step; as many are received
  double arithmetic = 0.0;       // products and updates of a step, over those of the whole uncoded network
  double coding_overhead = 0.0;  // encode, check and decode, over the peer's products and updates
};

struct PlanReport {
  std::string title;
  codes::Index peers = 0;
  std::array<PassReport, 2> passes;  // by PassKind
  codes::Index random_missing = 0;   // a tenth of the peers, at least one
  double floor = 0.0, signal = 0.0;  // that kappa assumes, whitened
  std::vector<HostReport> hosts;     // empty: not asked for
  PlanCost cost;
  double plain_memory_bytes = 0.0;  // the whole uncoded network, momentum included
  std::vector<std::string> advice;  // one line each
};

// Failure: kUsage, from the factory of the code (too few peers: the message names the smallest number).
Result<PlanReport> make_plan_report(const PlanRequest& request);

std::string text_of(const PlanReport& report);

// The gain of a set, as codes::gain_of, but without its singular value decomposition of the whole set.
double quick_gain(const codes::LinearCode& code, const codes::VectorD& sigma, const codes::PeerSet& set);

}  // namespace polydot::tools
