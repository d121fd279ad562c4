// Data sets as tables of text: a sample a line, one column the label, the others numbers.
//
// Files     a folder with train.csv and test.csv; two files (--data, --test-data); or one file, a sixth of
//           which, of each class, becomes the test part, drawn by a seed (--csv split=N). Plain or gzip, with
//           or without ".gz"
// Format    RFC 4180 (quotes, line breaks within them), any delimiter and line end, decimal points or commas,
//           UTF-8, UTF-16 or Latin 1, with a heading or without. All of it is recognised, or given
//           (csv_options.h). Labels are whole numbers or texts: each different one is a class, numbers in
//           their order, texts in that of their bytes. A column that only counts the rows is left out
// Scaling   csv_scaling.h
// Errors    FailureKind::kData or kUsage, one line that names file, line and column (from 1), and what to do
#pragma once

#include "codes/base/result.h"
#include "node/inputs/data_pair.h"
#include "node/inputs/data_source.h"

namespace polydot::node {

Result<DataPair> read_csv(const DataSource& source);

// The whole file, or the test part of a folder, for a model that is there: its columns, found by their names
// or by their places, its classes and its scaling.
Result<dnn::Dataset> read_csv_for(const InputDescription& inputs, const DataSource& source);

}  // namespace polydot::node
