#include "tools/bench/tolerance_tables.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "codes/decode/round_check.h"
#include "tools/bench/tally.h"

namespace polydot::bench {

namespace {

// A round is weak from codes::kLargestHidden on; what the stricter limit would make of it stands beside.
constexpr double kStrictLimit = codes::kTolerance;

// Errors that are independent from peer to peer: those that P - K - 1 peers may have.
constexpr ErrorModel kIndependent[] = {
    ErrorModel::kDense, ErrorModel::kFlipResult, ErrorModel::kFlipWeight, ErrorModel::kEntry,
    ErrorModel::kRow,   ErrorModel::kNotFinite,  ErrorModel::kHugeAndTiny};

std::vector<LocationPlan> tolerance_plans() {
  std::vector<LocationPlan> plans;
  for (codes::PassKind pass : kBothPasses) plans.push_back({{2, 2, 1}, 8, pass});
  for (const LocationPlan& plan : location_plans()) plans.push_back(plan);
  return plans;
}

codes::ErrorBounds bounds_of(const LocationPlan& plan) {
  const codes::ProductCode code = codes::make_polydot(plan.grid, plan.peers).value();
  return codes::error_bounds(code.pass(plan.pass).code, plan.peers);
}

bool small_grid(const LocationPlan& plan) { return plan.grid == codes::Grid{2, 2, 1}; }

// Counts of outcomes under both limits.
struct Counts {
  int rounds = 0;
  std::array<int, kOutcomes> usual{}, strict{};
  int ill_conditioned = 0;  // of the strict failures: the right peers alone are weak, or do not decode
  int blamed = 0;           // rounds in which a right peer was

  void add(RoundLab& lab, const LabRound& round, const Trial& trial, const std::vector<int>& wrong) {
    ++rounds;
    ++usual[static_cast<std::size_t>(trial.outcome)];
    const TrialResult outcome = trial.outcome_at(kStrictLimit);
    ++strict[static_cast<std::size_t>(outcome)];
    blamed += trial.wrong_peer_blamed;
    if (outcome != TrialResult::kCorrect)
      ill_conditioned += !(lab.hidden_without(round, wrong) <= kStrictLimit);
  }
  void add(const Counts& other) {
    rounds += other.rounds;
    for (std::size_t k = 0; k < kOutcomes; ++k) {
      usual[k] += other.usual[k];
      strict[k] += other.strict[k];
    }
    ill_conditioned += other.ill_conditioned;
    blamed += other.blamed;
  }
};

std::string list_of(const std::array<int, kOutcomes>& counts) {
  return fmt::format("{} / {} / {} / {}", counts[0], counts[1], counts[2], counts[3]);
}

std::string row_of(const std::string& name, const Counts& counts) {
  return fmt::format("| {} | {} | {} | {:.3f} % | {} | {} | {} |\n", name, counts.rounds,
                     list_of(counts.usual), 100.0 * counts.usual[0] / counts.rounds, list_of(counts.strict),
                     counts.ill_conditioned, counts.blamed);
}

std::string heading_of(const std::string& first) {
  return fmt::format(
      "| {} | rounds | correct / weak / refused / silently wrong | correct | the same, weak from {:g} on | "
      "of the rest: right peers ill-conditioned | right peer blamed |\n|---|---|---|---|---|---|---|\n",
      first, kStrictLimit);
}

// Runs `trials` rounds of `plan` with t random wrong peers, disturbed by `disturb(lab, round, wrong, k)`.
using Disturb = std::function<void(RoundLab&, LabRound&, const std::vector<int>&, int)>;
Counts run_cell(const LocationPlan& plan, Index t, int trials, std::uint64_t seed, const Disturb& disturb) {
  RoundLab lab(lab_options(plan, seed + static_cast<std::uint64_t>(t)));
  Counts counts;
  for (int k = 0; k < trials; ++k) {
    LabRound round = lab.make_round();
    const std::vector<int> wrong = lab.random_peers(static_cast<int>(t));
    disturb(lab, round, wrong, k);
    counts.add(lab, round, lab.examine(round, wrong), wrong);
  }
  return counts;
}

Disturb by(ErrorModel model) {
  return [model](RoundLab& lab, LabRound& round, const std::vector<int>& wrong, int) {
    lab.disturb(round, model, wrong);
  };
}

void by_independent(RoundLab& lab, LabRound& round, const std::vector<int>& wrong, int k) {
  lab.disturb(round, kIndependent[static_cast<std::size_t>(k) % std::size(kIndependent)], wrong);
}

// Every entry of a wrong peer off by 100 to 1e6 floors, either sign.
void by_loud_dense(RoundLab& lab, LabRound& round, const std::vector<int>& wrong, int) {
  const codes::VectorD nu = codes::column_scales(lab.pass(), round.operand);
  std::uniform_real_distribution<double> exponent(2.0, 6.0), sign(-1.0, 1.0);
  for (int p : wrong) {
    Matrix& y = round.contributions[static_cast<std::size_t>(p)];
    for (Index c = 0; c < y.cols(); ++c)
      for (Index r = 0; r < y.rows(); ++r)
        y(r, c) += static_cast<float>(
            std::copysign(std::pow(10.0, exponent(lab.generator())), sign(lab.generator())) *
            lab.floor().threshold() * lab.pass().sigma(p) * nu(c));
  }
}

// The same ten coordinates at every wrong peer, values of their own.
void by_same_places(RoundLab& lab, LabRound& round, const std::vector<int>& wrong, int) {
  constexpr int kPlaces = 10;
  std::normal_distribution<float> normal;
  for (int place = 0; place < kPlaces; ++place) {
    Matrix& first = round.contributions.front();
    const Index row = static_cast<Index>(lab.generator()() % static_cast<std::uint64_t>(first.rows()));
    const Index col = static_cast<Index>(lab.generator()() % static_cast<std::uint64_t>(first.cols()));
    const float scale = first.cwiseAbs().mean();
    for (int p : wrong)
      round.contributions[static_cast<std::size_t>(p)](row, col) += scale * normal(lab.generator());
  }
}

std::string within_bounds_table(const TableOptions& options) {
  // 21 cells at 2x2: 100,000 rounds.
  const int small = options.full ? 4767 : 70, large = options.full ? 700 : 14;
  std::string text =
      "t random wrong peers, t = 1 .. P-K-1, with independent errors (dense, flip-result, flip-weight, "
      "entry, row, "
      "not-finite, huge-and-tiny in turn):\n\n" +
      heading_of("plan, t");
  Counts all_small;
  for (const LocationPlan& plan : tolerance_plans())
    for (Index t = 1; t <= bounds_of(plan).independent; ++t) {
      const Counts counts = run_cell(plan, t, small_grid(plan) ? small : large, options.seed, by_independent);
      text += row_of(fmt::format("{}, t = {}", location_heading(plan), t), counts);
      if (small_grid(plan)) all_small.add(counts);
    }
  return text + row_of("**all of 2x2**", all_small);
}

std::string beyond_bounds_table(const TableOptions& options) {
  const int trials = options.full ? 1000 : 10;
  std::string text = "One more, t = P-K, every entry of each off by 100 to 1e6 floors: to be refused:\n\n" +
                     heading_of("plan, t");
  for (const LocationPlan& plan : tolerance_plans()) {
    const Index t = bounds_of(plan).independent + 1;
    text += row_of(fmt::format("{}, t = {}", location_heading(plan), t),
                   run_cell(plan, t, trials, options.seed, by_loud_dense));
  }
  return text;
}

std::string same_coordinates_table(const TableOptions& options) {
  const int trials = options.full ? 1000 : 10;
  std::string text =
      "Wrong in the same coordinates, t = 1 .. floor((P-K)/2): the same amount in one entry (same-entry), "
      "the "
      "same pattern everywhere times a number (proportional), ten entries with values of their own:\n\n" +
      heading_of("plan, errors");
  const std::pair<const char*, Disturb> models[] = {{"same-entry", by(ErrorModel::kSameEntry)},
                                                    {"proportional", by(ErrorModel::kProportional)},
                                                    {"ten entries", by_same_places}};
  for (const LocationPlan& plan : tolerance_plans())
    for (const auto& [name, disturb] : models) {
      Counts counts;
      for (Index t = 1; t <= bounds_of(plan).any; ++t)
        counts.add(run_cell(plan, t, trials, options.seed, disturb));
      text += row_of(fmt::format("{}, {}", location_heading(plan), name), counts);
    }
  return text;
}

std::string patterns_table(const TableOptions& options) {
  const int trials = options.full ? 300 : 5;
  std::string text =
      "t peers all send zeros, or the result to another operand (stale), t = 1 .. P-K: never to be accepted "
      "wrongly:\n\n" +
      heading_of("plan, pattern");
  for (const LocationPlan& plan : tolerance_plans())
    for (ErrorModel model : {ErrorModel::kZeros, ErrorModel::kStale}) {
      const Index most = bounds_of(plan).independent;
      Counts within;
      for (Index t = 1; t <= most; ++t) within.add(run_cell(plan, t, trials, options.seed, by(model)));
      const std::string name = fmt::format("{}, {}", location_heading(plan), bench::name_of(model));
      text += row_of(fmt::format("{}, t <= {}", name, most), within);
      text += row_of(fmt::format("{}, t = {}", name, most + 1),
                     run_cell(plan, most + 1, trials, options.seed, by(model)));
    }
  return text;
}

// The largest number of peers that changed one and the same entry.
int most_in_one_entry(const LabRound& round, const std::vector<Matrix>& clean) {
  Eigen::MatrixXi changed = Eigen::MatrixXi::Zero(clean.front().rows(), clean.front().cols());
  for (std::size_t p = 0; p < clean.size(); ++p)
    for (Index e = 0; e < changed.size(); ++e)
      changed(e) += std::bit_cast<std::uint32_t>(round.contributions[p](e)) !=
                    std::bit_cast<std::uint32_t>(clean[p](e));
  return changed.maxCoeff();
}

std::string everybody_table(const TableOptions& options) {
  const int trials = options.full ? 1000 : 10;
  std::string text =
      "All P peers wrong in the same round, so many flipped results each. Within: no entry has more than "
      "floor((P-K)/2) wrong values; beyond: some entry has:\n\n" +
      heading_of("plan, flips each");
  for (const LocationPlan& plan : tolerance_plans())
    for (int flips : {1, 3, 10}) {
      RoundLab lab(lab_options(plan, options.seed + static_cast<std::uint64_t>(flips)));
      const std::vector<int> everybody = lab.everybody().members();
      Counts within, beyond;
      for (int k = 0; k < trials; ++k) {
        LabRound round = lab.make_round();
        const std::vector<Matrix> clean = round.contributions;
        for (int flip = 0; flip < flips; ++flip) lab.disturb(round, ErrorModel::kFlipResult, everybody);
        Counts& counts = most_in_one_entry(round, clean) <= bounds_of(plan).any ? within : beyond;
        counts.add(lab, round, lab.examine(round, everybody), {});
      }
      const std::string name = fmt::format("{}, {}", location_heading(plan), flips);
      if (within.rounds > 0) text += row_of(name + ", within", within);
      if (beyond.rounds > 0) text += row_of(name + ", beyond", beyond);
    }
  return text;
}

}  // namespace

void print_tolerance_tables(const TableOptions& options, void (*print)(const std::string&)) {
  for (const auto& table :
       {within_bounds_table, beyond_bounds_table, same_coordinates_table, patterns_table, everybody_table})
    print(fmt::format("\n{}", table(options)));
}

}  // namespace polydot::bench
