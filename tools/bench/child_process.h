// A program that runs beside this one, and never longer: it ends with this process, and when its ChildProcess
// goes. No input; what it prints goes to files.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codes/base/result.h"

namespace polydot::bench {

struct ChildProgram {
  std::vector<std::string> words;        // path (or a name that PATH finds) and arguments
  std::vector<std::string> environment;  // NAME=VALUE, beside what this process has
  std::string out, err;                  // files
};

class ChildProcess {
 public:
  // Failure: kNotReached, no process can be had.
  static Result<ChildProcess> start(ChildProgram program);
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // 127: there is no such program; 128 + N: ended by signal N. Empty: it runs.
  std::optional<int> poll();
  // To its end. Failure: kNotReached, this process is to end (Ctrl-C); then so has the child.
  Result<int> wait();
  void signal(int signal) const;

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> exit_code_;
};

// From now on a first SIGINT or SIGTERM ends what is waited for, so that nothing is left behind; a second one
// this process.
void end_gently_on_signals();
bool caught_signal();
// After such an end: as if the signal had not been caught. Returns if there was none.
void raise_caught_signal();

// Whole; empty if it cannot be read.
std::string read_text(const std::string& path);
std::string last_line(const std::string& text);

// A temporary folder that goes with this.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace polydot::bench
