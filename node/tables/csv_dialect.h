// How a CSV file is written: delimiter, decimal mark, encoding.
#pragma once

#include <filesystem>
#include <string>

#include "codes/base/result.h"
#include "node/inputs/csv_options.h"

namespace polydot::node {

// What a file is written with.
struct CsvDialect {
  CsvDelimiter delimiter{};
  char decimal = '.';
  std::string encoding = "utf-8";

  bool needs_decoder() const { return encoding != "utf-8"; }
};
// As given, else as the first 256 KiB show: the delimiter that splits all their records into as many cells
// (the heading may have one fewer: it has no name for those of the rows); a comma in numbers that are
// delimited by something else is a decimal one. Failure: kData; also of a file that is no table, by name.
Result<CsvDialect> dialect_of(const std::filesystem::path& path, const CsvOptions& options);
// "comma", "tab", ...
std::string name_of_delimiter(const CsvDelimiter& delimiter);

}  // namespace polydot::node
