// Which column of a table is the label, and which are features.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "node/tables/csv_table.h"

namespace polydot::node {

struct CsvRoles {
  std::size_t label = 0;
  std::vector<std::size_t> features;       // columns, at least one
  std::vector<std::size_t> empty{};        // left out too: no name and no value, behind a last delimiter
  std::vector<std::size_t> row_numbers{};  // columns that are left out: they only count rows
  bool names_rows = false;                 // the first column does, and is left out
};

// The label's column. given: a name or a number from 1; empty: to be recognised. Then it is
//   1. the only column that the heading calls by a name that labels have (csv_heading.h), if it does not hold
//   decimals; y only where no x is
//   2. the only one of text, unless the first or the last can be it as well
//   3. of the first and the last column the one that can be a label (whole numbers, 2 to 100 different ones,
//      each 5 times on average), if the other cannot be one even with more classes.
// First and last are those that neither name nor count rows and have values. Failure: kUsage, asks for
// --label.
Result<std::size_t> label_of(const CsvTable& table, const std::string& given);
// What the other columns are; label: kept as texts. A feature of different whole numbers in even steps, of 0
// or 1 to the last in any order, or called id or index, only counts rows, and would tell a file that is
// sorted by class; keep_counters: it is learned from all the same. A first column without a name and with
// another text in each row names the rows. Failure: kData, with what to do.
Result<CsvRoles> roles_of(const CsvTable& table, std::size_t label, bool keep_counters);
// That a column holds numbers only, and no doubtful ones. Failure: kData, with the first.
Outcome check_numbers(const CsvTable& table, std::size_t c);

}  // namespace polydot::node
