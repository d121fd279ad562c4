// Ballots with planted bugs, to show that an exploration finds them. Each is protocol/recovery/ballot.cc with
// a patch of tests/planted_bugs, under another name.
#pragma once

#include "tests/protocol/ballot_explorer.h"

namespace polydot::protocol::testing {

Explored explore_without_quorum(const WhatMayHappen& may);         // half is a majority
Explored explore_without_promise_check(const WhatMayHappen& may);  // accepts whatever it has promised
Explored explore_with_free_choice(const WhatMayHappen& may);       // proposes anew where others have accepted

}  // namespace polydot::protocol::testing
