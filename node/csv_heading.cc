#include "node/csv_heading.h"

#include <algorithm>
#include <array>

#include "node/config_words.h"
#include "node/csv_cell.h"
#include "node/data_files.h"

namespace polydot::node {
namespace {

// A first record of numbers 0, 1, 2, .. is what some programs write for columns without names. So many alone
// are hardly a sample; of fewer the user is asked; below that they are a sample like others.
constexpr std::size_t kSurelyCounted = 64, kPerhapsCounted = 8, kLeastCounted = 3;

constexpr std::array<std::string_view, 7> kLabelNames{"label",    "class",   "target", "y",
                                                      "category", "species", "digit"};

// The numbers among the cells grow by 1.
struct Counted {
  bool evenly = true;
  std::size_t numbers = 0;
  double first = 0.0;

  bool from_start() const { return evenly && (first == 0.0 || first == 1.0); }
};
Counted count_up(const std::vector<std::string>& cells, char decimal) {
  Counted counted;
  for (const std::string& text : cells) {
    const CsvCell cell = read_cell(text, decimal);
    if (!cell.is_number()) continue;
    if (counted.numbers == 0) counted.first = cell.value;
    counted.evenly = counted.evenly && cell.value == counted.first + static_cast<double>(counted.numbers);
    ++counted.numbers;
  }
  return counted;
}

std::string_view below(const CsvFirstLines& lines, std::size_t c) {
  return lines.second != nullptr && c < lines.second->cells.size() ? lines.second->cells[c]
                                                                   : std::string_view();
}

// Texts only above one column more, which is not that behind a last delimiter.
bool lacks_name_of_rows(const CsvFirstLines& lines) {
  const std::vector<std::string>& first = lines.first;
  return lines.second != nullptr && first.size() >= 2 && lines.second->cells.size() == first.size() + 1 &&
         !trimmed(lines.second->cells.back()).empty() &&
         std::all_of(first.begin(), first.end(),
                     [&](const std::string& cell) { return read_cell(cell, lines.decimal).is_text(); });
}

// Numbers and nothing else, or beside an empty cell above the numbers of rows.
Result<bool> counts_columns(const CsvFirstLines& lines, const Counted& counted) {
  if (lines.second == nullptr || !counted.from_start()) return false;
  const CsvCell below_first = read_cell(below(lines, 0), lines.decimal);
  const bool beside_empty = trimmed(lines.first[0]).empty() && below_first.is_number();
  if (beside_empty && counted.numbers + 1 == lines.first.size()) return counted.numbers >= kLeastCounted;
  if (counted.numbers < lines.first.size() || counted.numbers < kPerhapsCounted) return false;
  const bool decimals_below =
      std::any_of(lines.second->cells.begin(), lines.second->cells.end(), [&](std::string_view cell) {
        const CsvCell read = read_cell(cell, lines.decimal);
        return read.is_number() && !is_whole(read.value);
      });
  if (decimals_below || counted.numbers >= kSurelyCounted) return true;
  return file_failure(lines.path,
                      "line {} counts from {} to {}: a heading, or a sample? say --csv heading=yes (or no)",
                      lines.line, quoted_cell(lines.first.front()), quoted_cell(lines.first.back()));
}

}  // namespace

bool is_label_name(std::string_view name) { return is_one_of(name, kLabelNames); }

Result<CsvHeading> heading_of(const CsvFirstLines& lines, const std::optional<bool>& given) {
  CsvHeading heading{.is_there = given.value_or(false)};
  heading.has_row_names = given.value_or(true) && lacks_name_of_rows(lines);
  if (given || heading.has_row_names) {
    heading.is_there = heading.is_there || heading.has_row_names;
    return heading;
  }
  std::size_t names = 0, numbers = 0, a_name = 0;  // above numbers
  std::optional<std::size_t> label_name;
  for (std::size_t c = 0; c < lines.first.size(); ++c) {
    const CsvCell above = read_cell(lines.first[c], lines.decimal);
    const std::string_view name = trimmed(lines.first[c]);
    if (!label_name && is_label_name(name) && name != trimmed(below(lines, c))) label_name = c;
    if (lines.second != nullptr && !read_cell(below(lines, c), lines.decimal).is_number()) continue;
    numbers += above.is_number();
    if (above.is_text()) ++names, a_name = c;
  }
  const Counted counted = count_up(lines.first, lines.decimal);
  heading.is_there = names > 0 && numbers == 0;
  if (heading.is_there) return heading;
  if (label_name && counted.evenly && counted.numbers != 1) {
    heading.is_there = true;
    heading.by_label_name = label_name;
    return heading;
  }
  if (names > 0)
    return file_failure(lines.path,
                        "line {}, column {}: {} is no number, though others in this line are: correct it, or "
                        "say --csv heading=yes (or no)",
                        lines.line, a_name + 1, quoted_cell(lines.first[a_name]));
  const auto counts = counts_columns(lines, counted);
  if (!counts) return counts.failure();
  heading.is_there = *counts;
  heading.counts = !*counts && counted.from_start() && counted.numbers >= kLeastCounted;
  return heading;
}

}  // namespace polydot::node
