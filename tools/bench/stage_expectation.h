// How each fault of the table stage x model has to end: written down before anything was run, and compared
// with what the runs of `polydot-bench outcomes` show.
#pragma once

#include "tools/bench/stage_cells.h"

namespace polydot::bench {

enum class FaultEnd {
  kBelowFloor,   // as harmless as rounding: nobody else is named, nobody decodes anything wrong
  kCorrected,    // named, left out, and nothing stays
  kErased,       // lost with its frame
  kRepaired,     // named, and what stayed in a shard was put right within four steps
  kQuarantined,  // named so often that the others leave the peer out
  kRefused,      // somebody ended without a result
  // What nothing may end as:
  kMissed,      // above the floor, and nobody else named the peer
  kStillWrong,  // named again and again, five steps later
  kWrongValue,  // somebody decoded a product, or ended with weights, that a run without faults does not have
  kWrongPeer,   // somebody was named who is right
};
const char* name_of(FaultEnd end);

// Of a fault that is above the floor; below it the end is kBelowFloor, whatever the cell. `places`: of the
// training. Codes do not differ: that is the promise.
FaultEnd expected_end(const node::InjectSpec& spec, const StagePlaces& places);

}  // namespace polydot::bench
