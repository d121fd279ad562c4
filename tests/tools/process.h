// Runs programs as a user would, in a folder of its own, and leaves no process behind.
//
// The test adopts the processes that its children leave when they end, so it sees how each of them ends, and
// ends what is still there when it is over.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polydot::tools {

using Words = std::vector<std::string>;

// One list after the other.
Words join(std::initializer_list<Words> lists);

std::string read_file(const std::filesystem::path& path);  // empty if there is none
void write_file(const std::filesystem::path& path, std::string_view bytes);
Words lines_of(const std::string& text);

// Removed with everything in it when the test ends.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Ended {
  int exit_code = -1;  // 128 + N when ended by signal N
  std::string out, err;
};

// In a process group of its own, with no input, its output in files.
class Process {
 public:
  // words: the program's path and its arguments. Starts in `folder`, which also gets the files of its output.
  Process(const std::filesystem::path& folder, const Words& words);
  // Kills and reaps it, and what it left.
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int signal) const;
  Ended wait();
  // Polls. True: `reached` holds; false: the process ended and it does not.
  bool runs_until(const std::function<bool()>& reached);
  std::vector<pid_t> children() const;
  std::string err() const { return read_file(err_); }  // so far

 private:
  void settle(int status);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::filesystem::path out_, err_;
};

// The program under test, to its end.
Process start(const Scratch& scratch, const Words& arguments);
Ended run(const Scratch& scratch, const Words& arguments);

bool exists(pid_t pid);
std::string command_line_of(pid_t pid);  // words with a blank after each
// Waits for the end of a process that its launcher left to the test; its exit code.
int wait_for_orphan(pid_t pid);

// Ports of 127.0.0.1 that were free a moment ago, all different.
std::vector<int> free_ports(int count);
// Calls `attempt` with free ports until it returns true; at most three times, for somebody else may take a
// port before a peer does.
void with_free_ports(int count, const std::function<bool(const std::vector<int>&)>& attempt);
bool found_its_port_taken(const Ended& ended);

// A port that somebody else listens on.
class TakenPort {
 public:
  TakenPort();
  ~TakenPort();
  TakenPort(TakenPort&& other) noexcept;
  TakenPort& operator=(TakenPort&&) = delete;
  int port() const { return port_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

}  // namespace polydot::tools
