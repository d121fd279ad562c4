// Tables that a model is tried on: its columns and classes are known, so nothing has to be recognised.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "node/csv_cell.h"
#include "node/csv_file.h"
#include "node/csv_label.h"
#include "node/csv_part.h"
#include "node/csv_scaling.h"

namespace polydot::node {
namespace {

// Where the model's columns are in this table.
Result<std::size_t> place_of(const CsvTable& table, const InputDescription& inputs, const std::string& name,
                             int position) {
  const bool by_name = !name.empty() && !table.heading().empty();
  if (by_name)
    for (std::size_t c = 0; c < table.columns(); ++c)
      if (table.heading()[c] == name) return c;
  if (by_name)
    return file_failure(table.path(), "no column {} in the heading, which the model needs",
                        quoted_cell(name));
  if (static_cast<int>(table.columns()) != inputs.table_columns)
    return file_failure(table.path(),
                        "{} columns, but the model was trained on a table of {}, and they cannot be found "
                        "by name",
                        table.columns(), inputs.table_columns);
  return static_cast<std::size_t>(position - 1);
}

// Of the model's table, by names or places; of pictures, as they are recognised in any table.
Result<CsvRoles> roles_for(const InputDescription& inputs, const CsvTable& table, const std::string& given) {
  if (!inputs.is_of_table()) return roles_of(table, given);
  CsvRoles roles;
  const auto label =
      given.empty() ? place_of(table, inputs, inputs.label, inputs.label_position) : table.find(given);
  if (!label) return label.failure();
  roles.label = *label;
  for (std::size_t k = 0; k < inputs.positions.size(); ++k) {
    const auto place =
        place_of(table, inputs, k < inputs.columns.size() ? inputs.columns[k] : "", inputs.positions[k]);
    if (!place) return place.failure();
    if (Outcome numbers = check_numbers(table, *place); !numbers) return numbers.failure();
    roles.features.push_back(*place);
  }
  return roles;
}

}  // namespace

Result<dnn::Dataset> read_csv_for(const InputDescription& inputs, const DataSource& source) {
  std::error_code error;
  CsvOptions options = source.csv;
  // So that its column is read as a label, whatever is in it. A heading may call it by its name elsewhere.
  if (inputs.is_of_table() && options.label.empty() && inputs.label.empty())
    options.label = std::to_string(inputs.label_position);
  options.label_name = inputs.label;
  std::filesystem::path path = source.path;
  if (std::filesystem::is_directory(path, error)) {
    const auto found = find_file(path, std::array<std::string, 2>{"test.csv", "test.csv.gz"});
    if (!found) return found.failure();
    path = *found;
  }
  const auto table = CsvTable::read(path, options);
  if (!table) return table.failure();
  const auto roles = roles_for(inputs, *table, source.csv.label);
  if (!roles) return roles.failure();
  const auto labels = labels_of(*table, roles->label);
  if (!labels) return labels.failure();
  if (inputs.mean.size() > 1 && inputs.mean.size() != static_cast<Eigen::Index>(roles->features.size()))
    return file_failure(path, "{} features, but the model has {} inputs", roles->features.size(),
                        inputs.mean.size());
  CsvPart part{&*table, roles->features, {}, {}};
  if (Outcome added = add_rows(part, all_rows(*table), *labels, inputs.classes); !added)
    return added.failure();
  if (Outcome complete = check_missing(part, options.fill_missing); !complete) return complete.failure();
  return dataset_of(part, inputs);
}

}  // namespace polydot::node
