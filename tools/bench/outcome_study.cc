#include "tools/bench/outcome_study.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "node/fault_models.h"
#include "tools/bench/report_file.h"
#include "tools/bench/stage_outcomes.h"

namespace polydot::bench {

namespace {

std::string name_of_cell(const StageCell& cell) {
  return fmt::format("{}:{}", node::name_of(cell.stage), node::name_of(cell.model));
}

// By stage: a run for each.
std::vector<std::vector<StageCell>> wanted_cells(const std::string& only) {
  std::map<codes::Stage, std::vector<StageCell>> by_stage;
  for (const StageCell& cell : stage_cells())
    if (only.empty() || only == node::name_of(cell.stage) || only == name_of_cell(cell))
      by_stage[cell.stage].push_back(cell);
  std::vector<std::vector<StageCell>> runs;
  for (auto& [stage, cells] : by_stage) runs.push_back(std::move(cells));
  return runs;
}

// How the faults of one cell ended in one setting.
struct Ends {
  std::map<FaultEnd, int> counts;
  int unexpected = 0;

  std::string text() const {
    std::string text;
    for (const auto& [end, count] : counts)
      text += fmt::format("{}{}{}", text.empty() ? "" : ", ", name_of(end),
                          counts.size() > 1 ? fmt::format(" {}", count) : "");
    return unexpected > 0 ? "**" + text + "**" : text;
  }
};

struct Table {
  std::map<std::string, std::vector<Ends>> cells;  // by cell, in their order, by setting
  std::vector<std::string> order;
  std::vector<std::string> kernels, remarks;
  double weight_difference = 0.0;
  int faults = 0, unexpected = 0;
};

void add(const StageOutcomes& outcomes, const StageTwin& twin, std::size_t setting, Table& table) {
  constexpr double kLargestDifference = 1e-4;
  for (const PlacedFault& fault : outcomes.faults) {
    std::vector<Ends>& row = table.cells[name_of_cell(fault.cell)];
    row.resize(stage_settings().size());
    ++row[setting].counts[fault.end];
    ++table.faults;
    if (fault.as_expected()) continue;
    ++row[setting].unexpected;
    ++table.unexpected;
    table.remarks.push_back(fmt::format("{}, seed {}: `{}` ({:.3g} thresholds): {}, not {}: {}",
                                        twin.setting().name, twin.seed(), node::to_text(fault.spec),
                                        fault.size_over_floor, name_of(fault.end), name_of(fault.expected),
                                        fault.remark));
    std::fprintf(stderr, "%s\n", table.remarks.back().c_str());
  }
  table.weight_difference = std::max(table.weight_difference, outcomes.weight_difference);
  if (outcomes.weight_difference <= kLargestDifference) return;
  ++table.unexpected;
  table.remarks.push_back(fmt::format(
      "{}, seed {}, the run of {}: weights {:.3g} off at the end", twin.setting().name, twin.seed(),
      node::name_of(outcomes.faults.front().cell.stage), outcomes.weight_difference));
  std::fprintf(stderr, "%s\n", table.remarks.back().c_str());
}

Table measure(const OutcomeStudyOptions& options, const std::vector<std::vector<StageCell>>& runs) {
  const std::size_t repeats = options.full ? 10 : 1;
  Table table;
  for (const auto& cells : runs)
    for (const StageCell& cell : cells) table.order.push_back(name_of_cell(cell));
  std::size_t most = 0;
  for (const auto& cells : runs) most = std::max(most, cells.size());
  for (std::size_t setting = 0; setting < stage_settings().size(); ++setting) {
    codes::KernelCounts kernels;
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
      const StageTwin twin(stage_settings()[setting], options.seed + repeat, most);
      for (std::size_t run = 0; run < runs.size(); ++run) {
        // Shifted by the run, so that all layers, passes and peers have their turn.
        const StageOutcomes outcomes = run_outcomes(twin, runs[run], repeat * 11 + run);
        add(outcomes, twin, setting, table);
        kernels.rows_in_tiles += outcomes.kernels.rows_in_tiles;
        kernels.rows_by_eigen += outcomes.kernels.rows_by_eigen;
        kernels.columns_in_tiles += outcomes.kernels.columns_in_tiles;
        kernels.columns_by_eigen += outcomes.kernels.columns_by_eigen;
      }
    }
    table.kernels.push_back(fmt::format("| {} | {} / {} | {} / {} |\n", stage_settings()[setting].name,
                                        kernels.rows_in_tiles, kernels.rows_by_eigen,
                                        kernels.columns_in_tiles, kernels.columns_by_eigen));
    std::fprintf(stderr, "%s: done\n", stage_settings()[setting].name.c_str());
  }
  return table;
}

}  // namespace

Outcome run_outcome_study(const OutcomeStudyOptions& options) {
  const std::vector<std::vector<StageCell>> runs = wanted_cells(options.only);
  if (runs.empty())
    return usage_failure(fmt::format("--only {}: no such STAGE or STAGE:MODEL", options.only));
  Table table = measure(options, runs);
  std::string text = fmt::format(
      "# How faults end\n\n{}\n\n{} faults, {} of them not as expected (tools/bench/stage_expectation.cc); "
      "weights at the end differ from those of the run without faults by at most {:.1e}.\n\n| stage:model |",
      options.description, table.faults, table.unexpected, table.weight_difference);
  for (const StageSetting& setting : stage_settings()) text += fmt::format(" {} |", setting.name);
  text += "\n|---|";
  for (std::size_t k = 0; k < stage_settings().size(); ++k) text += "---|";
  for (const std::string& cell : table.order) {
    text += fmt::format("\n| {} |", cell);
    for (const Ends& ends : table.cells[cell]) text += fmt::format(" {} |", ends.text());
  }
  text += "\n\n## Not as expected\n\n";
  for (const std::string& remark : table.remarks) text += "- " + remark + "\n";
  if (table.remarks.empty()) text += "Nothing.\n";
  text +=
      "\n## Which kernel multiplied\n\n| | shard times operand: tiles / Eigen | transposed: tiles / Eigen |\n"
      "|---|--:|--:|\n";
  for (const std::string& line : table.kernels) text += line;
  std::fputs(text.c_str(), stdout);
  if (!options.out.empty())
    if (const Outcome written = write_report(options.out, "outcomes.md", text); !written)
      return written.failure();
  if (table.unexpected > 0)
    return Failure{FailureKind::kNotReached,
                   fmt::format("{} faults did not end as expected", table.unexpected)};
  return Unit{};
}

}  // namespace polydot::bench
