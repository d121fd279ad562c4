#include "node/tables/csv_part.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "codes/base/check.h"
#include "node/files/data_files.h"
#include "node/tables/csv_cell.h"

namespace polydot::node {

Result<std::vector<std::string>> labels_of(const CsvTable& table, std::size_t label) {
  const CsvTexts* const texts = table.texts(label);
  POLYDOT_CHECK(texts != nullptr);
  if (texts->too_many)
    return file_failure(table.path(), "{} has more than 65536 different values, and is no class",
                        table.name_of(label));
  if (table.column(label).missing > 0)
    return file_failure(
        table.path(),
        "line {}, {}: the label is missing (as NA, none, null and ? count): give it, or leave the line out",
        table.column(label).first_missing, table.name_of(label));
  std::vector<std::string> labels;
  labels.reserve(table.rows());
  for (const std::uint32_t place : texts->rows) labels.push_back(texts->values[place]);
  return labels;
}

Outcome add_rows(CsvPart& part, const std::vector<std::size_t>& rows, const std::vector<std::string>& labels,
                 const std::vector<std::string>& classes) {
  std::map<std::string_view, dnn::Label> numbers;
  for (const std::string& name : classes) numbers.emplace(name, static_cast<dnn::Label>(numbers.size()));
  for (const std::size_t r : rows) {
    const auto number = numbers.find(labels[r]);
    if (number == numbers.end())
      return file_failure(part.table->path(), "line {}: the label {} is none of the {} classes of the model",
                          part.table->line(r), quoted_cell(labels[r]), classes.size());
    part.rows.push_back(r);
    part.labels.push_back(number->second);
  }
  return Unit{};
}

Outcome check_missing(const CsvPart& part, bool filled) {
  for (const std::size_t c : part.features)
    if (const CsvColumn& column = part.table->column(c); column.missing > 0 && !filled)
      return file_failure(
          part.table->path(),
          "line {}, {}: no value there, and in {} of {} rows: give --csv missing=fill to take the "
          "mean of the column, or leave them out",
          column.first_missing, part.table->name_of(c), column.missing, part.table->rows());
  return Unit{};
}

std::vector<std::size_t> all_rows(const CsvTable& table) {
  std::vector<std::size_t> rows(table.rows());
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = r;
  return rows;
}

}  // namespace polydot::node
