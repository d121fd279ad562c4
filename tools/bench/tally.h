// What the tables of location have in common: plans, names, and the count of outcomes.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tools/bench/round_lab.h"

namespace polydot::bench {

struct LocationPlan {
  codes::Grid grid;
  Index peers = 0;
  codes::PassKind pass = codes::PassKind::kForward;
};
// (2,2,10), (2,2,12) and (3,3,20), forward and backward.
std::vector<LocationPlan> location_plans();

inline constexpr codes::PassKind kBothPasses[] = {codes::PassKind::kForward, codes::PassKind::kBackward};
const char* name_of(codes::PassKind kind);
std::string plan_text(codes::Grid grid, Index peers);
std::string location_heading(const LocationPlan& plan);
LabOptions lab_options(const LocationPlan& plan, std::uint64_t seed);

// The value below which the given share of `values` lies. Precondition: not empty.
double quantile(std::vector<double> values, double share);

inline constexpr std::size_t kOutcomes = 4;

// What became of the trials of one cell.
struct Tally {
  std::array<int, kOutcomes> counts{};
  int trials = 0;
  int right_peer_blamed = 0;
  std::vector<double> errors;  // of the correct ones

  void add(const Trial& trial);
  // "correct / weak / refused / silently wrong" in %, or "100" when nothing else happened.
  std::string text() const;
};

}  // namespace polydot::bench
