// Whether the first record of a table is its heading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codes/base/result.h"
#include "node/tables/csv_rows.h"

namespace polydot::node {

struct CsvHeading {
  bool is_there = false;
  // It has one name fewer than there are columns: the first column names the rows, as in R's tables.
  bool has_row_names = false;
  // Only it ends with a delimiter, or only the others do.
  bool is_longer = false, is_shorter = false;
  // Only the name of a label, in this column, makes it one: no other line may have that text there.
  std::optional<std::size_t> by_label_name{};
  // Taken for a sample, though its numbers count from 0 or 1: perhaps a heading.
  bool counts = false;
};

struct CsvFirstLines {
  const std::filesystem::path& path;
  std::size_t line;                // of the first record
  std::vector<std::string> first;  // its cells
  const CsvRow* second;            // null: there is none
  char decimal;
};

// given: what the user says. Else a heading is a record of names where the next record has numbers; or of
// numbers that count the columns; or of numbers in even steps beside a name that only a label has. Failure:
// kData, it may be a heading or a sample.
Result<CsvHeading> heading_of(const CsvFirstLines& lines, const std::optional<bool>& given);

// label, class, target (or several of them), category, species, digit, outcome, survived, diagnosis, variety
// or y, in capitals or not.
bool is_label_name(std::string_view name);

}  // namespace polydot::node
