// A planted bug: a proposer does not keep to what others have accepted.
#define Ballot BallotWithCHOICE
#include "planted_bugs/CHOICE/protocol/recovery/ballot.cc"  // as another class
#include "tests/protocol/ballot_mutants.h"

namespace polydot::protocol::testing {

Explored explore_with_free_choice(const WhatMayHappen& may) {
  return BallotExplorer<BallotWithCHOICE>(may).run();
}

}  // namespace polydot::protocol::testing
