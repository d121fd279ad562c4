// One fault that was put in on purpose: the ground truth of a run.
#pragma once

#include <cstdint>

#include "codes/fault_tap.h"
#include "node/inject_spec.h"

namespace polydot::node {

// From what was changed and from the published noise floor, never from what the locator finds.
enum class FaultClass {
  kMasked,      // changed no value that anybody reads (a zero's sign, a weight that meets only zeros)
  kBelowFloor,  // may be seen, or be as harmless as rounding, or nobody looked (momentum without scrubs)
  kAboveFloor,  // located for sure: its whitened size passes the locatable size of this peer
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
  double size_over_floor = 0;  // whitened size of the wrong value over the alarm threshold
  // Where it must show: of the round by which it was classified.
  std::uint64_t found_step = 0;
  std::uint32_t found_slot = 0;
  codes::Index found_layer = 0;
  bool lasting = false;  // it stays, in a shard or in the machine, until somebody repairs it
};

}  // namespace polydot::node
