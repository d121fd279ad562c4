#include "tools/bench/tally.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace polydot::bench {

std::vector<LocationPlan> location_plans() {
  std::vector<LocationPlan> plans;
  for (const auto& [grid, peers] :
       {std::pair{codes::Grid{2, 2, 1}, Index{10}}, std::pair{codes::Grid{2, 2, 1}, Index{12}},
        std::pair{codes::Grid{3, 3, 1}, Index{20}}})
    for (codes::PassKind pass : kBothPasses) plans.push_back({grid, peers, pass});
  return plans;
}

const char* name_of(codes::PassKind kind) {
  return kind == codes::PassKind::kForward ? "forward" : "backward";
}

std::string plan_text(codes::Grid g, Index peers) {
  return g.d == 1 ? fmt::format("({},{},{})", g.m, g.n, peers)
                  : fmt::format("({},{},{}), P = {}", g.m, g.n, g.d, peers);
}

std::string location_heading(const LocationPlan& plan) {
  return fmt::format("{} {}", plan_text(plan.grid, plan.peers), name_of(plan.pass));
}

LabOptions lab_options(const LocationPlan& plan, std::uint64_t seed) {
  LabOptions options;
  options.grid = plan.grid;
  options.peers = plan.peers;
  options.pass = plan.pass;
  options.seed = seed;
  return options;
}

// The value below which the given share of `values` lies.
double quantile(std::vector<double> values, double share) {
  const auto place = static_cast<std::ptrdiff_t>(
      std::min(static_cast<double>(values.size()) * share, static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

void Tally::add(const Trial& trial) {
  ++trials;
  ++counts[static_cast<std::size_t>(trial.outcome)];
  right_peer_blamed += trial.wrong_peer_blamed;
  if (trial.outcome == TrialResult::kCorrect) errors.push_back(trial.error);
}

std::string Tally::text() const {
  if (counts[0] == trials) return "100";
  std::string text;
  for (int count : counts) text += fmt::format("{}{:.3g}", text.empty() ? "" : " / ", 100.0 * count / trials);
  return text;
}

}  // namespace polydot::bench
