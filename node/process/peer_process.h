// One peer as a process: loads its data, joins its cluster, trains, writes its records, says goodbye.
#pragma once

#include "codes/base/result.h"
#include "node/config/config.h"

namespace polydot::node {

struct PeerProcessOptions {
  Config config;  // valid; endpoints: one for each peer
  int self = 0;
  int listen_fd = -1;  // a listening socket inherited from the launcher; -1: bind the own endpoint
};

// Returns the exit code: 0 done, 128 + N stopped by signal N after finishing its step; or the failure that
// ended it. The first of the stop signals (node/system/stop_signals.h) finishes the step, the second leaves
// at once.
Result<int> run_peer_process(const PeerProcessOptions& options);

}  // namespace polydot::node
