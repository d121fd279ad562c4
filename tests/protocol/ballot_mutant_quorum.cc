// A planted bug: half of the peers pass for a majority.
#define Ballot BallotWithQUORUM
#include "planted_bugs/QUORUM/protocol/recovery/ballot.cc"  // as another class
#include "tests/protocol/ballot_mutants.h"

namespace polydot::protocol::testing {

Explored explore_without_quorum(const WhatMayHappen& may) {
  return BallotExplorer<BallotWithQUORUM>(may).run();
}

}  // namespace polydot::protocol::testing
