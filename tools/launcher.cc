#include "tools/launcher.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "node/config_toml.h"
#include "node/run_folder.h"
#include "tools/command_init.h"

namespace polydot::tools {

namespace {

struct Listener {
  int fd = -1;
  int port = 0;
};

// A TCP socket that listens on a free loopback port; inherited by children unless closed.
Result<Listener> listen_on_loopback() {
  Listener listener;
  listener.fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener.fd < 0 || bind(listener.fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.fd, 256) != 0 ||
      getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    const std::string reason = std::strerror(errno);
    if (listener.fd >= 0) close(listener.fd);
    return network_failure("cannot listen on the loopback interface: " + reason);
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void become_peer(const std::vector<char*>& arguments, const std::vector<Listener>& listeners,
                              int self, const char* log, pid_t launcher, bool detach) {
  if (detach) {
    setsid();
  } else {
    setpgid(0, 0);  // the terminal's Ctrl-C goes to the launcher, which passes it on once
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launcher) _exit(128 + SIGKILL);
  }
  for (int p = 0; p < static_cast<int>(listeners.size()); ++p)
    if (p != self) close(listeners[static_cast<std::size_t>(p)].fd);
  const int null = open("/dev/null", O_RDONLY);
  const int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (null >= 0) dup2(null, STDIN_FILENO);
  if (file >= 0) {
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
  }
  execv("/proc/self/exe", arguments.data());
  _exit(127);
}

Result<pid_t> start_peer(const std::string& run, const std::vector<Listener>& listeners, int self,
                         bool detach) {
  std::error_code error;
  std::filesystem::create_directories(node::peer_folder(run, self), error);
  if (error) return data_failure("cannot make " + node::peer_folder(run, self) + ": " + error.message());
  // Everything is made before the fork; the child allocates nothing.
  std::vector<std::string> words = {
      "polydot",     "peer",
      "--config",    run + "/cluster.toml",
      "--index",     std::to_string(self),
      "--listen-fd", std::to_string(listeners[static_cast<std::size_t>(self)].fd)};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = node::peer_folder(run, self) + node::kLogFile;
  const pid_t launcher = getpid();
  const pid_t pid = fork();
  if (pid == 0) become_peer(arguments, listeners, self, log.c_str(), launcher, detach);
  if (pid < 0) return network_failure(std::string("cannot start a peer: ") + std::strerror(errno));
  return pid;
}

}  // namespace

Result<Launcher> Launcher::start(node::Config config, const std::string& run, bool detach) {
  if (Outcome saved = node::save_config(config, run + node::kConfigFile, node::Existing::kReplace); !saved)
    return saved.failure();
  auto cluster_id = random_cluster_id();
  if (!cluster_id) return cluster_id.failure();
  config.shared.cluster_id = *cluster_id;
  config.shared.endpoints.clear();
  std::vector<Listener> listeners;
  Launcher launcher;
  launcher.detach_ = detach;
  std::optional<Failure> failure;
  for (std::int64_t p = 0; p < config.shared.peers && !failure; ++p) {
    auto listener = listen_on_loopback();
    if (!listener)
      failure = listener.failure();
    else {
      listeners.push_back(*listener);
      config.shared.endpoints.push_back("127.0.0.1:" + std::to_string(listener->port));
    }
  }
  launcher.config_ = config;
  launcher.config_.local.out = run;
  if (!failure)
    if (Outcome saved = node::save_config(launcher.config_, run + "/cluster.toml", node::Existing::kReplace);
        !saved)
      failure = saved.failure();
  for (int p = 0; p < static_cast<int>(config.shared.peers) && !failure; ++p) {
    auto pid = start_peer(run, listeners, p, detach);
    if (pid)
      launcher.children_.push_back({*pid, std::nullopt});
    else
      failure = pid.failure();
  }
  for (const Listener& listener : listeners) close(listener.fd);
  if (!failure) return launcher;
  launcher.detach_ = false;
  return *failure;
}

Launcher::~Launcher() {
  if (detach_) return;
  signal_all(SIGKILL);
  for (Child& child : children_)
    if (!child.exit_code) waitpid(child.pid, nullptr, 0);
}

bool Launcher::poll() {
  bool all = true;
  for (Child& child : children_) {
    if (child.exit_code) continue;
    int status = 0;
    if (waitpid(child.pid, &status, WNOHANG) == child.pid)
      child.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    else
      all = false;
  }
  return all;
}

void Launcher::signal_all(int signal) const {
  for (const Child& child : children_)
    if (!child.exit_code) kill(child.pid, signal);
}

}  // namespace polydot::tools
