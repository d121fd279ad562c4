#include "node/tables/csv_label.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "node/files/data_files.h"

namespace polydot::node {
namespace {

constexpr std::size_t kMostClasses = 100, kLeastMean = 5;
constexpr std::size_t kLeastCounted = 10, kFewRows = 20;  // rows

constexpr std::array<std::string_view, 1> kX{"x"}, kY{"y"};
constexpr std::array<std::string_view, 4> kCounterNames{"", "index", "row", "nr"};

// id, row_id, SampleID, but not grid or COVID; and what pandas calls columns without a name.
bool is_counter_name(std::string_view name) {
  if (is_one_of(name, kCounterNames) || name.starts_with("Unnamed:")) return true;
  if (name.size() < 2) return false;
  const std::string_view end = name.substr(name.size() - 2), before = name.substr(0, name.size() - 2);
  const bool parted =
      before.empty() || std::string_view("_-. ").find(before.back()) != std::string_view::npos;
  const bool after_small = !before.empty() && before.back() >= 'a' && before.back() <= 'z';
  if (end == "Id" || end == "ID") return parted || after_small;
  return (end == "id" && parted) || name == "rowid";
}

// Different whole numbers, that grow or fall by the same step, or are all of 0 or 1 to the last in any order,
// or are called numbers of rows. Of a few rows only by that name.
bool counts_rows(const CsvTable& table, std::size_t c) {
  const CsvColumn& column = table.column(c);
  const bool is_called = c < table.heading().size() && is_counter_name(table.heading()[c]);
  if ((table.rows() < kLeastCounted && !is_called) || !column.whole || column.missing > 0) return false;
  std::vector<double> values(table.rows());
  for (std::size_t r = 0; r < table.rows(); ++r) values[r] = table.value(r, c);
  bool even = values.size() > 1 && values[0] != values[1];
  for (std::size_t r = 1; r < values.size(); ++r)
    even = even && values[r] - values[r - 1] == values[1] - values[0];
  if (even) return true;
  std::sort(values.begin(), values.end());
  if (std::adjacent_find(values.begin(), values.end()) != values.end()) return false;
  const bool all = (column.least == 0.0 || column.least == 1.0) &&
                   column.greatest - column.least == static_cast<double>(table.rows()) - 1.0;
  return is_called || all;
}

bool is_empty(const CsvTable& table, std::size_t c) { return table.column(c).missing == table.rows(); }

// The first column, if it has no name, and in each row another text.
bool names_rows(const CsvTable& table, std::size_t c) {
  if (c != 0 || table.heading().empty() || !table.heading()[0].empty()) return false;
  if (table.has_row_names()) return true;
  const CsvTexts& texts = *table.texts(0);
  return table.column(0).first_text > 0 && (texts.too_many || texts.values.size() == table.rows());
}

char other_mark(const CsvTable& table) { return table.dialect().decimal == ',' ? '.' : ','; }

// The first text of the column is a number whose decimals others begin with the other mark.
bool reads_with_other_mark(const CsvTable& table, std::size_t c) {
  const std::string& text = table.column(c).text;
  return read_cell(text, other_mark(table)).is_number() && !may_be_thousands(text, other_mark(table));
}

// Classes, if this is the label; a missing one apart.
std::size_t count_classes(const CsvTable& table, std::size_t c) {
  if (const CsvTexts* const texts = table.texts(c)) return texts->values.size();
  std::vector<double> values;
  for (std::size_t r = 0; r < table.rows(); ++r)
    if (!std::isnan(table.value(r, c))) values.push_back(table.value(r, c));
  std::sort(values.begin(), values.end());
  return static_cast<std::size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

// Dates, times, shares of a hundred.
bool all_begin_with_digits(const CsvTexts& texts) {
  return std::all_of(texts.values.begin(), texts.values.end(), [](const std::string& text) {
    return !text.empty() && ((text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '+');
  });
}

enum class Fits { kNo, kPerhaps, kYes };

// kPerhaps: more classes, or fewer samples of each, than a label mostly has, or texts that may be dates.
Fits fits_a_label(const CsvTable& table, std::size_t c) {
  const CsvTexts* const texts = table.texts(c);
  const CsvColumn& column = table.column(c);
  const bool text = column.first_text > 0;
  if ((texts == nullptr && text) || (texts != nullptr && texts->too_many) || (!text && !column.whole))
    return Fits::kNo;
  const std::size_t classes = count_classes(table, c);
  if (classes < 2 || 2 * classes > std::max(table.rows(), kFewRows) || (!text && counts_rows(table, c)))
    return Fits::kNo;
  const bool few_rows = table.rows() < kFewRows;
  if (text && all_begin_with_digits(*texts)) return Fits::kPerhaps;
  return classes <= kMostClasses && (few_rows || table.rows() >= kLeastMean * classes) ? Fits::kYes
                                                                                       : Fits::kPerhaps;
}

struct Ends {
  std::size_t first = 0, last = 0;
};
// Without what is around the samples: names and numbers of rows, and columns without any value.
Ends ends_of(const CsvTable& table) {
  const auto is_around = [&](std::size_t c) {
    return is_empty(table, c) || names_rows(table, c) || counts_rows(table, c);
  };
  Ends ends{0, table.columns() - 1};
  while (ends.first < ends.last && is_around(ends.first)) ++ends.first;
  while (ends.last > ends.first && is_around(ends.last)) --ends.last;
  return ends;
}

// y is a coordinate where there is an x.
std::vector<std::size_t> called_label(const CsvTable& table) {
  std::vector<std::size_t> strong, weak;
  bool has_x = false;
  for (std::size_t c = 0; c < table.heading().size(); ++c) {
    const std::string& name = table.heading()[c];
    has_x = has_x || is_one_of(name, kX);
    if (is_label_name(name)) (is_one_of(name, kY) ? weak : strong).push_back(c);
  }
  if (!strong.empty() || has_x) return strong;
  return weak;
}

std::vector<std::size_t> of_text(const CsvTable& table) {
  std::vector<std::size_t> found;
  for (std::size_t c = 0; c < table.columns(); ++c)
    if (table.column(c).first_text > 0 && table.texts(c) != nullptr && !names_rows(table, c))
      found.push_back(c);
  return found;
}

std::string names_of(const CsvTable& table, const std::vector<std::size_t>& columns) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t k = 0; k < std::min(columns.size(), kShown); ++k)
    text += (text.empty() ? "" : ", ") + table.name_of(columns[k]);
  return text + (columns.size() > kShown ? fmt::format(" and {} more", columns.size() - kShown) : "");
}

// Numbers as they are written elsewhere, or with marks between thousands, are no texts. Failure: the first
// such column.
Outcome check_texts_are_no_numbers(const CsvTable& table, const std::vector<std::size_t>& texts) {
  for (const std::size_t c : texts)
    if (reads_with_other_mark(table, c) || may_be_thousands(table.column(c).text, other_mark(table)))
      if (Outcome numbers = check_numbers(table, c); !numbers) return numbers;
  return Unit{};
}

Failure ask(const CsvTable& table, std::size_t a, std::size_t b, const char* can) {
  return usage_failure(
      fmt::format("{}: {} and {} {} be the label: say which column it is, --label NAME or its number",
                  table.path().string(), table.name_of(a), table.name_of(b), can));
}

Result<std::size_t> recognised_text(const CsvTable& table, std::size_t text, const Ends& ends) {
  // A text that is no label is a feature that has to be left out.
  if (table.rows() >= kFewRows)
    for (const std::size_t end : {ends.last, ends.first})
      if (end != text && fits_a_label(table, end) == Fits::kYes)
        return ask(table, std::min(text, end), std::max(text, end), "can both");
  if (fits_a_label(table, text) == Fits::kYes) return text;
  return usage_failure(fmt::format(
      "{}: {} holds text, as only the label may, with many values or such as dates: say --label {} "
      "if it is the label, or leave it out",
      table.path().string(), table.name_of(text), text + 1));
}

Result<std::size_t> recognised(const CsvTable& table) {
  const std::vector<std::size_t> called = called_label(table), texts = of_text(table);
  if (called.size() == 1 && !table.column(called[0]).whole && table.column(called[0]).first_text == 0)
    return usage_failure(
        fmt::format("{}: {} holds decimals, and no classes: say --label NAME or the number of the "
                    "label's column",
                    table.path().string(), table.name_of(called[0])));
  if (called.size() == 1) return called.front();
  if (called.size() > 1)
    return usage_failure(fmt::format("{}: {} can be the label: say which, --label NAME or its number",
                                     table.path().string(), names_of(table, called)));
  const Ends ends = ends_of(table);
  if (Outcome texts_only = check_texts_are_no_numbers(table, texts); !texts_only) return texts_only.failure();
  if (texts.size() == 1) return recognised_text(table, texts.front(), ends);
  if (texts.size() > 1)
    return usage_failure(
        fmt::format("{}: {} hold text, and only the label may: say which it is, --label NAME or its "
                    "number, and leave the others out",
                    table.path().string(), names_of(table, texts)));
  const Fits of_first = fits_a_label(table, ends.first), of_last = fits_a_label(table, ends.last);
  if (of_first == Fits::kYes && of_last == Fits::kNo) return ends.first;
  if (of_last == Fits::kYes && of_first == Fits::kNo) return ends.last;
  return ask(table, ends.first, ends.last,
             of_first == Fits::kNo && of_last == Fits::kNo ? "can neither" : "can both");
}

// A heading whose other names are numbers looks like a sample with a class of its own.
Outcome check_first_row(const CsvTable& table, std::size_t c) {
  const CsvTexts& texts = *table.texts(c);
  if (table.options().heading.has_value() || !table.heading().empty() || table.rows() < kLeastCounted ||
      texts.too_many)
    return Unit{};
  const bool text = read_cell(texts.values[texts.rows[0]], '.').is_text();
  const bool once = std::count(texts.rows.begin(), texts.rows.end(), texts.rows[0]) == 1;
  if (!once || !(text || table.first_row_counts())) return Unit{};
  return file_failure(
      table.path(),
      "line {}: {} is in this line only: a heading, or a class with one sample? say --csv heading=yes "
      "(or no)",
      table.line(0), quoted_cell(texts.values[texts.rows[0]]));
}

Outcome check_label(const CsvTable& table, std::size_t c) {
  const CsvColumn& column = table.column(c);
  const CsvTexts& texts = *table.texts(c);
  if (column.missing > 0)
    return file_failure(
        table.path(),
        "line {}, {}: the label is missing (as NA, none, null and ? count): give it, or leave the "
        "line out",
        column.first_missing, table.name_of(c));
  if (Outcome heading = check_first_row(table, c); !heading) return heading;
  const std::size_t classes = texts.values.size();
  if (!texts.too_many && 2 * classes <= std::max(table.rows(), kFewRows)) return Unit{};
  return file_failure(table.path(),
                      "{} has {} different values in {} rows, and is no class: give --label NAME or the "
                      "number of another column",
                      table.name_of(c), texts.too_many ? "more than 65536" : std::to_string(classes),
                      table.rows());
}

// Texts, or whole numbers that grow or are all from 1 on, and each once.
Outcome check_row_names(const CsvTable& table) {
  if (!table.has_row_names()) return Unit{};
  const CsvColumn& column = table.column(0);
  const CsvTexts& names = *table.texts(0);
  bool right = column.missing == 0 && (names.too_many || names.values.size() == table.rows());
  if (right && column.first_text == 0) {
    bool grows = column.whole;
    for (std::size_t r = 1; r < table.rows(); ++r) grows = grows && table.value(r, 0) > table.value(r - 1, 0);
    right = grows || counts_rows(table, 0);
  }
  if (right) return Unit{};
  return file_failure(
      table.path(),
      "the heading names {} of {} columns, and the first does not look like names of the rows: add "
      "the missing name",
      table.columns() - 1, table.columns());
}

}  // namespace

Outcome check_numbers(const CsvTable& table, std::size_t c) {
  const CsvColumn& column = table.column(c);
  if (column.may_have_thousands())
    return file_failure(table.path(),
                        "line {}, {}: {}: thousands or decimals, as others have no point? say --csv "
                        "decimal=point, or take the points out",
                        column.first_group, table.name_of(c), quoted_cell(column.group));
  if (column.first_text == 0) return Unit{};
  const std::string where =
      fmt::format("line {}, {}: {}", column.first_text, table.name_of(c), quoted_cell(column.text));
  const char other = other_mark(table);
  if (may_be_thousands(column.text, other) &&
      (other == '.' || std::count(column.text.begin(), column.text.end(), other) > 1))
    return file_failure(table.path(), "{} is no number: take the {} between its digits out", where,
                        other == ',' ? "commas" : "points");
  if (reads_with_other_mark(table, c))
    return file_failure(table.path(), "{} is no number: say --csv decimal={}", where,
                        other == ',' ? "comma" : "point");
  if (table.texts(c) == nullptr)  // numbers before it
    return file_failure(table.path(),
                        "{} is not a finite number up to 1e30: correct it or leave the line out", where);
  return file_failure(
      table.path(),
      "{} is no number, and only the label may be text: correct it, leave the column out, or say --label {} "
      "if it is the label",
      where, c + 1);
}

Result<std::size_t> label_of(const CsvTable& table, const std::string& given) {
  return given.empty() ? recognised(table) : table.find(given);
}

Result<CsvRoles> roles_of(const CsvTable& table, std::size_t label, bool keep_counters) {
  if (Outcome names = check_row_names(table); !names) return names.failure();
  if (Outcome good = check_label(table, label); !good) return good.failure();
  CsvRoles roles{label, {}};
  for (std::size_t c = 0; c < table.columns(); ++c) {
    if (c == label) continue;
    if (names_rows(table, c)) {
      roles.names_rows = true;
      continue;
    }
    if (Outcome numbers = check_numbers(table, c); !numbers) return numbers.failure();
    if (is_empty(table, c)) {
      if (!table.heading().empty() && !table.heading()[c].empty())
        return file_failure(table.path(), "{}: no value in any row: leave the column out", table.name_of(c));
      roles.empty.push_back(c);
      continue;
    }
    if (table.columns() > 2 && !keep_counters && counts_rows(table, c)) {
      roles.row_numbers.push_back(c);
      continue;
    }
    roles.features.push_back(c);
  }
  if (roles.features.empty())
    return file_failure(table.path(),
                        "no column is left but the label and what only counts rows: say --csv "
                        "counters=keep to learn from those");
  return roles;
}

}  // namespace polydot::node
