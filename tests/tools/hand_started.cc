#include "tests/tools/hand_started.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>

namespace polydot::tools {

HandStarted::HandStarted(const std::vector<int>& ports, const Words& flags, const Scratch& scratch)
    : scratch_(scratch), file_(scratch / "cluster.toml"), run_(scratch / "hand-started") {
  std::filesystem::remove_all(run_);  // of an attempt with other ports
  const Ended ended = tools::run(scratch, join({{"init", "--hosts", "127.0.0.1", "--peers",
                                                 std::to_string(ports.size()), "--out", file_, "--force"},
                                                flags}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const std::string host = "  127.0.0.1: ";
  for (const std::string& one : lines_of(ended.out))
    if (one.starts_with(host)) line_ = one.substr(host.size());
  std::string text = read_file(file_);
  for (std::size_t k = 0; k < ports.size(); ++k) {
    const std::string before = "\"127.0.0.1:" + std::to_string(29400 + k) + "\"";
    const auto at = text.find(before);
    EXPECT_NE(at, std::string::npos) << before << " is missing in\n" << text;
    if (at != std::string::npos)
      text.replace(at, before.size(), "\"127.0.0.1:" + std::to_string(ports[k]) + "\"");
  }
  write_file(file_, text);
}

std::string HandStarted::other_file(const std::string& from, const std::string& to) const {
  std::string text = read_file(file_);
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  const std::string path = scratch_ / "other-cluster.toml";
  write_file(path, text);
  return path;
}

void HandStarted::start_peer(int index, const std::string& file, const Words& flags) {
  peers_.push_back(start(
      scratch_, join({{"peer", "--config", file, "--index", std::to_string(index), "--out", run_}, flags})));
}

std::vector<Ended> HandStarted::wait() {
  std::vector<Ended> all;
  for (Process& peer : peers_) {
    // The others would wait long for one that could not start.
    const auto hopeless = [this] {
      return std::any_of(peers_.begin(), peers_.end(),
                         [](Process& one) { return !one.running() && found_its_port_taken(one.wait()); });
    };
    if (peer.runs_until(hopeless)) peer.signal(SIGKILL);
    all.push_back(peer.wait());
  }
  return all;
}

std::string HandStarted::of_peer(int index, const std::string& name) const {
  char folder[32];
  std::snprintf(folder, sizeof folder, "/peer-%02d/", index);
  return run_ + folder + name;
}

bool any_found_its_port_taken(const std::vector<Ended>& all) {
  return std::any_of(all.begin(), all.end(), found_its_port_taken);
}

}  // namespace polydot::tools
