// A planted bug: what is accepted is not compared with what was promised.
#define Ballot BallotWithPROMISE
#include "planted_bugs/PROMISE/protocol/recovery/ballot.cc"  // as another class
#include "tests/protocol/ballot_mutants.h"

namespace polydot::protocol::testing {

Explored explore_without_promise_check(const WhatMayHappen& may) {
  return BallotExplorer<BallotWithPROMISE>(may).run();
}

}  // namespace polydot::protocol::testing
