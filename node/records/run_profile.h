// Where the time of a run's steps went, from the metrics.csv of its peers. Reads files only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "codes/base/work_profile.h"

namespace polydot::node {

struct RunProfile {
  int peers = 0;
  std::uint64_t steps = 0;                           // that it is a mean over, of each peer
  double wall_ms = 0.0;                              // a step
  std::array<double, codes::kWorkKinds> work_ms{};   // a step, mean over peers: processor; idle: wall
  double thread_cpu_ms = 0.0, process_cpu_ms = 0.0;  // a step, all peers together
  double sent_bytes = 0.0;                           // a step, mean over peers; headers included
  // By peer: share of steps, of all peers, in whose longest wait it came last.
  std::vector<double> waited_for;
};

// The first steps, `skip` of each peer, are left out: memory is touched for the first time there. Failure:
// kData, a file is missing or has no such columns, or there are no more steps.
Result<RunProfile> read_profile(const std::string& run, int peers, std::uint64_t skip);

}  // namespace polydot::node
