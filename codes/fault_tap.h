// The seam at which faults enter on purpose. A null tap costs one comparison at each point.
#pragma once

#include <cstdint>

#include "codes/matrix.h"
#include "codes/product_code.h"

namespace polydot::codes {

// Where in a step the live buffer stands. Names are those of `--inject`.
enum class Stage {
  kWeights,  // the stored shard, before the layer's first product of the step
  kEncode,   // the coded operand
  kProduct,  // the contribution, after the product and before its checksum
};

struct TapPoint {
  Stage stage = Stage::kProduct;
  std::uint64_t step = 0;
  std::uint32_t slot = 0;
  Index layer = 0;
  PassKind pass = PassKind::kForward;
  Index shard = 0;       // which shard (kWeights)
  bool training = true;  // false in evaluation rounds
};

class FaultTap {
 public:
  virtual ~FaultTap() = default;
  // May change `live`, the very buffer that the next stage reads.
  virtual void visit(const TapPoint& point, Eigen::Ref<Matrix> live) = 0;
};

}  // namespace polydot::codes
