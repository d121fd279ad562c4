// Checks a run by the samples that peers say they have trained on, at each commit: over the history that is
// left when all rollbacks are done, each epoch of the data takes each sample once. Knows no sampler.
//
//   batch    who commits the same step of one epoch of the protocol has trained on the same samples
//   lineage  in the end, of each step the commit of the last epoch counts: every step was committed by
//            somebody;
//            an epoch of the data that is over has each sample once, the last one none twice
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/simulator/violations.h"

namespace polydot::simulator {

class LineageChecker {
 public:
  LineageChecker(std::uint64_t samples, Violations& violations)
      : samples_(samples), violations_(violations) {}

  // `epoch`: of the protocol; `data_epoch`: the pass over the data that this step says to be of.
  void on_commit(std::int64_t at_ms, int peer, std::uint32_t epoch, std::uint64_t step,
                 std::uint64_t data_epoch, std::span<const std::uint32_t> batch);
  // At the end, of a run that did so many steps.
  void check(std::int64_t at_ms, std::uint64_t steps);

 private:
  struct Commit {
    std::uint32_t epoch = 0;
    std::uint64_t data_epoch = 0;
    std::vector<std::uint32_t> batch;  // empty: nobody has committed the step
  };
  std::uint64_t samples_;
  Violations& violations_;
  std::vector<Commit> steps_;
};

}  // namespace polydot::simulator
