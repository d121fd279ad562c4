#include "tools/bench/outcome_study.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "node/config/fault_models.h"
#include "tools/bench/report_file.h"
#include "tools/bench/stage_outcomes.h"

namespace polydot::bench {

namespace {

std::string name_of_cell(const StageCell& cell) {
  return fmt::format("{}:{}", node::name_of(cell.stage), node::name_of(cell.model));
}

// A cell whose fault was below the floor, or struck nowhere, is tried in so many places.
constexpr std::size_t kTries = 30;
// As many faults of a cell as `--full` measures.
constexpr std::size_t kRepeats = 10;
// Prime to the numbers of places, so that all layers, passes and peers have their turn.
constexpr std::size_t kNextTry = 11;

// By stage: a run for each. Shifted by the run and within it, so that all places have their turn.
std::vector<std::vector<NumberedCell>> wanted_cells(const std::string& only) {
  std::map<codes::Stage, std::vector<StageCell>> by_stage;
  for (const StageCell& cell : stage_cells())
    if (only.empty() || only == node::name_of(cell.stage) || only == name_of_cell(cell))
      by_stage[cell.stage].push_back(cell);
  std::vector<std::vector<NumberedCell>> runs;
  for (const auto& [stage, cells] : by_stage) {
    std::vector<NumberedCell>& run = runs.emplace_back();
    for (const StageCell& cell : cells) run.push_back({cell, runs.size() - 1 + run.size()});
  }
  return runs;
}

std::size_t longest(const std::vector<std::vector<NumberedCell>>& runs) {
  std::size_t most = 0;
  for (const auto& run : runs) most = std::max(most, run.size());
  return most;
}

// How the faults of one cell ended in one setting.
struct Ends {
  std::map<FaultEnd, int> counts;
  int unexpected = 0, counting = 0;

  std::string text() const {
    if (counts.empty()) return "not run";
    std::string text;
    for (const auto& [end, count] : counts)
      text += fmt::format("{}{}{}", text.empty() ? "" : ", ", name_of(end),
                          counts.size() > 1 ? fmt::format(" {}", count) : "");
    return unexpected > 0 || counting == 0 ? "**" + text + "**" : text;
  }
};

struct Table {
  std::map<std::string, std::vector<Ends>> cells;  // by cell, in their order, by setting
  std::vector<std::string> order;
  std::vector<std::string> kernels, remarks;
  double weight_difference = 0.0;
  int faults = 0, counting = 0, unexpected = 0;
  // Cells, in a setting, without a fault above the floor, or after the checksum.
  int unproved = 0;

  void remark(std::string text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    remarks.push_back(std::move(text));
  }
};

// Returns the cells to be tried again.
std::vector<NumberedCell> add(const StageOutcomes& outcomes, const StageTwin& twin, std::size_t setting,
                              Table& table) {
  constexpr double kLargestDifference = 1e-4;
  std::vector<NumberedCell> again;
  for (const PlacedFault& fault : outcomes.faults) {
    std::vector<Ends>& row = table.cells[name_of_cell(fault.which.cell)];
    row.resize(stage_settings().size());
    ++row[setting].counts[fault.end];
    ++table.faults;
    row[setting].counting += fault.counts();
    table.counting += fault.counts();
    if (!fault.counts()) again.push_back({fault.which.cell, fault.which.number + kNextTry});
    // One that strikes nowhere makes room for the next.
    if (fault.as_expected() || fault.end == FaultEnd::kNotInjected) continue;
    ++row[setting].unexpected;
    ++table.unexpected;
    table.remark(fmt::format("{}, seed {}: `{}` ({:.3g} floors): {}, not {}: {}", twin.setting().name,
                             twin.seed(), node::to_text(fault.spec), fault.size_over_floor,
                             name_of(fault.end), name_of(fault.expected), fault.remark));
  }
  table.weight_difference = std::max(table.weight_difference, outcomes.weight_difference);
  if (outcomes.weight_difference > kLargestDifference) {
    ++table.unexpected;
    table.remark(fmt::format("{}, seed {}, the run of {}: weights {:.3g} off at the end", twin.setting().name,
                             twin.seed(), name_of_cell(outcomes.faults.front().which.cell),
                             outcomes.weight_difference));
  }
  return again;
}

// As many runs as it takes. Each cell in several places, where there is room.
std::vector<std::vector<NumberedCell>> further_tries(const std::vector<NumberedCell>& cells,
                                                     std::size_t most) {
  std::vector<std::vector<NumberedCell>> runs;
  const std::size_t places = cells.empty() ? 0 : std::max<std::size_t>(1, most / cells.size());
  for (std::size_t place = 0; place < places; ++place)
    for (const NumberedCell& one : cells) {
      if (runs.empty() || runs.back().size() == most) runs.emplace_back();
      runs.back().push_back({one.cell, one.number + place * kNextTry});
    }
  return runs;
}

// All `runs` in one setting and with one seed; then, with the same twin, those cells that showed nothing.
void measure_setting(const StageTwin& twin, std::size_t setting,
                     const std::vector<std::vector<NumberedCell>>& runs, bool try_again,
                     codes::KernelCounts& kernels, Table& table) {
  std::vector<std::vector<NumberedCell>> now = runs;
  while (!now.empty()) {
    std::map<std::string, NumberedCell> next;  // the last try of each
    for (const std::vector<NumberedCell>& cells : now) {
      const StageOutcomes outcomes = run_outcomes(twin, cells);
      for (const NumberedCell& one : add(outcomes, twin, setting, table)) next[name_of_cell(one.cell)] = one;
      kernels.rows_in_tiles += outcomes.kernels.rows_in_tiles;
      kernels.rows_by_eigen += outcomes.kernels.rows_by_eigen;
      kernels.columns_in_tiles += outcomes.kernels.columns_in_tiles;
      kernels.columns_by_eigen += outcomes.kernels.columns_by_eigen;
    }
    std::vector<NumberedCell> again;
    for (const auto& [name, one] : next)
      if (try_again && table.cells[name][setting].counting == 0 && one.number < kTries * kNextTry)
        again.push_back(one);
    now = further_tries(again, twin.most_faults());
  }
}

std::string head_of(const Table& table, const std::string& description) {
  return fmt::format(
      "# How faults end\n\n{}\n\n{} faults in {} cells of {} settings (of {}), {} of them above the floor or "
      "after "
      "the "
      "checksum; not as expected (tools/bench/stage_expectation.cc): {}; cells without a fault above the "
      "floor, in "
      "{} places each: {}. Weights at the end differ from those of the run without faults by at most "
      "{:.1e}.\n\nBelow the floor: as harmless as rounding, a try that proves no more than that nobody else "
      "was named. Not injected: there was nothing to change. Bold: not as it should be.\n\n",
      description, table.faults, table.order.size(), table.kernels.size(), stage_settings().size(),
      table.counting, table.unexpected, kTries, table.unproved, table.weight_difference);
}

std::string text_of(Table& table, const std::string& description) {
  std::string text = head_of(table, description) + "| stage:model |";
  for (const StageSetting& setting : stage_settings()) text += fmt::format(" {} |", setting.name);
  text += "\n|---|";
  for (std::size_t k = 0; k < stage_settings().size(); ++k) text += "---|";
  for (const std::string& cell : table.order) {
    text += fmt::format("\n| {} |", cell);
    table.cells[cell].resize(stage_settings().size());
    for (const Ends& ends : table.cells[cell]) text += fmt::format(" {} |", ends.text());
  }
  text += "\n\n## Not as expected\n\n";
  for (const std::string& remark : table.remarks) text += "- " + remark + "\n";
  if (table.remarks.empty()) text += "Nothing.\n";
  text +=
      "\n## Which kernel multiplied\n\n| | shard times operand: tiles / Eigen | transposed: tiles / Eigen |\n"
      "|---|--:|--:|\n";
  for (const std::string& line : table.kernels) text += line;
  return text;
}

// The report is written after each setting: all of them take long.
Result<Table> measure(const OutcomeStudyOptions& options,
                      const std::vector<std::vector<NumberedCell>>& runs) {
  Table table;
  for (const auto& cells : runs)
    for (const NumberedCell& one : cells) table.order.push_back(name_of_cell(one.cell));
  for (std::size_t setting = 0; setting < stage_settings().size(); ++setting) {
    const std::string& name = stage_settings()[setting].name;
    codes::KernelCounts kernels;
    for (std::size_t repeat = 0; repeat < (options.full ? kRepeats : 1); ++repeat) {
      std::vector<std::vector<NumberedCell>> shifted = runs;
      for (auto& cells : shifted)
        for (NumberedCell& one : cells) one.number += repeat * kNextTry;
      const StageTwin twin(stage_settings()[setting], options.seed + repeat, longest(runs));
      measure_setting(twin, setting, shifted, !options.full, kernels, table);
    }
    for (const std::string& cell : table.order)
      if (table.cells[cell][setting].counting == 0) {
        ++table.unproved;
        table.remark(fmt::format("{}: {}: no fault above the floor", name, cell));
      }
    table.kernels.push_back(fmt::format("| {} | {} / {} | {} / {} |\n", name, kernels.rows_in_tiles,
                                        kernels.rows_by_eigen, kernels.columns_in_tiles,
                                        kernels.columns_by_eigen));
    std::fprintf(stderr, "%s: done\n", name.c_str());
    if (options.out.empty()) continue;
    const std::string text = text_of(table, options.description);
    if (const Outcome written = write_report(options.out, "outcomes.md", text); !written)
      return written.failure();
  }
  return table;
}

}  // namespace

Outcome run_outcome_study(const OutcomeStudyOptions& options) {
  const std::vector<std::vector<NumberedCell>> runs = wanted_cells(options.only);
  if (runs.empty())
    return usage_failure(fmt::format("--only {}: no such STAGE or STAGE:MODEL", options.only));
  auto measured = measure(options, runs);
  if (!measured) return measured.failure();
  const std::string text = text_of(*measured, options.description);
  std::fputs(text.c_str(), stdout);
  if (measured->unexpected + measured->unproved > 0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("{} faults did not end as expected, {} cells showed nothing",
                               measured->unexpected, measured->unproved)};
  return Unit{};
}

}  // namespace polydot::bench
