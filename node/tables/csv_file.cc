#include "node/tables/csv_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "dnn/operations/random.h"
#include "node/tables/csv_label.h"
#include "node/tables/csv_part.h"
#include "node/tables/csv_scaling.h"
#include "node/tables/csv_table.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTestFraction = 6;

struct Paths {
  fs::path train, test;  // test: empty: a part of train
};
Result<Paths> paths_of(const DataSource& source) {
  std::error_code error;
  if (!fs::is_directory(source.path, error)) return Paths{source.path, source.test_path};
  if (!source.test_path.empty())
    return usage_failure("--test-data: " + source.path +
                         " is a folder with a test part of its own; give its train.csv");
  const auto part = [&](const std::string& name) {
    return find_file(source.path, std::array<std::string, 2>{name + ".csv", name + ".csv.gz"});
  };
  const auto train = part("train"), test = part("test");
  for (const auto* one : {&train, &test})
    if (!*one) {
      Failure failure = one->failure();
      failure.message += "; files of other names are given by --data FILE --test-data FILE";
      return failure;
    }
  return Paths{*train, *test};
}

// The column of `table` that is `c` of the other part: by its name if both have headings.
Result<std::size_t> same_column(const CsvTable& other, std::size_t c, const CsvTable& table) {
  if (&other == &table) return c;
  const std::string name = other.heading().empty() ? "" : other.heading()[c];
  const bool by_name = !name.empty() && !table.heading().empty();
  if (!by_name && other.columns() == table.columns()) return c;
  if (const auto found = by_name ? table.named(name) : std::nullopt) return *found;
  if (by_name)
    return file_failure(table.path(), "no column {}, which {} has", quoted_cell(name),
                        other.path().filename().string());
  return file_failure(table.path(),
                      "{} columns{}, but {} has {}, and they are not found by name: the parts of different "
                      "sets?",
                      table.columns(), table.heading().empty() ? "" : " with a heading",
                      other.path().filename().string(), other.columns());
}

// What a file is read from: one table that is to be split, or two. Their labels are kept as texts.
struct Tables {
  CsvTable train;
  std::size_t label = 0;  // columns
  std::optional<CsvTable> test{};
  std::size_t test_label = 0;
};

// The test part's own name of the label does not count: its column is that of the training part.
Outcome read_test(const fs::path& path, CsvOptions options, Tables& tables) {
  options.label.clear();
  auto test = CsvTable::read(path, options);
  if (!test) return test.failure();
  const auto label = same_column(tables.train, tables.label, *test);
  if (!label) {
    Failure failure = label.failure();
    failure.message +=
        "; a test part without labels? give the other file alone, and a sixth of it is the test";
    return failure;
  }
  auto labelled = with_texts(*std::move(test), *label);
  if (!labelled) return labelled.failure();
  tables.test = *std::move(labelled);
  tables.test_label = *label;
  return Unit{};
}

Result<Tables> read_tables(const DataSource& source) {
  const auto paths = paths_of(source);
  if (!paths) return paths.failure();
  auto train = CsvTable::read(paths->train, source.csv);
  if (!train) return train.failure();
  const auto label = label_of(*train, source.csv.label);
  if (!label) return label.failure();
  auto labelled = with_texts(*std::move(train), *label);
  if (!labelled) return labelled.failure();
  Tables tables{*std::move(labelled), *label};
  if (paths->test.empty()) return tables;
  if (Outcome test = read_test(paths->test, source.csv, tables); !test) return test.failure();
  return tables;
}

// Numbers in their order, before texts in that of their bytes.
bool comes_before(const std::string& a, const std::string& b) {
  const CsvCell left = read_cell(a, '.'), right = read_cell(b, '.');
  if (left.is_number() != right.is_number()) return left.is_number();
  return left.is_number() && left.value != right.value ? left.value < right.value : a < b;
}

std::vector<std::string> classes_of(const CsvTable& train, std::size_t train_label, const CsvTable& test,
                                    std::size_t test_label) {
  std::vector<std::string> classes = train.texts(train_label)->values;
  for (const std::string& value : test.texts(test_label)->values) classes.push_back(value);
  std::sort(classes.begin(), classes.end(), comes_before);
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  return classes;
}

struct Split {
  std::vector<std::size_t> train, test;  // rows, in the order of the file
};

// A sixth of the samples of each class. Of one with fewer than six, one, unless it has no other.
Split split_of(const std::vector<std::string>& labels, std::uint64_t seed) {
  std::map<std::string_view, std::vector<std::size_t>> by_class;
  for (std::size_t r = 0; r < labels.size(); ++r) by_class[labels[r]].push_back(r);
  dnn::Random random(seed, dnn::RandomStream::kSplit, 0);
  Split split;
  for (auto& [name, rows] : by_class) {
    for (std::size_t k = rows.size() - 1; k > 0; --k) std::swap(rows[k], rows[random.below(k + 1)]);
    const std::size_t test = rows.size() < 2 ? 0 : std::max<std::size_t>(1, rows.size() / kTestFraction);
    split.test.insert(split.test.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(test));
    split.train.insert(split.train.end(), rows.begin() + static_cast<std::ptrdiff_t>(test), rows.end());
  }
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.test.begin(), split.test.end());
  return split;
}

std::string text_of_file(const CsvTable& table) {
  std::string text = fmt::format("{}: {} rows, {} columns ({}, {}, {}{})", table.path().filename().string(),
                                 table.rows(), table.columns(), name_of_delimiter(table.dialect().delimiter),
                                 table.heading().empty() ? "no heading" : "heading", table.dialect().encoding,
                                 table.dialect().decimal == ',' ? ", decimal commas" : "");
  return printable(text);
}

std::string text_of_counters(const CsvTable& table, const CsvRoles& roles) {
  std::string text;
  for (const std::size_t c : roles.row_numbers) text += (text.empty() ? "" : ", ") + table.name_of(c);
  if (!text.empty()) text += " only counts rows, left out; ";
  if (roles.names_rows) text += "column 1 names the rows, left out; ";
  for (const std::size_t c : roles.empty) text += table.name_of(c) + " is empty, left out; ";
  return text;
}

void describe_table(const CsvTable& table, const CsvRoles& roles, InputDescription& inputs) {
  inputs.label_position = static_cast<int>(roles.label) + 1;
  inputs.table_columns = static_cast<int>(table.columns());
  for (const std::size_t c : roles.features) inputs.positions.push_back(static_cast<int>(c) + 1);
  if (table.heading().empty()) return;
  inputs.label = table.heading()[roles.label];
  for (const std::size_t c : roles.features) inputs.columns.push_back(table.heading()[c]);
}

Result<DataPair> pair_of(const Tables& tables, const CsvOptions& options) {
  const CsvTable& table = tables.train;
  const CsvTable& other = tables.test ? *tables.test : table;
  const auto roles = roles_of(table, tables.label, options.keep_counters);
  if (!roles) return roles.failure();
  const std::size_t other_label = tables.test ? tables.test_label : tables.label;
  CsvPart train{&table, roles->features, {}, {}}, test{&other, {}, {}, {}};
  for (const std::size_t c : roles->features) {
    const auto same = same_column(table, c, other);
    if (!same) return same.failure();
    if (Outcome numbers = check_numbers(other, *same); !numbers) return numbers.failure();
    test.features.push_back(*same);
  }
  const auto labels = labels_of(table, roles->label), other_labels = labels_of(other, other_label);
  if (!labels) return labels.failure();
  if (!other_labels) return other_labels.failure();
  InputDescription inputs;
  inputs.classes = classes_of(table, roles->label, other, other_label);
  if (table.texts(roles->label)->values.size() < 2)
    return file_failure(table.path(),
                        "all labels are the same: at least two classes are needed; is {} the label?",
                        table.name_of(roles->label));
  const Split split =
      tables.test ? Split{all_rows(table), all_rows(other)} : split_of(*labels, options.split_seed);
  if (split.test.empty() || split.train.empty())
    return file_failure(
        table.path(), "holds {} samples: too few to keep some of each class for the test part", table.rows());
  for (const auto& [part, rows, texts] :
       {std::tuple{&train, &split.train, &*labels}, {&test, &split.test, &*other_labels}}) {
    if (Outcome added = add_rows(*part, *rows, *texts, inputs.classes); !added) return added.failure();
    if (Outcome complete = check_missing(*part, options.fill_missing); !complete) return complete.failure();
  }
  const bool pixels = options.scale == CsvOptions::Scale::kPixels ||
                      (options.scale == CsvOptions::Scale::kRecognised && are_pixels(train, test));
  pixels ? describe_pixels(train, inputs) : describe_columns(train, inputs);
  describe_table(table, *roles, inputs);
  dnn::Dataset train_data = dataset_of(train, inputs), test_data = dataset_of(test, inputs);
  DataPair data{std::move(train_data), std::move(test_data), std::move(inputs),
                digest_of(train) ^ std::rotl(digest_of(test), 1), ""};
  data.understood =
      fmt::format("{}; label {}, {}; {}{}; {} for training, {} for the test{}", text_of_file(table),
                  table.name_of(roles->label), text_of_classes(data), text_of_counters(table, *roles),
                  text_of_scaling(train, test, data.inputs, pixels), split.train.size(), split.test.size(),
                  tables.test ? " (" + other.path().filename().string() + ")"
                              : fmt::format(" (of each class, seed {})", options.split_seed));
  if (Outcome shared = check_classes(data, other.path().string()); !shared) return shared.failure();
  return data;
}

}  // namespace

Result<DataPair> read_csv(const DataSource& source) {
  auto tables = read_tables(source);
  if (!tables) return tables.failure();
  return pair_of(*tables, source.csv);
}

}  // namespace polydot::node
