// A cluster as on several hosts: one file from polydot init, and every peer started by hand.
#pragma once

#include <string>
#include <vector>

#include "tests/tools/process.h"

namespace polydot::tools {

class HandStarted {
 public:
  // flags: of init. Peer k gets ports[k].
  HandStarted(const std::vector<int>& ports, const Words& flags, const Scratch& scratch);

  // The file that every peer reads; for one that reads something else: other_file(from, to), which replaces a
  // text.
  const std::string& file() const { return file_; }
  std::string other_file(const std::string& from, const std::string& to) const;

  void start_peer(int index, const Words& flags = {}) { start_peer(index, file_, flags); }
  void start_peer(int index, const std::string& file, const Words& flags);
  Process& peer(std::size_t order) { return peers_[order]; }
  // In the order of their starts.
  std::vector<Ended> wait();

  const std::string& run() const { return run_; }
  // The line for the shell that init printed.
  const std::string& line() const { return line_; }
  std::string of_peer(int index, const std::string& name) const;

 private:
  const Scratch& scratch_;
  std::string file_, run_, line_;
  std::vector<Process> peers_;
};

bool any_found_its_port_taken(const std::vector<Ended>& all);

}  // namespace polydot::tools
