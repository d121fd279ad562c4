// A part of a data set: rows of a table, which of its columns are features, and the classes of the rows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "dnn/operations/label.h"
#include "node/tables/csv_table.h"

namespace polydot::node {

struct CsvPart {
  const CsvTable* table = nullptr;
  std::vector<std::size_t> features;  // columns
  std::vector<std::size_t> rows;
  std::vector<dnn::Label> labels;  // of these rows
};

// What the cells of the column say, row by row. Kept as texts. Failure: kData, a label is missing, or there
// are too many.
Result<std::vector<std::string>> labels_of(const CsvTable& table, std::size_t label);
// labels: of all rows of the table. Failure: kData, a label is none of the classes.
Outcome add_rows(CsvPart& part, const std::vector<std::size_t>& rows, const std::vector<std::string>& labels,
                 const std::vector<std::string>& classes);
std::vector<std::size_t> all_rows(const CsvTable& table);
// Failure: kData, a value is missing, and they are not to be filled.
Outcome check_missing(const CsvPart& part, bool filled);

}  // namespace polydot::node
