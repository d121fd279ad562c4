// The records of a CSV file one after the other, by libcsv: RFC 4180, quotes, any delimiter, any line ends.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "codes/result.h"
#include "node/csv_options.h"
#include "node/data_files.h"

namespace polydot::node {

// What a file is written with.
struct CsvDialect {
  char delimiter = ',';
  char decimal = '.';
  std::string encoding = "utf-8";
};
// As given, else as the first 256 KiB show: the delimiter that splits all their records into as many cells;
// a comma in numbers that are delimited by something else is a decimal one. Failure: kData.
Result<CsvDialect> dialect_of(const std::filesystem::path& path, const CsvOptions& options);
// "comma", "tab", ...
std::string name_of_delimiter(char delimiter);

struct CsvRow {
  std::vector<std::string_view> cells;  // valid until the next row; without quotes and outer blanks
  std::size_t line = 0;                 // where it ends, from 1
};
// Calls `take` for each record but empty lines, until it fails. In UTF-8 where the file is in UTF-16 or in
// what the dialect was given; else the bytes of the file. Failure: kData; that of `take`.
Outcome read_csv_rows(const std::filesystem::path& path, const CsvDialect& dialect,
                      const std::function<Outcome(const CsvRow&)>& take);

}  // namespace polydot::node
