#include "tools/bench/stage_study.h"

#include <array>
#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "tools/bench/report_file.h"
#include "tools/bench/stage_run.h"
#include "tools/bench/tap_cost.h"

namespace polydot::bench {

namespace {

// Counts that say nothing are the easiest to read as a dot.
std::string number(std::uint64_t count) { return count == 0 ? "." : std::to_string(count); }

std::string row(const std::string& name, const CellCounts& c) {
  const std::size_t missed = c.above - c.found - c.undone;
  const std::vector<std::string> cells = {
      name,
      std::to_string(c.injected),
      number(c.masked),
      number(c.below),
      number(c.near),
      number(c.above),
      number(c.found),
      number(c.undone),
      missed == 0 ? number(0) : fmt::format("**{}**", missed),
      number(c.wrong_peer),
      number(c.misled),
      number(c.false_alarms),
      number(c.late),
      number(c.miscorrections + c.wrong_weights),
      number(c.committed_wrong),
      number(c.refused),
      number(c.recomputed),
      number(c.rollbacks),
      number(c.repairs),
      number(c.rebuilds),
      c.found == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(c.steps) / static_cast<double>(c.found)),
      fmt::format("{:.1e}", c.weight_difference)};
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

constexpr const char* kHead =
    "injected | masked | below | near | above floor | found | undone | missed | wrong peer | misled | false "
    "alarms "
    "| late | miscorrected | committed wrong | refused | rounds again | rollbacks | repairs | rebuilds | "
    "steps | weights |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";

constexpr const char* kLegend =
    "Injected: peers whose bits changed. Masked, below, near, above floor: by the injector alone, from the "
    "analytic floor; near: above it, but not so far that it is located for sure. Found: of those above the "
    "floor, named by every other peer that delivered the round in which it must show from a set with the "
    "injected one in it, in that round; missed: at least one of these did not. Wrong peer: "
    "another was named; misled: by the injected peer itself. Late: places where what an earlier injection "
    "left in a shard still shows, or first. Miscorrected: a peer took a product that is "
    "more "
    "than 1e-4 off the clean run's, or a run's weights, decoded from all that finished or from 3 sets of 7, "
    "end so "
    "far "
    "off; weights: the largest such difference. Committed wrong: rounds, of all peers, whose delivered "
    "product "
    "is more than 1e-3 of the signal off. Rounds again, repairs, rebuilds: all runs together. Steps: "
    "mean, from the injection to the first that names the peer.\n";

bool is_wanted(const StageCell& cell, const std::string& only) {
  const std::string stage(node::name_of(cell.stage));
  return only.empty() || only == stage || only == stage + ":" + std::string(node::name_of(cell.model));
}

std::vector<CellOutcome> measure(const StageStudyOptions& options) {
  const std::size_t count = options.full ? 200 : 20;
  std::vector<CleanRun> clean;
  for (std::size_t first = 0; first < count; first += kInjectionsARun)
    clean.push_back(run_clean(options.seed + clean.size()));
  std::vector<CellOutcome> outcomes;
  for (const StageCell& cell : stage_cells()) {
    if (!is_wanted(cell, options.only)) continue;
    CellOutcome& outcome = outcomes.emplace_back(CellOutcome{cell, {}, {}});
    for (std::size_t run = 0; run < clean.size(); ++run) {
      const std::size_t first = run * kInjectionsARun;
      run_cell(options.seed + run, first, std::min(kInjectionsARun, count - first), clean[run], outcome);
    }
    std::fprintf(stderr, "%s:%s: %zu above, %zu found, %zu wrong peer, %zu miscorrected\n",
                 std::string(node::name_of(cell.stage)).c_str(),
                 std::string(node::name_of(cell.model)).c_str(), outcome.counts.above, outcome.counts.found,
                 outcome.counts.wrong_peer, outcome.counts.miscorrections + outcome.counts.wrong_weights);
    for (const std::string& remark : outcome.remarks) std::fprintf(stderr, "  %s\n", remark.c_str());
  }
  return outcomes;
}

// By stage, and all together.
std::string summary(const std::vector<CellOutcome>& outcomes) {
  std::array<CellCounts, codes::kStageCount> stages;
  CellCounts all;
  for (const CellOutcome& outcome : outcomes) {
    stages[static_cast<std::size_t>(outcome.cell.stage)] += outcome.counts;
    all += outcome.counts;
  }
  std::string text = fmt::format("| stage | {}", kHead);
  for (int s = 0; s < codes::kStageCount; ++s)
    if (const CellCounts& counts = stages[static_cast<std::size_t>(s)]; counts.placed > 0)
      text += row(std::string(node::name_of(static_cast<codes::Stage>(s))), counts);
  text += row("all", all);
  return text +
         fmt::format(
             "\n{} injections placed. After the checksum (contribution) there is no floor: {} lost frames "
             "and {} refusals of a checksum; of injections near the floor {} were found by somebody, of "
             "those "
             "below it or masked {}. Of {} times that a peer had one above the floor before it, {} were "
             "missed. "
             "Operands computed again by the peer itself: {}; repairs given up: {}; scrubs unexplained: "
             "{}. The largest difference of a decoded product that counts as right: {:.1e}.\n",
             all.placed, all.erasures, all.checksums, all.found_near, all.found_below, all.observations,
             all.observations_missed, all.operands, all.gave_up, all.unexplained_scrubs,
             all.product_difference);
}

// What is only late is told of by its number: there is a lot of it.
std::string remarks(const std::vector<CellOutcome>& outcomes) {
  constexpr std::size_t kShown = 30;
  std::string text;
  for (const CellOutcome& outcome : outcomes) {
    std::size_t told = 0;
    for (const std::string& remark : outcome.remarks)
      if (!remark.starts_with("late: ") && ++told <= kShown) text += "- " + remark + "\n";
    if (told > kShown)
      text += fmt::format("- ... and {} more of {}:{}\n", told - kShown, node::name_of(outcome.cell.stage),
                          node::name_of(outcome.cell.model));
  }
  return text.empty() ? "Nothing.\n" : text;
}

}  // namespace

Outcome run_stage_study(const StageStudyOptions& options) {
  const std::vector<CellOutcome> outcomes = measure(options);
  if (outcomes.empty())
    return usage_failure(fmt::format("--only {}: no such STAGE or STAGE:MODEL", options.only));
  std::string text = fmt::format(
      "# Stage x model\n\n{}\n\nTen peers, 2x2, 49-24-16-10 on the embedded digits at 7x7, momentum 0.9; one "
      "injection every {} steps, {} a run.\n\n## By stage\n\n{}\n{}",
      options.description, kStepsApart, kInjectionsARun, summary(outcomes), kLegend);
  text += fmt::format("\n## Missed, or not as it should be\n\n{}", remarks(outcomes));
  text += fmt::format("\n## By stage and model\n\n| stage:model | {}", kHead);
  for (const CellOutcome& outcome : outcomes)
    text += row(fmt::format("{}:{}", node::name_of(outcome.cell.stage), node::name_of(outcome.cell.model)),
                outcome.counts);
  text += fmt::format("\n## Injection switched off\n\n{}", tap_cost_table(options.full));
  std::fputs(text.c_str(), stdout);
  return options.out.empty() ? Outcome(Unit{}) : write_report(options.out, "stages.md", text);
}

}  // namespace polydot::bench
