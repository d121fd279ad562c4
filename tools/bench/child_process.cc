#include "tools/bench/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace polydot::bench {

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);

volatile std::sig_atomic_t g_signal = 0;
void on_signal(int signal) { g_signal = signal; }

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// `more` and what this process has beside it; of a name that is given twice, programs take this one or that.
std::vector<std::string> whole_environment(const std::vector<std::string>& more) {
  const auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> all = more;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::none_of(more.begin(), more.end(),
                     [&](const std::string& given) { return name_of(given) == name_of(*entry); }))
      all.emplace_back(*entry);
  return all;
}

// In the child, between fork and exec: only what is safe there. Own group: what it starts ends with it.
[[noreturn]] void become(const std::vector<char*>& words, const std::vector<char*>& environment,
                         const ChildProgram& program, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = open(program.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int err = open(program.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (null < 0 || out < 0 || err < 0) _exit(127);
  dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execvpe(words[0], words.data(), environment.data());
  _exit(127);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(ChildProgram program) {
  // Everything is made before the fork; the child allocates nothing.
  std::vector<std::string> all = whole_environment(program.environment);
  const std::vector<char*> words = pointers_to(program.words), environment = pointers_to(all);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(words, environment, program, parent);
  if (pid < 0)
    return Failure{FailureKind::kNotReached,
                   "cannot start " + program.words[0] + ": " + std::strerror(errno)};
  setpgid(pid, pid);  // here too: a signal may come before the child has done it
  return ChildProcess(pid);
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  if (!poll()) {
    signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

std::optional<int> ChildProcess::poll() {
  int status = 0;
  if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_)
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

Result<int> ChildProcess::wait() {
  while (!poll()) {
    if (caught_signal()) {
      signal(SIGTERM);
      waitpid(std::exchange(pid_, -1), nullptr, 0);
      return Failure{FailureKind::kNotReached, "ended by a signal"};
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return *exit_code_;
}

void ChildProcess::signal(int signal) const {
  if (!exit_code_) kill(-pid_, signal);
}

void end_gently_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool caught_signal() { return g_signal != 0; }

void raise_caught_signal() {
  if (!caught_signal()) return;
  std::signal(g_signal, SIG_DFL);
  std::raise(g_signal);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const std::size_t before = text.rfind('\n', end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end - begin + 1);
}

Result<ScratchFolder> ScratchFolder::make() {
  std::string name = (std::filesystem::temp_directory_path() / "polydot-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    return data_failure("cannot make a temporary folder: " + std::string(std::strerror(errno)));
  return ScratchFolder(std::move(name));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace polydot::bench
