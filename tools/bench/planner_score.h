// How well predictions of step times fit what was measured. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "codes/base/matrix.h"

namespace polydot::bench {

struct PredictedPoint {
  std::string name;
  std::vector<codes::Index> hidden;
  double predicted_ms = 0.0, measured_ms = 0.0;          // a step on the wall
  double predicted_cpu_ms = 0.0, measured_cpu_ms = 0.0;  // its processor time, all peers together

  double ratio() const { return predicted_ms / measured_ms; }
  double cpu_ratio() const { return predicted_cpu_ms / measured_cpu_ms; }
};

struct Share {
  std::size_t count = 0, of = 0;
  double value() const { return static_cast<double>(count) / static_cast<double>(of); }  // of > 0
};

// Points whose prediction is at most `tolerance` of what was measured away from it.
Share within(const std::vector<PredictedPoint>& points, double tolerance);

// Of all pairs with the same hidden sizes in which the larger prediction is more than `difference` above the
// smaller one: those in which the one said to be faster was faster.
Share faster_named(const std::vector<PredictedPoint>& points, double difference);

std::string prediction_table(const std::vector<PredictedPoint>& points);

}  // namespace polydot::bench
