// A checkpoint by what equal ones share.
#pragma once

#include <compare>
#include <cstdint>

namespace polydot::protocol {

// The epoch in which it was written and the steps done. Ordered: that of a later epoch is newer, whatever its
// boundary.
struct CheckpointId {
  std::uint32_t epoch = 0;
  std::uint64_t boundary = 0;
  friend auto operator<=>(const CheckpointId&, const CheckpointId&) = default;
};

}  // namespace polydot::protocol
