// Tables that a model is tried on: its columns and classes are known, so nothing has to be recognised.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "node/tables/csv_cell.h"
#include "node/tables/csv_file.h"
#include "node/tables/csv_label.h"
#include "node/tables/csv_part.h"
#include "node/tables/csv_scaling.h"

namespace polydot::node {
namespace {

// Where the model's columns are in this table.
Result<std::size_t> place_of(const CsvTable& table, const InputDescription& inputs, const std::string& name,
                             int position) {
  if (!name.empty() && !table.heading().empty()) {
    if (const auto found = table.named(name)) return *found;
    return file_failure(table.path(), "no column {} in the heading, which the model needs",
                        quoted_cell(name));
  }
  if (static_cast<int>(table.columns()) != inputs.table_columns)
    return file_failure(table.path(),
                        "{} columns, but the model was trained on a table of {}, and they cannot be found "
                        "by name",
                        table.columns(), inputs.table_columns);
  return static_cast<std::size_t>(position - 1);
}

// Of the model's table, by its name or place; of pictures, as it is recognised in any table.
Result<std::size_t> label_for(const InputDescription& inputs, const CsvTable& table) {
  const std::string& given = table.options().label;
  if (!given.empty() || !inputs.is_of_table()) return label_of(table, given);
  return place_of(table, inputs, inputs.label, inputs.label_position);
}

Result<std::vector<std::size_t>> features_for(const InputDescription& inputs, const CsvTable& table,
                                              std::size_t label) {
  if (!inputs.is_of_table()) {
    auto roles = roles_of(table, label, table.options().keep_counters);
    return roles ? Result(std::move(roles->features)) : roles.failure();
  }
  std::vector<std::size_t> features;
  for (std::size_t k = 0; k < inputs.positions.size(); ++k) {
    const auto place =
        place_of(table, inputs, k < inputs.columns.size() ? inputs.columns[k] : "", inputs.positions[k]);
    if (!place) return place.failure();
    if (Outcome numbers = check_numbers(table, *place); !numbers) return numbers.failure();
    features.push_back(*place);
  }
  return features;
}

}  // namespace

Result<dnn::Dataset> read_csv_for(const InputDescription& inputs, const DataSource& source) {
  std::error_code error;
  std::filesystem::path path = source.path;
  if (std::filesystem::is_directory(path, error)) {
    const auto found = find_file(path, std::array<std::string, 2>{"test.csv", "test.csv.gz"});
    if (!found) return found.failure();
    path = *found;
  }
  auto read = CsvTable::read(path, source.csv);
  if (!read) return read.failure();
  const auto label = label_for(inputs, *read);
  if (!label) return label.failure();
  const auto table = with_texts(*std::move(read), *label);
  if (!table) return table.failure();
  const auto features = features_for(inputs, *table, *label);
  if (!features) return features.failure();
  const auto labels = labels_of(*table, *label);
  if (!labels) return labels.failure();
  if (inputs.mean.size() > 1 && inputs.mean.size() != static_cast<Eigen::Index>(features->size()))
    return file_failure(path, "{} features, but the model has {} inputs", features->size(),
                        inputs.mean.size());
  CsvPart part{&*table, *features, {}, {}};
  if (Outcome added = add_rows(part, all_rows(*table), *labels, inputs.classes); !added)
    return added.failure();
  if (Outcome complete = check_missing(part, source.csv.fill_missing); !complete) return complete.failure();
  return dataset_of(part, inputs);
}

}  // namespace polydot::node
