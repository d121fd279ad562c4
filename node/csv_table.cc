#include "node/csv_table.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "node/data_files.h"
#include "node/line_reader.h"

namespace polydot::node {
namespace {

constexpr double kMaxMagnitude = 1e30;  // leaves room for differences of floats
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// A finite number of moderate size, or nothing. Independent of the locale.
std::optional<double> number_in(std::string_view cell) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  if (!(std::abs(value) <= kMaxMagnitude)) return std::nullopt;
  return value;
}

bool is_byte(double value) { return value >= 0 && value <= 255 && value == std::floor(value); }

bool is_header(std::string_view first_line) {
  return !number_in(trimmed(first_line.substr(0, first_line.find(','))));
}

// A cell as it may stand in a message: short, on one line.
std::string quoted(std::string_view cell) {
  constexpr std::size_t kShown = 24;
  std::string text(cell.substr(0, kShown));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + text + (cell.size() > kShown ? "...'" : "'");
}

}  // namespace

Result<CsvTable> CsvTable::read(const std::filesystem::path& path) {
  Result<DataFile> file = DataFile::open(path);
  if (!file) return file.failure();
  LineReader lines(*file);
  CsvTable table(path);
  for (table.line_number_ = 1;; ++table.line_number_) {
    const Result<std::optional<std::string_view>> line = lines.next();
    if (!line) return line.failure();
    if (!line->has_value()) break;
    std::string_view text = **line;
    if (table.line_number_ == 1 && text.starts_with(kByteOrderMark))
      text.remove_prefix(kByteOrderMark.size());
    if (trimmed(text).empty()) continue;
    const bool first = table.columns_ == 0;
    if (const Outcome checked = table.check_columns(text); !checked) return checked.failure();
    if (first && is_header(text)) continue;
    if (const Outcome added = table.add_sample(text); !added) return added.failure();
  }
  if (table.labels_.empty())
    return file_failure(path, "holds no samples: at least one line of numbers is needed");
  return table;
}

void CsvTable::become_floats() {
  if (!holds_bytes_) return;
  floats_.assign(bytes_.begin(), bytes_.end());
  bytes_ = {};
  holds_bytes_ = false;
}

dnn::Dataset CsvTable::part(std::size_t first, std::size_t count, dnn::Index classes) const {
  const auto rows = static_cast<dnn::Index>(features());
  const std::uint8_t* const labels = labels_.data() + first;
  std::vector<std::uint8_t> part_labels(labels, labels + count);
  if (holds_bytes_) {
    const std::uint8_t* const bytes = bytes_.data() + first * features();
    return dnn::Dataset::from_bytes({bytes, bytes + count * features()}, rows, std::move(part_labels),
                                    classes);
  }
  const Eigen::Map<const Eigen::MatrixXf> floats(floats_.data() + first * features(), rows,
                                                 static_cast<dnn::Index>(count));
  return dnn::Dataset::from_floats(floats, std::move(part_labels), classes);
}

Outcome CsvTable::check_columns(std::string_view line) {
  const std::size_t columns = static_cast<std::size_t>(std::count(line.begin(), line.end(), ',')) + 1;
  if (columns_ == 0) columns_ = columns;
  if (columns != columns_)
    return file_failure(path_, "line {} has {} columns, the first one has {}: every line needs as many",
                        line_number_, columns, columns_);
  if (columns < 2)
    return file_failure(path_,
                        "line {} has one column: put a label and at least one feature, with commas between",
                        line_number_);
  if (features() > kMaxFeatureCount)
    return file_failure(path_, "{} features are more than the {} accepted: leave some out", features(),
                        kMaxFeatureCount);
  if (count() >= kMaxSampleCount || count() * columns * sizeof(float) > kMaxDataBytes)
    return file_failure(path_, "more than {} samples or {} bytes: leave some samples out", kMaxSampleCount,
                        kMaxDataBytes);
  return Unit{};
}

Outcome CsvTable::add_sample(std::string_view line) {
  for (std::size_t column = 1; column <= columns_; ++column) {
    const std::size_t end = std::min(line.find(','), line.size());
    const std::string_view cell = trimmed(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    const std::optional<double> value = number_in(cell);
    if (!value)
      return file_failure(
          path_, "line {}, column {}: {} is not a finite number up to 1e30: correct it or leave the line out",
          line_number_, column, quoted(cell));
    if (column > 1) {
      add_value(*value);
    } else if (is_byte(*value)) {
      labels_.push_back(static_cast<std::uint8_t>(*value));
    } else {
      return file_failure(path_,
                          "line {}, column 1: the label {} is not a whole number 0..255: put the label first",
                          line_number_, quoted(cell));
    }
  }
  return Unit{};
}

void CsvTable::add_value(double value) {
  if (holds_bytes_ && is_byte(value)) {
    bytes_.push_back(static_cast<std::uint8_t>(value));
    return;
  }
  become_floats();
  floats_.push_back(static_cast<float>(value));
}

}  // namespace polydot::node
