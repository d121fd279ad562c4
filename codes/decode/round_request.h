// What a job asks of the peer: one coded product.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>

#include "codes/base/matrix.h"
#include "codes/base/product_code.h"

namespace polydot::codes {

// The name of one round. Ordered as rounds happen: slots of a step are numbered in the order of their
// execution.
struct RoundKey {
  std::uint32_t epoch = 0;    // of membership (0 until a rollback), not of the data
  std::uint64_t step = 0;     // mini-batch, from 0
  std::uint32_t slot = 0;     // the job's number for (layer, pass) in this step
  std::uint32_t attempt = 0;  // counts recomputations

  friend auto operator<=>(const RoundKey&, const RoundKey&) = default;
};

// What is sent along with the first training round that uses a shard in a step: the shard's product with a
// vector that all peers share (shard_check.h), and the same of its momentum. A column each, behind the
// contribution's own.
struct ScrubRequest {
  Matrix vector;                     // inner side of the shard x 1
  const Matrix* momentum = nullptr;  // null: there is none
  // By how much an error in the momentum moves the weights until it is forgotten, over its size: the learning
  // rate / (1 - mu). 0: not known.
  double momentum_reach = 0.0;
  Index columns() const { return momentum == nullptr ? 1 : 2; }
};

struct RoundRequest {
  RoundKey key;
  PassKind pass = PassKind::kForward;
  Index layer = 0;                // which weight matrix, for floors, faults and reports
  bool training = true;           // false in evaluation
  const Matrix* shard = nullptr;  // this peer's; owned by the job, unchanged until the round is delivered
  Shape weights;                  // N_out x N_in of the plain matrix (the bias column included)
  // Plain: N_in x batch forward, N_out x batch backward. Never null, and never changed.
  std::shared_ptr<const Matrix> operand;

  std::optional<ScrubRequest> scrub;

  Index batch() const { return operand->cols(); }
  Index scrub_columns() const { return scrub ? scrub->columns() : 0; }
  // Rows of the wanted plain product.
  Index result_rows() const { return pass == PassKind::kForward ? weights.rows : weights.cols; }
};

}  // namespace polydot::codes
