// Where a peer keeps the checkpoints of its own coded state, and finds them again: the two newest, as files.
#pragma once

#include <optional>
#include <vector>

#include "dnn/coded/training_program.h"
#include "node/checkpoints/checkpoint_file.h"
#include "node/files/disk.h"
#include "node/files/trouble.h"

namespace polydot::node {

class CheckpointShelf {
 public:
  static constexpr std::size_t kGenerations = 2;

  // `disk` outlives this. What is there of another identity is neither listed nor found (check_foreign).
  CheckpointShelf(Disk& disk, const PeerIdentity& of) : disk_(disk), of_(of) {}

  // Of the program as it stands. Whole or not at all; then older ones are removed, and what is torn.
  // Failure: kData; what was kept before is still there, and a line was said if this trouble is new.
  Outcome keep(std::uint32_t epoch, const dnn::TrainingProgram& program);
  // Ascending; whole as far as can be told without reading all of them.
  std::vector<protocol::CheckpointId> list() const;
  // Nothing when it is not there, or damaged.
  std::optional<dnn::TrainingProgram::State> find(const protocol::CheckpointId& id) const;
  // Whether nothing is there of another run or peer: it must not be combined with ours, nor replaced. Removes
  // what a crash left half written. Failure: kUsage.
  Outcome check_foreign();

 private:
  bool is_ours(const protocol::CheckpointId& id) const;
  Outcome write(const CheckpointHeader& header, const dnn::TrainingProgram& program);
  void prune();

  Disk& disk_;
  PeerIdentity of_;
  Trouble trouble_;
};

// By their names, newest (epoch, then boundary) first. Opens no file.
std::vector<protocol::CheckpointId> checkpoints_on(const Disk& disk);

}  // namespace polydot::node
