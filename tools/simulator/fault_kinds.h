// The kinds of event that a simulated run may meet, and how often each happened.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "codes/base/fault_tap.h"

namespace polydot::simulator {

enum class FaultKind {
  kLoss,
  kDelay,  // far longer than usual
  kReordering,
  kDuplication,
  kCorruption,  // a bit of a frame
  kClog,
  kPartition,
  kOneWayPartition,
  kCrash,      // the disk is kept
  kDiskLost,   // a crash without it
  kTornWrite,  // a crash in the middle of a write that left something behind
  kDiskTrouble,
  kFreeze,
  kClockJump,
  kAllKilled,
  kSecondProcess,  // under the index of a peer, elsewhere
};
inline constexpr int kFaultKinds = 16;
const char* name_of(FaultKind kind);

struct FaultTally {
  std::array<std::uint64_t, kFaultKinds> by_kind{};
  std::array<std::uint64_t, codes::kStageCount> by_stage{};  // soft errors that changed bits

  std::uint64_t& of(FaultKind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
  std::uint64_t& of(codes::Stage stage) { return by_stage[static_cast<std::size_t>(stage)]; }
  FaultTally& operator+=(const FaultTally& other);
  // The first kind that never happened; empty: none.
  std::string missing() const;
  // "loss 12, delay 3, ..., soft errors: batch 1, ..."
  std::string text() const;
};

}  // namespace polydot::simulator
