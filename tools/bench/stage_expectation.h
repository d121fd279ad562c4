// How each fault of the table stage x model has to end: written down before anything was run, and compared
// with what the runs of `polydot-bench outcomes` show.
#pragma once

#include <vector>

#include "node/faults/injection.h"
#include "tools/bench/stage_cells.h"

namespace polydot::bench {

enum class FaultEnd {
  kBelowFloor,   // as harmless as rounding: nobody else is named, nobody decodes anything wrong
  kCorrected,    // named, left out, and nothing stays
  kErased,       // lost with its frame
  kRepaired,     // named, and what stayed in a shard was put right within four steps
  kRestCleaned,  // cleaned later of what was too faint for a scrub; the rest repaired, if there was any
  kQuarantined,  // named so often that the others leave the peer out
  kRefused,      // somebody ended without a result
  // What nothing may end as:
  kMissed,       // above the floor, and nobody else named the peer
  kStillWrong,   // named again and again, five steps later
  kWrongValue,   // somebody decoded a product, or ended with weights, that a run without faults does not have
  kWrongPeer,    // somebody was named who is right
  kNotInjected,  // nothing was changed at one of the peers that it is for: it proves nothing
};
const char* name_of(FaultEnd end);

// Whether a fault is above the floor wherever it strikes: what is no number, or is random all over, in what
// is sent or stored. (An operand may be one that this peer's share leaves out.)
bool must_show(const node::InjectSpec& spec);

// The layers in whose shards a fault may stay, by what it changed.
std::vector<codes::Index> updated_layers(const node::Injection& injection);
// A machine that makes the same mistake when it computes again.
bool is_broken(node::FaultModel model);
// Of the stored shard itself.
bool is_stored(codes::Stage stage);

// Of a fault that is above the floor; below it the end is kBelowFloor, whatever the cell. `places`: of the
// training. scrub_names: whether scrubs name the victim's shard: what a broken machine puts into an update
// may be as faint as rounding, however loud it is in a product. Codes do not differ: that is the promise.
FaultEnd expected_end(const node::InjectSpec& spec, const StagePlaces& places, bool scrub_names);

}  // namespace polydot::bench
