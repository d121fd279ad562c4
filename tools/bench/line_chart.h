// Line charts as SVG: several panels in rows, the same lines in each, one legend. No library, no fonts of its
// own.
#pragma once

#include <string>
#include <vector>

namespace polydot::bench {

struct ChartTick {
  double at = 0.0;
  std::string label;
};

struct ChartLine {
  std::string name;
  std::vector<double> x, y;  // of the same length, x ascending
};

struct ChartPanel {
  std::string title, x_title, y_title;
  std::vector<ChartTick> x_ticks, y_ticks;  // the axes reach from the first tick to the last
  std::vector<ChartLine> lines;             // the same names in the same order in every panel
};

// Panels row after row, `columns` in a row.
std::string draw_chart(const std::vector<ChartPanel>& panels, std::size_t columns);

// About `count` round ticks from 0 to at least `largest`.
std::vector<ChartTick> round_ticks(double largest, int count);

}  // namespace polydot::bench
