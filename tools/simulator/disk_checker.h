// Checks a run by what is safe on its disks: what a crash at this moment would leave, or one has left.
//
//   torn       whatever has the final name of a checkpoint is whole: the peers' own reader takes it
//   misplaced  and it is that of this peer, and of the epoch and boundary that its name says
#pragma once

#include <cstdint>
#include <functional>

#include "node/checkpoints/checkpoint_file.h"
#include "node/files/disk.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

class DiskChecker {
 public:
  // on_checkpoint: each whole one that is found, each time.
  DiskChecker(Violations& violations, std::function<void(int peer, const node::Checkpoint&)> on_checkpoint)
      : violations_(violations), on_checkpoint_(std::move(on_checkpoint)) {}

  // `disk`: the durable half, which can be read (SimDisk::durable).
  void check(std::int64_t at_ms, int peer, const node::Disk& disk);

 private:
  Violations& violations_;
  std::function<void(int peer, const node::Checkpoint&)> on_checkpoint_;
};

}  // namespace polydot::simulator
