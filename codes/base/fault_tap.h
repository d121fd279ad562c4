// The seam at which faults enter on purpose. A null tap costs one comparison at each point.
#pragma once

#include <cstdint>

#include "codes/base/matrix.h"
#include "codes/base/product_code.h"

namespace polydot::codes {

// Where in a step the live buffer stands, in the order in which a step comes by. Names are those of
// `--inject`.
enum class Stage {
  kBatch,         // the step's samples: features x batch
  kWeights,       // the stored shard, before the layer's first product of the step
  kOptimizer,     // its momentum, at the same time
  kEncode,        // the coded operand
  kProduct,       // the contribution, after the product and before its checksum
  kContribution,  // after its checksum: what is sent, not what is kept
  kDecode,        // a decoded product, before anything is made of it
  kActivation,    // what the activation made of it: the next layer's input
  kLoss,          // the gradient of the loss at the last layer's outputs
  kHadamard,      // delta of a layer, after the product with f'
  kUpdate,        // the stored shard, after its update
};
inline constexpr int kStageCount = 11;

// The published noise floor of the round that a buffer belongs to. An injector classifies what it did by
// `analytic`, which follows from the plan and the size of the weights alone: by a floor that learns, a
// detector that has gone deaf would still find all that is above it.
struct PublishedFloor {
  double threshold = 0.0;  // a whitened parity above it is an alarm; learned from rounds
  double analytic = 0.0;   // NoiseFloor::analytic_threshold of the weights of the start or, once they are
                           // larger, of those at hand
  double locatable = 0.0;  // one wrong value above so many thresholds (whitened) is surely located
  double sigma = 1.0;      // whitens this peer's row
  const VectorD* nu = nullptr;  // whiten the payload's columns
};

// What rides on the first training round that uses a shard in a step: its product with a shared random
// vector, and that of its momentum (codes/scrub.h).
struct ScrubPoint {
  const Matrix* vector = nullptr;    // inner side of the shard x 1
  PublishedFloor weights, momentum;  // nu: of one column
};

struct TapPoint {
  Stage stage = Stage::kProduct;
  std::uint64_t step = 0;
  std::uint32_t slot = 0;  // of the round that the buffer belongs to
  std::uint32_t attempt = 0;
  std::uint32_t epoch = 0;  // kEncode, kProduct, kContribution
  Index layer = 0;
  PassKind pass = PassKind::kForward;
  Index shard = 0;       // which shard (kWeights, kOptimizer, kUpdate)
  bool training = true;  // false in evaluation rounds
  // kEncode, kProduct.
  const PublishedFloor* floor = nullptr;
  // kEncode: how the coded operand came about and what it will be multiplied by.
  const Pass* code = nullptr;
  const Matrix* weights = nullptr;    // this peer's shard
  const ScrubPoint* scrub = nullptr;  // null: none rides on this round
};

class FaultTap {
 public:
  virtual ~FaultTap() = default;
  // Whether visit may change anything at this stage of this step: points that cost something to reach ask
  // first.
  virtual bool aims_at(std::uint64_t /*step*/, Stage /*stage*/) const { return true; }
  // May change `live`, the very buffer that the next stage reads.
  virtual void visit(const TapPoint& point, Eigen::Ref<Matrix> live) = 0;
  // What a change led to: the operand of the next round (batch, decode, activation, loss, hadamard) or, where
  // none follows, the updated shard, without and with it. `point` is that of the change; only called if the
  // two differ. For the injector's own books.
  virtual void led_to(const TapPoint& /*point*/, const Matrix& /*clean*/, const Matrix& /*faulty*/) {}
};

}  // namespace polydot::codes
