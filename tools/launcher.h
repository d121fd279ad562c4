// Starts the peers of a run on this host, as processes of the same program, and waits for them. That is all
// it does: no peer needs it afterwards.
//
// Each peer inherits a listening loopback socket, so ports are the system's choice and nobody can take them
// in between. Unless detached, peers end with the launcher, also when it is killed with -9
// (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "codes/result.h"
#include "node/config.h"

namespace polydot::tools {

struct Child {
  pid_t pid = -1;
  std::optional<int> exit_code;  // 128 + N when ended by signal N; empty: running
};

class Launcher {
 public:
  // Fills in endpoints and a cluster id, writes RUN/config.toml (as the user gave it) and RUN/cluster.toml
  // (as the peers read it), starts the peers. run: an existing folder. Failure: kNetwork, kData.
  static Result<Launcher> start(node::Config config, const std::string& run, bool detach);
  // Ends what still runs (unless detached): nobody is left behind.
  ~Launcher();
  Launcher(Launcher&&) = default;
  Launcher& operator=(Launcher&&) = delete;

  // Collects who has ended; true when all have.
  bool poll();
  void signal_all(int signal) const;
  const std::vector<Child>& children() const { return children_; }
  // The settings with which the peers were started.
  const node::Config& config() const { return config_; }

 private:
  Launcher() = default;
  node::Config config_;
  bool detach_ = false;
  std::vector<Child> children_;
};

}  // namespace polydot::tools
