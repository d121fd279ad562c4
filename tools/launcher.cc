#include "tools/launcher.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
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

#include "node/config/config_toml.h"
#include "node/files/run_layout.h"

namespace polydot::tools {

namespace {

// Codes that a peer ends with on purpose (tools/exit_code.h), also after a signal that it caught.
bool is_documented(int code) { return code <= static_cast<int>(FailureKind::kRefused) || code > 128; }

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
    if (p != self) close(listeners[static_cast<std::size_t>(p)].fd());
  const int null = open("/dev/null", O_RDONLY);
  const int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (null >= 0) dup2(null, STDIN_FILENO);
  if (file >= 0) {
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
  }
  execv("/proc/self/exe", arguments.data());
  _exit(127);
}

}  // namespace

Result<Listener> Listener::open() {
  Listener listener;
  listener.fd_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (listener.fd_ < 0 || bind(listener.fd_, plain, size) != 0 || listen(listener.fd_, 256) != 0 ||
      getsockname(listener.fd_, plain, &size) != 0)
    return network_failure(std::string("cannot listen on the loopback interface: ") + std::strerror(errno));
  listener.port_ = ntohs(address.sin_port);
  return listener;
}

Listener::~Listener() {
  if (fd_ >= 0) close(fd_);
}

Result<Child> Launcher::start_peer(int index) const {
  const std::string& run = config_.local.out;
  const std::string folder = node::peer_folder(run, index);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return data_failure("cannot make " + folder + ": " + error.message());
  // Everything is made before the fork; the child allocates nothing.
  std::vector<std::string> words = {
      "polydot",     "peer",
      "--config",    run + node::kClusterFile,
      "--index",     std::to_string(index),
      "--listen-fd", std::to_string(listeners_[static_cast<std::size_t>(index)].fd())};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = folder + node::kLogFile;
  const std::uintmax_t written = std::filesystem::file_size(log, error);
  const std::uintmax_t log_begin = error ? 0 : written;
  const pid_t launcher = getpid();
  const pid_t pid = fork();
  if (pid == 0) become_peer(arguments, listeners_, index, log.c_str(), launcher, options_.detach);
  if (pid < 0) return network_failure(std::string("cannot start a peer: ") + std::strerror(errno));
  return Child{.pid = pid, .log_begin = log_begin};
}

Result<Launcher> Launcher::start(node::Config config, const std::string& run, const LaunchOptions& options) {
  Launcher launcher;
  config.local.out = run;
  config.shared.endpoints.clear();
  for (std::int64_t p = 0; p < config.shared.peers; ++p) {
    auto listener = Listener::open();
    if (!listener) return listener.failure();
    config.shared.endpoints.push_back("127.0.0.1:" + std::to_string(listener->port()));
    launcher.listeners_.push_back(*std::move(listener));
  }
  if (Outcome saved = node::save_config(config, run + node::kClusterFile, node::Existing::kReplace); !saved)
    return saved.failure();
  launcher.config_ = std::move(config);
  launcher.options_.detach = options.detach;
  for (int p = 0; p < static_cast<int>(launcher.config_.shared.peers); ++p) {
    auto child = launcher.start_peer(p);
    if (!child) {
      launcher.options_.detach = false;  // nobody is left behind
      return child.failure();
    }
    launcher.children_.push_back(*std::move(child));
  }
  launcher.options_ = options;
  if (!options.respawn) launcher.listeners_.clear();
  return launcher;
}

Launcher::~Launcher() {
  if (options_.detach) return;
  signal_all(SIGKILL);
  for (Child& child : children_)
    if (!child.exit_code) waitpid(child.pid, nullptr, 0);
}

bool Launcher::poll() {
  bool all = true;
  for (int p = 0; p < static_cast<int>(children_.size()); ++p) {
    Child& child = children_[static_cast<std::size_t>(p)];
    int status = 0;
    if (!child.exit_code && waitpid(child.pid, &status, WNOHANG) == child.pid) on_end(p, status);
    if (child.again && Child::Clock::now() >= *child.again) {
      child.again.reset();
      if (auto started = start_peer(p)) {
        started->cool_down = child.cool_down;
        child = *std::move(started);
      } else {
        notices_.push_back(started.failure().message);
      }
    }
    all = all && child.exit_code && !child.again;
  }
  return all;
}

void Launcher::on_end(int index, int status) {
  Child& child = children_[static_cast<std::size_t>(index)];
  const bool by_signal = WIFSIGNALED(status);
  child.signal = by_signal ? WTERMSIG(status) : 0;
  child.exit_code = by_signal ? 128 + child.signal : WEXITSTATUS(status);
  if (*child.exit_code == 0) stop_respawning();  // the run is over: nobody would wait for who comes back
  if (!options_.respawn || (!by_signal && is_documented(*child.exit_code))) return;
  const auto up = std::chrono::duration_cast<CoolDown::Duration>(Child::Clock::now() - child.started);
  const CoolDown::Duration wait = child.cool_down.after(up);
  child.again = Child::Clock::now() + wait;
  notices_.push_back(fmt::format(
      "peer {} ended {} {}; it is started again in {:.1f} s", index, by_signal ? "by signal" : "with code",
      by_signal ? child.signal : *child.exit_code, static_cast<double>(wait.count()) / 1000.0));
}

void Launcher::stop_respawning() {
  options_.respawn = false;
  for (Child& child : children_) child.again.reset();
}

void Launcher::end_all() {
  stop_respawning();
  for (Child& child : children_) child.by_launcher = !child.exit_code;
  signal_all(SIGKILL);
}

void Launcher::signal_all(int signal) const {
  for (const Child& child : children_)
    if (!child.exit_code) kill(child.pid, signal);
}

}  // namespace polydot::tools
