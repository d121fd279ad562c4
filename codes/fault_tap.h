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

// The published noise floor of the round that a buffer belongs to: by it an injector classifies what it did.
struct PublishedFloor {
  double threshold = 0.0;       // a whitened parity above it is an alarm
  double locatable = 0.0;       // one wrong value above so many thresholds (whitened) is surely located
  double sigma = 1.0;           // whitens this peer's row
  const VectorD* nu = nullptr;  // whiten the payload's columns
};

struct TapPoint {
  Stage stage = Stage::kProduct;
  std::uint64_t step = 0;
  std::uint32_t slot = 0;
  Index layer = 0;
  PassKind pass = PassKind::kForward;
  Index shard = 0;                        // which shard (kWeights)
  bool training = true;                   // false in evaluation rounds
  const PublishedFloor* floor = nullptr;  // kEncode, kProduct
};

class FaultTap {
 public:
  virtual ~FaultTap() = default;
  // May change `live`, the very buffer that the next stage reads.
  virtual void visit(const TapPoint& point, Eigen::Ref<Matrix> live) = 0;
};

}  // namespace polydot::codes
