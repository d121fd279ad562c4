#include "tools/bench/ratio_table.h"

#include <fmt/format.h>

namespace polydot::bench {

namespace {

bool holds(const RatioRow& row, std::optional<double> limit) {
  return limit && (row.more_is_better ? row.ratio.value >= *limit : row.ratio.value <= *limit);
}

std::string limit_text(const RatioRow& row, std::optional<double> limit) {
  return limit ? fmt::format("{} {:.3g}", row.more_is_better ? ">=" : "<=", *limit) : "";
}

std::string spread_text(const Ratio& ratio) {
  if (ratio.pairs < 2) return "one run";
  return fmt::format("{:.3g} - {:.3g} of {}", ratio.lowest, ratio.highest, ratio.pairs);
}

}  // namespace

std::string verdict_of(const RatioRow& row) {
  if (!row.must && !row.goal) return "";
  return holds(row, row.goal) ? "goal" : holds(row, row.must) ? "must" : "no";
}

std::string ratio_table(const std::vector<RatioRow>& rows) {
  std::string text =
      "| # | measure | measured | beside | ratio | must | goal | spread | reached |\n"
      "|--:|---|--:|--:|--:|--:|--:|---|---|\n";
  for (const RatioRow& row : rows)
    text += fmt::format("| {} | {} | {:.4g} {} | {:.4g} {} | **{:.3g}** | {} | {} | {} | {} |\n", row.number,
                        row.measure, row.ratio.measured, row.unit, row.ratio.beside, row.unit,
                        row.ratio.value, limit_text(row, row.must), limit_text(row, row.goal),
                        spread_text(row.ratio), verdict_of(row));
  return text;
}

}  // namespace polydot::bench
