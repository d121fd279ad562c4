// polydot peer: one peer of a cluster, as a process.
#include "node/process/peer_process.h"
#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {

int run_peer(const PeerRequest& request) {
  const auto ended =
      node::run_peer_process({request.config, static_cast<int>(request.index), request.listen_fd});
  return ended ? *ended : report(ended.failure());
}

}  // namespace polydot::tools
