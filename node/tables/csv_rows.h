// The records of a CSV file one after the other, by libcsv: RFC 4180, quotes, any delimiter, any line ends.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "codes/base/result.h"
#include "node/files/data_files.h"
#include "node/tables/csv_dialect.h"

namespace polydot::node {

struct CsvRow {
  std::vector<std::string_view> cells;  // valid until the next row; without quotes and outer blanks
  std::size_t line = 0;                 // where it ends, from 1
};
// Calls `take` for each record but empty lines, until it fails. In UTF-8 where the file is in UTF-16 or in
// what the dialect was given; else the bytes of the file. Failure: kData; that of `take`.
Outcome read_csv_rows(const std::filesystem::path& path, const CsvDialect& dialect,
                      const std::function<Outcome(const CsvRow&)>& take);

}  // namespace polydot::node
