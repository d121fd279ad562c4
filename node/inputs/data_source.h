// Where a data set is, and how it is to be read.
#pragma once

#include <string>

#include "node/config/config.h"
#include "node/inputs/csv_options.h"

namespace polydot::node {

struct DataSource {
  std::string dataset = "strokes";  // strokes, idx, csv
  std::string path{};               // file or folder
  std::string test_path{};          // csv: file of the test part; empty: split, or in the folder
  CsvOptions csv{};
};

// Failure: kUsage, what is said of CSV files is malformed, or of another kind of data set.
Result<DataSource> source_of(const Config& config);

}  // namespace polydot::node
