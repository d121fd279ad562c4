// How many files and sockets a process may have open (ulimit -n), asked for before they are needed.
#pragma once

#include "codes/base/result.h"

namespace polydot::node {

// That a peer of so many has open at most; that the launcher of so many has.
int open_files_of_peer(int peers);
int open_files_of_launcher(int peers);

// Raises the limit as far as this process may, if it is lower than `needed`. Failure: kUsage, with both
// numbers.
Outcome provide_open_files(int needed);

}  // namespace polydot::node
