// A run of `polydot train` whose peers are stopped, killed and looked after from outside, by its files.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "node/records/run_history.h"
#include "node/records/run_summary.h"
#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {

inline int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class RunUnderTest : public testing::Test {
 protected:
  static constexpr int kPeers = 10;

  std::string of_peer(int index, const std::string& file) const {
    char folder[32];
    std::snprintf(folder, sizeof folder, "/peer-%02d/", index);
    return run_ + folder + file;
  }
  Process start_run(const Words& flags) const {
    return start(
        scratch_,
        join({{"train", "--out", run_, "--json", "--patience-ms", "1000"}, flags, tiny_network(data_)}));
  }
  pid_t pid_of(int peer) const {
    const std::string pid = read_file(of_peer(peer, "lock"));
    return pid.empty() ? -1 : std::stoi(pid);
  }
  std::string log_of(int peer) const { return read_file(of_peer(peer, "log")); }
  int lives_of(int peer) const { return count_of(read_file(of_peer(peer, "repairs.jsonl")), "\"began\""); }
  // Steps that are on file, the newest included.
  std::uint64_t steps_of(int peer) const {
    const auto rows = node::read_history(of_peer(peer, "metrics.csv"));
    return rows.empty() ? 0 : rows.rbegin()->first + 1;
  }
  // How often the peer said that it takes part again.
  int returns_of(int peer) const {
    const std::string log = log_of(peer);
    return count_of(log, "active again") + count_of(log, "resumes from");
  }
  void expect_each_step_once(std::uint64_t steps) const {
    const Words rows = lines_of(read_file(run_ + "/metrics.csv"));
    ASSERT_EQ(rows.size(), steps + 1);
    for (std::uint64_t step = 0; step < steps; ++step)
      EXPECT_TRUE(rows[step + 1].starts_with(std::to_string(step) + ",")) << rows[step + 1];
  }
  // The run ended as one without trouble does, with what it found on stdout.
  nlohmann::json expect_good_end(const Ended& ended, std::uint64_t steps) const {
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    nlohmann::json summary = node::parse_json(ended.out);
    if (summary.is_discarded()) {
      ADD_FAILURE() << ended.out << ended.err;
      return nlohmann::json::object();
    }
    EXPECT_EQ(summary.at("steps"), steps);
    EXPECT_TRUE(summary.at("certificate").at("valid")) << summary.at("certificate");
    EXPECT_EQ(summary.at("faults").at("false_alarms"), 0) << summary.at("faults");
    expect_each_step_once(steps);
    return summary;
  }
  // For a failing test: what the peers said.
  std::string logs() const {
    std::string all;
    for (int p = 0; p < kPeers; ++p) all += "peer " + std::to_string(p) + ":\n" + log_of(p);
    return all;
  }

  const Scratch scratch_;
  const std::string data_ = write_tiny_digits(scratch_), run_ = scratch_ / "run";
};

}  // namespace polydot::tools
