// Against replication that corrects as many wrong peers: the same transport, kernels and checks.
#include <fmt/format.h>

#include "tools/bench/speed_measures.h"

namespace polydot::bench {

Result<Measured> measure_copies(const SpeedBench& bench) {
  constexpr Index kErrors = 3;
  ClusterPlan coded{.hidden = bench.two_hidden(1024)};
  coded.steps = bench.steps(30, 80);
  ClusterPlan copies = coded;
  copies.code = "replication";
  coded.peers = static_cast<int>(fewest_peers_correcting(coded.code, coded.grid, kErrors));
  copies.peers = static_cast<int>(fewest_peers_correcting(copies.code, copies.grid, kErrors));
  std::vector<double> thread[2], process[2], arithmetic[2], coding[2];
  for (int k = 0; k < bench.pairs(); ++k)
    for (const int which : {0, 1}) {
      const auto run = bench.run(which == 0 ? coded : copies);
      if (!run) return run.failure();
      thread[which].push_back(run->profile.thread_cpu_ms);
      process[which].push_back(run->profile.process_cpu_ms);
      arithmetic[which].push_back(arithmetic_ms(run->profile));
      coding[which].push_back(coding_ms(run->profile));
    }
  Measured measured;
  measured.rows = {
      {7, "compute over that of replication, 3 random errors", "ms", ratio_of(thread[0], thread[1]), 0.60,
       0.55},
      {7, "the same with input, output and kernel", "ms", ratio_of(process[0], process[1]), 0.55, 0.50},
      {7, "products and updates alone", "ms", ratio_of(arithmetic[0], arithmetic[1]), {}, {}},
      {7, "encode, check, decode alone", "ms", ratio_of(coding[0], coding[1]), {}, {}}};
  measured.remarks.push_back(
      fmt::format("ms a step of all peers together, hidden {}: polydot with P = {} over replication with P = "
                  "{}, {} copies "
                  "of each of the {} blocks: the fewest that correct {} independent errors in either pass.",
                  coded.hidden.front(), coded.peers, copies.peers,
                  copies.peers / (copies.grid.m * copies.grid.n), copies.grid.m * copies.grid.n, kErrors));
  measured.remarks.push_back(
      "Copies are compared by the same general check as codewords; what is received, checked and decoded "
      "grows "
      "with the square of the number of peers.");
  return measured;
}

}  // namespace polydot::bench
