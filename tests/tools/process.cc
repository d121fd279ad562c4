#include "tests/tools/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace polydot::tools {

namespace {

namespace fs = std::filesystem;

constexpr auto kPollInterval = std::chrono::milliseconds(5);
constexpr int kPortAttempts = 3;

void require(bool fact, const char* what) {
  if (!fact) throw std::runtime_error(std::string(what) + ": errno " + std::to_string(errno));
}

int exit_code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// What this test started and has not reaped.
std::set<pid_t>& started() {
  static std::set<pid_t> pids;
  return pids;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
      continue;
    // pid (name) state parent ...; the name may hold anything.
    const std::string stat = read_file(entry.path() / "stat");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;  // it has just ended
    std::istringstream rest(stat.substr(name_end + 1));
    char state = 0;
    pid_t its_parent = -1;
    if (rest >> state >> its_parent && its_parent == parent) children.push_back(std::stoi(name));
  }
  return children;
}

// Processes whose parent ended before them; more may appear while these end.
void end_orphans() {
  for (bool some = true; some;) {
    some = false;
    for (const pid_t pid : children_of(getpid())) {
      if (started().contains(pid)) continue;
      some = true;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
}

[[noreturn]] void become(const std::vector<char*>& words, const char* folder, const char* out,
                         const char* err, pid_t test) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != test) _exit(127);
  const int null = open("/dev/null", O_RDONLY);
  const int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (null < 0 || out_fd < 0 || err_fd < 0 || chdir(folder) != 0) _exit(127);
  dup2(null, STDIN_FILENO);
  dup2(out_fd, STDOUT_FILENO);
  dup2(err_fd, STDERR_FILENO);
  execv(words[0], words.data());
  _exit(127);
}

}  // namespace

Words join(std::initializer_list<Words> lists) {
  Words all;
  for (const Words& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  require(!file.fail(), "cannot write a file of the test");
}

Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Scratch::Scratch() {
  std::string name = (fs::temp_directory_path() / "polydot-test-XXXXXX").string();
  require(mkdtemp(name.data()) != nullptr, "cannot make a scratch folder");
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Process::Process(const fs::path& folder, const Words& words) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  static int count = 0;
  const std::string number = std::to_string(count++);
  out_ = folder / (".out-" + number);
  err_ = folder / (".err-" + number);
  Words own = words;
  std::vector<char*> pointers;
  for (std::string& word : own) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t test = getpid();
  pid_ = fork();
  if (pid_ == 0) become(pointers, folder.c_str(), out_.c_str(), err_.c_str(), test);
  require(pid_ > 0, "cannot start a process");
  started().insert(pid_);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Process::~Process() {
  if (pid_ < 0) return;
  if (!exit_code_) {
    signal(SIGKILL);
    wait();
  }
  end_orphans();
}

void Process::settle(int status) {
  exit_code_ = exit_code_of(status);
  started().erase(pid_);
}

bool Process::running() {
  int status = 0;
  if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_) settle(status);
  return !exit_code_;
}

void Process::signal(int signal) const {
  if (!exit_code_) kill(pid_, signal);
}

Ended Process::wait() {
  int status = 0;
  if (!exit_code_ && waitpid(pid_, &status, 0) == pid_) settle(status);
  return {exit_code_.value_or(-1), read_file(out_), read_file(err_)};
}

bool Process::runs_until(const std::function<bool()>& reached) {
  while (!reached()) {
    if (!running()) return reached();
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

std::vector<pid_t> Process::children() const { return children_of(pid_); }

Process start(const Scratch& scratch, const Words& arguments) {
  return Process(scratch.path(), join({{POLYDOT_BINARY}, arguments}));
}

Ended run(const Scratch& scratch, const Words& arguments) { return start(scratch, arguments).wait(); }

bool exists(pid_t pid) { return kill(pid, 0) == 0; }

std::string command_line_of(pid_t pid) {
  std::string words = read_file("/proc/" + std::to_string(pid) + "/cmdline");
  std::replace(words.begin(), words.end(), '\0', ' ');
  return words;
}

int wait_for_orphan(pid_t pid) {
  int status = 0;
  return waitpid(pid, &status, 0) == pid ? exit_code_of(status) : -1;
}

TakenPort::TakenPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  require(bind(fd_, plain, size) == 0 && listen(fd_, 1) == 0 && getsockname(fd_, plain, &size) == 0,
          "no free port");
  port_ = ntohs(address.sin_port);
}

TakenPort::~TakenPort() {
  if (fd_ >= 0) close(fd_);
}

TakenPort::TakenPort(TakenPort&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

std::vector<int> free_ports(int count) {
  std::vector<TakenPort> held(static_cast<std::size_t>(count));
  std::vector<int> ports;
  for (const TakenPort& one : held) ports.push_back(one.port());
  return ports;
}

void with_free_ports(int count, const std::function<bool(const std::vector<int>&)>& attempt) {
  for (int k = 0; k < kPortAttempts; ++k)
    if (attempt(free_ports(count))) return;
  ADD_FAILURE() << "somebody took a port in each of " << kPortAttempts << " attempts";
}

bool found_its_port_taken(const Ended& ended) {
  return ended.err.find("address is in use") != std::string::npos;
}

}  // namespace polydot::tools
