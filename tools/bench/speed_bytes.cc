// What goes over the network, as the transport counts it in a run of real processes.
#include <fmt/format.h>

#include "tools/bench/speed_measures.h"

namespace polydot::bench {

Result<Measured> measure_bytes(const SpeedBench& bench) {
  constexpr Index kPeers = 10, kErrors = 3;
  ClusterPlan plan{.peers = kPeers, .hidden = bench.two_hidden(1024)};
  // Less than an epoch: the rounds of an evaluation would count as those of a step.
  plan.steps = bench.steps(20, 40);
  const auto network = dnn::make_mlp(kSpeedInputs, plan.hidden, kSpeedClasses, dnn::ActivationKind::kSmelu,
                                     dnn::LossKind::kCrossEntropy);
  if (!network) return network.failure();
  const auto best = least_receiving_code(kPeers, kErrors, *network, kSpeedBatch);
  if (!best) return best.failure();
  plan.code = best->name, plan.grid = best->grid;
  const double least = least_bytes(*network, kSpeedBatch);
  std::vector<double> received;
  for (int k = 0; k < bench.pairs(); ++k) {
    const auto run = bench.run(plan);
    if (!run) return run.failure();
    received.push_back(run->profile.sent_bytes / 1e6);  // on one machine nothing is lost on the way
  }
  const std::vector<double> beside(received.size(), least / 1e6);
  Measured measured;
  measured.rows = {
      {9, "bytes that a peer receives a step over the least", "MB", ratio_of(received, beside), 1.7, 1.5}};
  const auto code = codes::make_code(plan.code, plan.grid, plan.peers);
  if (!code) return code.failure();
  measured.remarks.push_back(fmt::format(
      "{} {}x{}x{}, P = {}, hidden {}: of all codes and grids that correct {} independent errors in either "
      "pass the one that receives least. Mean over peers of what the transport sent, headers and scrubs "
      "included; "
      "its contributions alone: {:.4g} MB.",
      plan.code, plan.grid.m, plan.grid.n, plan.grid.d, plan.peers, plan.hidden.front(), kErrors,
      received_bytes(*code, *network, kSpeedBatch) / 1e6));
  return measured;
}

}  // namespace polydot::bench
