// Checks that what a peer keeps stays within bounds that neither the length of the run nor anything that
// others do moves.
//
//   memory   contributions are kept within a quota of bytes for each peer, own ones of a few steps; requests
//   of
//            others, the pieces given to them, answers and messages not yet sent, notes of who abstained and
//            who was helped, decoders kept for use again
#pragma once

#include <cstdint>

#include "codes/base/product_code.h"
#include "dnn/optimizers/training_plan.h"
#include "protocol/health/status.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

struct MemoryBounds {
  int peers = 0;
  std::size_t rounds_per_step = 0;  // of training and evaluation, at most
  // Bytes of one peer's contribution to the largest round, and to all training rounds of a step.
  std::size_t round_bytes = 0, step_bytes = 0;
  std::size_t decoder_caches = 0;  // of one peer
};

// From the plan, not from what peers say of themselves. rounds_per_step: of training and evaluation.
MemoryBounds memory_bounds(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                           std::size_t rounds_per_step);

class MemoryChecker {
 public:
  MemoryChecker(const MemoryBounds& bounds, Violations& violations)
      : bounds_(bounds), violations_(violations) {}
  void check(std::int64_t at_ms, int peer, const protocol::MemoryUse& use);

 private:
  MemoryBounds bounds_;
  Violations& violations_;
};

}  // namespace polydot::simulator
