// One cell of the table stage x model: injections one at a time into simulated training runs, and what became
// of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/faults/injection.h"
#include "tools/bench/round_watch.h"
#include "tools/bench/stage_cells.h"

namespace polydot::bench {

// The clean run of one seed: what everything is compared with.
struct CleanRun {
  ProductBook products;
  std::vector<codes::Matrix> weights;
};

// Steps before the first injection of a run (floors are learned in them), between two, and after the last.
inline constexpr std::uint64_t kFirstStep = 20, kStepsApart = 6, kLastSteps = 10;
inline constexpr std::size_t kInjectionsARun = 25;
inline constexpr std::uint64_t kStepsOfARun = kFirstStep + kInjectionsARun * kStepsApart + kLastSteps;

CleanRun run_clean(std::uint64_t seed);

struct CellCounts {
  std::size_t placed = 0;
  std::size_t injected = 0;  // peers whose bits were changed
  std::size_t above = 0, near = 0, below = 0, masked = 0, erasures = 0;
  // Of those above the floor. An observer is a peer that was not injected and delivered, from a set with the
  // injected peer in it, the round in which it must show, in the attempt in which it must show.
  std::size_t found = 0;   // by every observer, in that round
  std::size_t undone = 0;  // nobody was an observer: the round was computed again, or rolled back
  std::size_t observations = 0, observations_missed = 0;  // pairs of such an injection and an observer
  std::size_t found_near = 0, found_below = 0;            // of the others, by anybody
  std::size_t steps = 0;                                  // sum over `found`
  std::size_t wrong_peer = 0;                             // located, while another was injected
  std::size_t late = 0;             // places where something older, unrepaired, still or first showed
  std::size_t false_alarms = 0;     // located, while nothing was injected
  std::size_t misled = 0;           // by the injected peer itself: others whom it located
  std::size_t miscorrections = 0;   // injections after which a peer decoded something wrong
  std::size_t committed_wrong = 0;  // rounds, of all peers: products off by more than 1e-3 of the signal
  std::size_t wrong_weights = 0;    // runs whose weights, decoded from one of several sets, ended elsewhere
  std::size_t refused = 0;          // peers that did not finish
  std::uint64_t recomputed = 0, operands = 0, rollbacks = 0, repairs = 0, rebuilds = 0, gave_up = 0;
  std::uint64_t checksums = 0, unexplained_scrubs = 0;
  double product_difference = 0.0, weight_difference = 0.0;  // the largest to the clean run

  CellCounts& operator+=(const CellCounts& other);
};

struct CellOutcome {
  StageCell cell;
  CellCounts counts;
  std::vector<std::string> remarks;  // a line for each miss, wrong peer and wrong value
};

// Adds `count` injections, numbered from `first`, in one run of this seed.
void run_cell(std::uint64_t seed, std::size_t first, std::size_t count, const CleanRun& clean,
              CellOutcome& outcome);

}  // namespace polydot::bench
