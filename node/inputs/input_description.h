// What it takes to turn raw data into the inputs of a network, and its outputs into classes: kept with a
// model, so that `eval` and other programs need nothing else.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dnn/data/dataset.h"

namespace polydot::node {

struct InputDescription {
  // An input is (raw - mean) / deviation, at most `limit` away from 0; one entry for all inputs, or one for
  // each. A missing value counts as the mean.
  Eigen::VectorXd mean, deviation;
  double limit = 0.0;  // 0: none

  std::vector<std::string> classes;  // the name of each output; of digits "0", "1", ..

  // Of a table; else empty. Numbers of columns count from 1.
  std::vector<std::string> columns;  // names of the inputs, empty without a heading
  std::vector<int> positions;        // their numbers
  std::string label;                 // name of the label's column, empty without a heading
  int label_position = 0;            // its number; 0: no table
  int table_columns = 0;             // of all

  bool is_of_table() const { return label_position > 0; }
  double input(double raw, Eigen::Index k) const {
    const Eigen::Index at = mean.size() == 1 ? 0 : k;
    const double value = std::isnan(raw) ? 0.0 : (raw - mean(at)) / deviation(at);
    return limit > 0.0 ? std::clamp(value, -limit, limit) : value;
  }
};

// Raw data as the network sees them. Precondition: one entry of `inputs`, or as many as there are features.
dnn::Dataset standardised(dnn::Dataset data, const InputDescription& inputs);

}  // namespace polydot::node
