#include <algorithm>

#include <fmt/format.h>

#include "tools/bench/code_tables.h"
#include "tools/bench/tally.h"

namespace polydot::bench {

namespace {

// Dense proportional errors beyond floor((P-K)/2) are hopeless and slow to refuse: fewer trials.
int location_trials(ErrorModel model, const TableOptions& options) {
  if (model == ErrorModel::kProportional) return options.full ? 20 : 1;
  return options.full ? 200 : 10;
}

}  // namespace

std::string location_table(const LocationPlan& plan, const TableOptions& options) {
  const codes::ProductCode code = codes::make_polydot(plan.grid, plan.peers).value();
  const codes::LinearCode& pass = code.pass(plan.pass).code;
  const codes::ErrorBounds bounds = codes::error_bounds(pass, plan.peers);
  std::string text =
      fmt::format("**{}**, K = {}: any values up to t = {}, independent up to t = {}\n\n| model |",
                  location_heading(plan), pass.recovery_threshold, bounds.any, bounds.independent);
  for (Index t = 1; t <= bounds.independent; ++t) text += fmt::format(" t = {} |", t);
  text += " right peer blamed |\n|---|---|";
  for (Index t = 1; t <= bounds.independent; ++t) text += "---|";
  text += "\n";
  for (ErrorModel model : all_error_models()) {
    text += fmt::format("| {} |", bench::name_of(model));
    int blamed = 0, trials = 0;
    for (Index t = 1; t <= bounds.independent; ++t) {
      RoundLab lab(lab_options(plan, options.seed + static_cast<std::uint64_t>(t)));
      Tally tally;
      for (int k = 0; k < location_trials(model, options); ++k)
        tally.add(lab.run(model, lab.random_peers(static_cast<int>(t))));
      text += fmt::format(" {} |", tally.text());
      blamed += tally.right_peer_blamed;
      trials += tally.trials;
    }
    text += fmt::format(" {} of {} |\n", blamed, trials);
  }
  return text;
}

std::string everybody_wrong_table(const TableOptions& options) {
  constexpr int kMostFlips = 10;
  const int trials = options.full ? 100 : 5;
  std::string text = fmt::format(
      "Every one of the P peers wrong at once, each in so many flipped results of its own, {} rounds a cell; "
      "then the largest error of a corrected round over the rms of the truth, median:\n\n| flips each |",
      trials);
  for (const LocationPlan& plan : location_plans()) text += fmt::format(" {} |", location_heading(plan));
  text += "\n|---|---|---|---|---|---|---|\n";
  for (int flips = 0; flips <= kMostFlips; ++flips) {
    text += fmt::format("| {} |", flips);
    for (const LocationPlan& plan : location_plans()) {
      RoundLab lab(lab_options(plan, options.seed + static_cast<std::uint64_t>(flips)));
      const std::vector<int> everybody = lab.everybody().members();
      Tally tally;
      for (int k = 0; k < trials; ++k) tally.add(lab.run(ErrorModel::kFlipResult, everybody, {}, flips));
      text += fmt::format(" {}; {} |", tally.text(),
                          tally.errors.empty() ? "-" : fmt::format("{:.0e}", quantile(tally.errors, 0.5)));
    }
    text += "\n";
  }
  return text;
}

std::string identical_errors_table(const TableOptions& options) {
  std::string text =
      "The same amount (1e-3 to 1e3 of the signal) added to one entry of t = floor((P-K)/2) + 1 peers, one "
      "more than any values are corrected for; every set of t peers once:\n\n"
      "| plan | P-K | t | sets | correct / weak / refused / silently wrong |\n|---|---|---|---|---|\n";
  for (const LocationPlan& plan : location_plans()) {
    RoundLab lab(lab_options(plan, options.seed));
    const Index spare = plan.peers - lab.pass().code.recovery_threshold;
    const int wrong = static_cast<int>(spare / 2) + 1;
    if (plan.peers > 12) continue;  // too many sets
    std::vector<bool> chosen(static_cast<std::size_t>(plan.peers), false);
    std::fill_n(chosen.begin(), wrong, true);
    Tally tally;
    do {
      std::vector<int> set;
      for (std::size_t p = 0; p < chosen.size(); ++p)
        if (chosen[p]) set.push_back(static_cast<int>(p));
      tally.add(lab.run(ErrorModel::kSameEntry, set));
    } while (std::prev_permutation(chosen.begin(), chosen.end()));
    text += fmt::format("| {} | {} | {} | {} | {} |\n", location_heading(plan), spare, wrong, tally.trials,
                        tally.text());
  }
  return text;
}

}  // namespace polydot::bench
