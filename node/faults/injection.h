// One fault that was put in on purpose: the ground truth of a run.
#pragma once

#include <cstdint>

#include "codes/base/fault_tap.h"
#include "node/config/inject_spec.h"

namespace polydot::node {

// From what was changed and from the analytic noise floor, which follows from the plan and from how large the
// weights are (codes/base/fault_tap.h): never from what the locator finds, nor from the floor that it has
// learned. In this order.
enum class FaultClass {
  kMasked,      // changed no value that anybody reads (a zero's sign, a weight that meets only zeros)
  kBelowFloor,  // as small as rounding may be, or nobody looked (momentum without scrubs)
  kNearFloor,   // above the floor, and not so far that it is located for sure
  kAboveFloor,  // located for sure, if it is alone in its entry and all contributions are there, to this
                // round and to those that its operands were decoded from: above the locatable size of this
                // peer at the highest threshold that a floor may learn
  kErasure,     // after the checksum: lost on the way, and no question of floors
};
const char* name_of(FaultClass fault);

struct Injection {
  std::uint64_t step = 0;
  std::uint32_t slot = 0, attempt = 0;
  codes::Stage stage = codes::Stage::kProduct;
  FaultModel model = FaultModel::kBitFlip;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  codes::Index shard = 0;
  codes::Index count = 0;  // of elements whose bits changed; what follows is the first one's
  codes::Index row = 0, col = 0;
  unsigned bit = 0;  // the highest that changed
  float before = 0, after = 0;
  FaultClass fault_class = FaultClass::kMasked;
  // Of the wrong value that it gives a contribution, where it is largest over the floor.
  double size_over_floor = 0;  // whitened, over the analytic floor
  double size = 0;             // as it is
  double relative_size = 0;    // over the rms of the same column without it; 0: not known
  // Where it must show: of the round by which it was classified.
  std::uint64_t found_step = 0;
  std::uint32_t found_epoch = 0, found_attempt = 0;
  std::uint32_t found_slot = 0;
  codes::Index found_layer = 0;
  bool lasting = false;  // it stays, in a shard or in the machine, until somebody repairs it
};

}  // namespace polydot::node
