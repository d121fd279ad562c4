// Checks that what a peer keeps stays within bounds that neither the length of the run nor anything that
// others do moves.
//
//   memory   contributions are kept of a few steps, own ones of a few more; requests of others and the pieces
//            given to them are counted
#pragma once

#include <cstdint>

#include "protocol/status.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

struct MemoryBounds {
  int peers = 0;
  std::size_t rounds_per_step = 0;  // of training and evaluation, at most
};

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
