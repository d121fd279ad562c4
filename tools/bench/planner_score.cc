#include "tools/bench/planner_score.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace polydot::bench {

Share within(const std::vector<PredictedPoint>& points, double tolerance) {
  const auto good = std::count_if(points.begin(), points.end(), [&](const PredictedPoint& point) {
    return std::abs(point.predicted_ms - point.measured_ms) <= tolerance * point.measured_ms;
  });
  return {static_cast<std::size_t>(good), points.size()};
}

Share faster_named(const std::vector<PredictedPoint>& points, double difference) {
  Share share;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t k = i + 1; k < points.size(); ++k) {
      const PredictedPoint *fast = &points[i], *slow = &points[k];
      if (fast->predicted_ms > slow->predicted_ms) std::swap(fast, slow);
      if (fast->hidden != slow->hidden || slow->predicted_ms <= (1.0 + difference) * fast->predicted_ms)
        continue;
      ++share.of;
      if (fast->measured_ms < slow->measured_ms) ++share.count;
    }
  return share;
}

std::string prediction_table(const std::vector<PredictedPoint>& points) {
  std::string text =
      "| point | predicted | measured | predicted over measured | the same of processor time |\n"
      "|---|--:|--:|--:|--:|\n";
  for (const PredictedPoint& point : points)
    text += fmt::format("| {} | {:.4g} ms | {:.4g} ms | {:.2f} | {:.2f} |\n", point.name, point.predicted_ms,
                        point.measured_ms, point.ratio(), point.cpu_ratio());
  return text;
}

}  // namespace polydot::bench
