#include "node/tables/csv_heading.h"

#include <algorithm>
#include <array>

#include "node/files/data_files.h"
#include "node/tables/csv_cell.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

// A first record of numbers 0, 1, 2, .. is what some programs write for columns without names. So many alone
// are hardly a sample; of fewer the user is asked, but not of very few.
constexpr std::size_t kSurelyCounted = 64, kPerhapsCounted = 4, kLeastCounted = 3;

constexpr std::array<std::string_view, 14> kLabelNames{
    "label",    "labels",  "class", "classes", "target",   "targets",   "y",
    "category", "species", "digit", "outcome", "survived", "diagnosis", "variety"};

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

// Texts, or words for what is missing, and nothing else.
bool are_names(const CsvFirstLines& lines, std::size_t count) {
  return count >= 2 &&
         std::all_of(lines.first.begin(), lines.first.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](const std::string& cell) {
                       return !trimmed(cell).empty() && !read_cell(cell, lines.decimal).is_number();
                     });
}

// Of names, if it has another width than the others.
void compare_widths(const CsvFirstLines& lines, CsvHeading& heading) {
  if (lines.second == nullptr) return;
  const std::vector<std::string>& first = lines.first;
  const std::vector<std::string_view>& second = lines.second->cells;
  if (second.size() == first.size() + 1 && are_names(lines, first.size())) {
    heading.is_shorter = trimmed(second.back()).empty();
    heading.has_row_names = !heading.is_shorter;
  }
  heading.is_longer = first.size() == second.size() + 1 && trimmed(first.back()).empty() &&
                      are_names(lines, first.size() - 1);
  heading.is_there = heading.is_there || heading.has_row_names || heading.is_shorter || heading.is_longer;
}

Failure doubt(const CsvFirstLines& lines, const char* what) {
  return file_failure(lines.path,
                      "line {} ({}, {}, ..) {}: a heading, or a sample? say --csv heading=yes (or no)",
                      lines.line, quoted_cell(lines.first[0]), quoted_cell(lines.first[1]), what);
}

// Of a record without names: numbers that count the columns, and nothing else, or beside an empty cell above
// the numbers of rows. Whole numbers above decimals may be years.
Result<bool> counts_columns(const CsvFirstLines& lines, const Counted& counted) {
  if (lines.second == nullptr || lines.first.size() < 2) return false;
  std::size_t both = 0, whole_above_decimal = 0;
  for (std::size_t c = 0; c < lines.first.size(); ++c) {
    const CsvCell above = read_cell(lines.first[c], lines.decimal),
                  under = read_cell(below(lines, c), lines.decimal);
    both += above.is_number() && under.is_number();
    whole_above_decimal += above.is_number() && under.is_number() &&
                           lines.first[c].find(lines.decimal) == std::string::npos && !is_whole(under.value);
  }
  const bool beside_empty =
      trimmed(lines.first[0]).empty() && read_cell(below(lines, 0), lines.decimal).is_number();
  const bool all = counted.numbers + (beside_empty ? 1 : 0) == lines.first.size();
  if (counted.from_start() && all && counted.numbers >= kLeastCounted) {
    if (beside_empty || whole_above_decimal > 0 || counted.numbers >= kSurelyCounted) return true;
    if (counted.numbers >= kPerhapsCounted) return doubt(lines, "counts");
  }
  if (whole_above_decimal >= 2 && whole_above_decimal + 1 >= both)
    return doubt(lines, "has no decimals, as the next has");
  return false;
}

// A title above the table, or a comment.
Outcome check_is_record(const CsvFirstLines& lines) {
  const auto filled = [](const auto& cells) {
    return std::count_if(cells.begin(), cells.end(),
                         [](std::string_view cell) { return !trimmed(cell).empty(); });
  };
  if (lines.second == nullptr) return Unit{};
  const bool alone =
      filled(lines.first) == 1 && filled(lines.second->cells) > 1 && !trimmed(lines.first[0]).empty();
  if (alone && !read_cell(lines.first[0], lines.decimal).is_number())
    return file_failure(lines.path,
                        "line {}: {} stands alone above cells: a title or a comment? leave it out",
                        lines.line, quoted_cell(lines.first[0]));
  const std::string_view mark = trimmed(lines.first[0]);
  const bool parted = mark == "#" && lines.first.size() == lines.second->cells.size() + 1;
  if (parted || mark.starts_with("# "))
    return file_failure(lines.path, "line {} begins with '#': leave a comment out, or, of a heading, the '#'",
                        lines.line);
  return Unit{};
}

}  // namespace

bool is_label_name(std::string_view name) { return is_one_of(name, kLabelNames); }

Result<CsvHeading> heading_of(const CsvFirstLines& lines, const std::optional<bool>& given) {
  CsvHeading heading{.is_there = given.value_or(false)};
  if (Outcome record = check_is_record(lines); !record) return record.failure();
  if (given.value_or(true)) compare_widths(lines, heading);
  if (given || heading.is_there) return heading;
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
