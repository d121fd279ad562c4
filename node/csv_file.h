// Data sets as comma-separated numbers: a sample a line, the label first, then the features.
//
// Files     a folder with train.csv and test.csv, or one file whose last sixth (rounded down) becomes the
// test
//           part, in the order of the file: shuffle it first if it is sorted. Plain or gzip, with or without
//           ".gz"
// Format    numbers with a decimal point, no quotes; the first line is a header if it does not start with a
//           number; empty lines are skipped. Labels are whole numbers 0..255; there are as many classes as
//           the greatest label of both parts, plus one. Features that are whole numbers 0..255 throughout are
//           pixels (bytes, one mean and deviation), otherwise floats (a mean and a deviation each)
// Errors    FailureKind::kData, one line that names file, line and column (from 1)
#pragma once

#include <filesystem>

#include "codes/result.h"
#include "node/data_pair.h"

namespace polydot::node {

Result<DataPair> read_csv(const std::filesystem::path& path);

}  // namespace polydot::node
