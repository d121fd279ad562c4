#include "node/csv_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "node/csv_table.h"
#include "node/data_files.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTestFraction = 6;

Result<dnn::Index> class_count(const fs::path& path, std::uint8_t greatest_label) {
  if (greatest_label == 0)
    return file_failure(
        path, "every label is 0: at least two classes are needed; is the label in the first column?");
  return dnn::Index{greatest_label} + 1;
}

Result<DataPair> read_one_file(const fs::path& path) {
  const Result<CsvTable> table = CsvTable::read(path);
  if (!table) return table.failure();
  const std::size_t test_count = table->count() / kTestFraction;
  if (test_count == 0)
    return file_failure(
        path, "holds {} samples: at least {} are needed, since the last sixth becomes the test part",
        table->count(), kTestFraction);
  const Result<dnn::Index> classes = class_count(path, table->greatest_label());
  if (!classes) return classes.failure();
  const std::size_t train_count = table->count() - test_count;
  return make_data_pair(table->part(0, train_count, *classes),
                        table->part(train_count, test_count, *classes));
}

Result<CsvTable> read_part(const fs::path& directory, const std::string& name) {
  const Result<fs::path> path =
      find_file(directory, std::array<std::string, 2>{name + ".csv", name + ".csv.gz"});
  return path ? CsvTable::read(*path) : path.failure();
}

Result<DataPair> read_folder(const fs::path& directory) {
  Result<CsvTable> train = read_part(directory, "train");
  if (!train) return train.failure();
  Result<CsvTable> test = read_part(directory, "test");
  if (!test) return test.failure();
  if (train->features() != test->features())
    return file_failure(test->path(),
                        "{} features, but the training part has {}: the parts of different sets?",
                        test->features(), train->features());
  const std::uint8_t greatest_label = std::max(train->greatest_label(), test->greatest_label());
  const Result<dnn::Index> classes = class_count(train->path(), greatest_label);
  if (!classes) return classes.failure();
  if (!train->holds_bytes() || !test->holds_bytes()) {
    train->become_floats();
    test->become_floats();
  }
  return make_data_pair(train->part(0, train->count(), *classes), test->part(0, test->count(), *classes));
}

}  // namespace

Result<DataPair> read_csv(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? read_folder(path) : read_one_file(path);
}

}  // namespace polydot::node
