// Starts the peers of a run on this host, as processes of the same program, and waits for them; if asked to,
// it starts again who crashed. That is all it does: no peer needs it afterwards.
//
// Each peer inherits a listening loopback socket, so ports are the system's choice and nobody can take them
// in between. Unless they are to live on without it, peers end with the launcher, also when it is killed with
// -9 (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config.h"
#include "tools/cool_down.h"

namespace polydot::tools {

struct LaunchOptions {
  bool detach = false;   // the peers live on without the launcher
  bool respawn = false;  // who is ended by a signal, or by a code that is none of ours, is started again
};

struct Child {
  using Clock = std::chrono::steady_clock;
  pid_t pid = -1;
  std::optional<int> exit_code = {};  // 128 + N when ended by signal N; empty: running
  int signal = 0;                     // that ended it
  bool by_launcher = false;           // which was for want of others, not for a reason of its own
  std::uintmax_t log_begin = 0;       // bytes that earlier processes had written into its log
  Clock::time_point started = Clock::now();
  std::optional<Clock::time_point> again = {};  // when it is started again
  CoolDown cool_down = {};
};

// A TCP socket that listens on a loopback port; inherited by children unless closed.
class Listener {
 public:
  static Result<Listener> open();
  Listener(Listener&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
  Listener& operator=(Listener&&) = delete;
  ~Listener();
  int fd() const { return fd_; }
  int port() const { return port_; }

 private:
  Listener() = default;
  int fd_ = -1, port_ = 0;
};

class Launcher {
 public:
  // Fills in endpoints, writes RUN/cluster.toml, as the peers read it, and starts them. run: an existing
  // folder. Failure: kNetwork, kData.
  static Result<Launcher> start(node::Config config, const std::string& run, const LaunchOptions& options);
  // Ends what still runs (unless detached): nobody is left behind.
  ~Launcher();
  Launcher(Launcher&&) = default;
  Launcher& operator=(Launcher&&) = delete;

  // Collects who has ended, and starts again whose time has come; true when all have ended for good.
  bool poll();
  // From now on nobody is started again.
  void stop_respawning();
  void signal_all(int signal) const;
  // At once: without those that have ended the others can do nothing.
  void end_all();
  // Lines for the user since the last call: who was started again.
  std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }
  const std::vector<Child>& children() const { return children_; }
  // The settings with which the peers were started.
  const node::Config& config() const { return config_; }

 private:
  Launcher() = default;
  Result<Child> start_peer(int index) const;
  void on_end(int index, int status);

  node::Config config_;
  LaunchOptions options_;
  std::vector<Listener> listeners_;  // kept for those that are started again
  std::vector<Child> children_;
  std::vector<std::string> notices_;
};

}  // namespace polydot::tools
