// The measures of speed as a Markdown table: what was measured, the ratio, and what it must and should be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench/speed_arithmetic.h"

namespace polydot::bench {

struct RatioRow {
  int number = 0;       // in the list of goals; several rows may share one
  std::string measure;  // what, and of which network
  std::string unit;     // of both figures
  Ratio ratio;
  std::optional<double> must, goal;  // a row may stand for one of them alone, or be there to be seen
  bool more_is_better = false;
};

// "goal", "must", "no"; nothing of a row without either.
std::string verdict_of(const RatioRow& row);
std::string ratio_table(const std::vector<RatioRow>& rows);

}  // namespace polydot::bench
