// A part of one peer's coded state: some lines of one shard, of its momentum, or both.
//
// A line is a row of the shard if the pass that uses the shard first in a step multiplies by it, a column if
// that pass multiplies by its transpose: one entry of a contribution's column, and of a scrub, comes from one
// line.
#pragma once

#include <cstdint>
#include <vector>

#include "codes/base/product_code.h"

namespace polydot::codes {

struct ShardPart {
  Index layer = 0;
  Index shard = 0;
  std::vector<std::uint32_t> lines;  // ascending; empty: all
  bool weights = true;
  bool momentum = false;

  int states() const { return int{weights} + int{momentum}; }
  friend bool operator==(const ShardPart&, const ShardPart&) = default;
};

// What lines that are to be put right are until then.
enum class Meanwhile {
  kAsIs,  // they are faintly wrong, or drifted
  kZero,  // the shard takes no part in any round
  // As loud as the lines around them, each peer its own. Wrong all the same; but of two peers that set the
  // same lines to zero each would confirm the other.
  kNoise,
};

// The pass that uses this shard first in a step.
inline const Pass& first_pass(const ProductCode& code, Index shard) {
  const Pass& forward = code.pass(PassKind::kForward);
  return forward.shard == shard ? forward : code.pass(PassKind::kBackward);
}

// Lines of a shard of this shape, and the entries of one.
inline Shape line_shape(const Pass& pass, Shape shard) {
  return pass.transposed ? Shape{shard.cols, shard.rows} : shard;
}

}  // namespace polydot::codes
