#include "node/csv_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "node/config_words.h"
#include "node/printable.h"
#include "node/text_decoder.h"

namespace polydot::node {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostTexts = 65'536;
// A first record of numbers 0, 1, 2, .. is what some programs write for columns without names: so many alone,
// or so many beside a cell that is empty, above row numbers.
constexpr std::size_t kLeastCounted = 8, kLeastBesideEmpty = 3;

// The numbers among these cells grow by 1.
struct Counted {
  bool evenly = true;
  std::size_t numbers = 0;
  double first = 0.0;
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

constexpr std::array<std::string_view, 7> kLabelNames{"label",    "class",   "target", "y",
                                                      "category", "species", "digit"};

}  // namespace

bool is_label_name(std::string_view name) { return is_one_of(name, kLabelNames); }

Result<CsvTable> CsvTable::read(const std::filesystem::path& path, const CsvOptions& options) {
  CsvTable table(path, options);
  auto dialect = dialect_of(path, options);
  if (!dialect) return dialect.failure();
  table.dialect_ = *std::move(dialect);
  Outcome read = read_csv_rows(path, table.dialect_, [&](const CsvRow& row) { return table.take(row); });
  if (read && !table.begun_ && !table.first_.empty()) read = table.begin(nullptr);
  if (!read) return read.failure();
  if (table.lines_.empty())
    return file_failure(path, "holds no samples: at least one line of numbers is needed");
  if (Outcome made = table.make_utf8(); !made) return made.failure();
  return table;
}

Outcome CsvTable::take(const CsvRow& row) {
  const bool names_separator = row.line == 1 && row.cells[0] == "sep=";
  const bool empty = std::all_of(row.cells.begin(), row.cells.end(),
                                 [](std::string_view cell) { return trimmed(cell).empty(); });
  if (names_separator || (empty && row.cells.size() > 1)) return Unit{};
  if (begun_) return add(row);
  if (first_.empty()) {
    first_.assign(row.cells.begin(), row.cells.end());
    first_line_ = row.line;
    return Unit{};
  }
  if (Outcome begun = begin(&row); !begun) return begun;
  return add(row);
}

// Texts only above one column more, which is not that behind a last delimiter.
void CsvTable::add_name_of_row_names(const CsvRow& second) {
  const bool all_text = std::all_of(first_.begin(), first_.end(), [&](const std::string& cell) {
    return read_cell(cell, dialect_.decimal).is_text();
  });
  has_row_names_ = all_text && options_.heading.value_or(true) && first_.size() >= 2 &&
                   second.cells.size() == first_.size() + 1 && !trimmed(second.cells.back()).empty();
  if (has_row_names_) first_.insert(first_.begin(), "");
}

Outcome CsvTable::begin(const CsvRow* second) {
  begun_ = true;
  if (second != nullptr) add_name_of_row_names(*second);
  columns_.resize(first_.size());
  if (columns_.size() < 2 && second != nullptr && second->cells.size() > 1)
    return file_failure(
        path_, "line {}: {} is one cell, and the next line has {}: a title or a comment? leave it out",
        first_line_, quoted_cell(first_[0]), second->cells.size());
  if (columns_.size() < 2)
    return file_failure(
        path_,
        "line {} has one column: put a label and at least one feature, with a {} between, or give "
        "--csv delimiter=..",
        first_line_, name_of_delimiter(dialect_.delimiter));
  if (columns_.size() > kMaxFeatureCount)
    return file_failure(path_, "{} columns are more than the {} accepted: leave some out", columns_.size(),
                        kMaxFeatureCount);
  const auto heading = is_heading(first_, second);
  if (!heading) return heading.failure();
  if (*heading)
    if (Outcome set = set_heading(first_); !set) return set;
  if (!options_.label.empty()) {
    const auto asked = find(options_.label);
    if (!asked) return asked.failure();
    asked_ = *asked;
  }
  if (*heading) return Unit{};
  const Counted counted = count_up(first_, dialect_.decimal);
  first_row_counts_ =
      counted.evenly && counted.numbers >= 3 && (counted.first == 0.0 || counted.first == 1.0);
  CsvRow row;
  row.cells.assign(first_.begin(), first_.end());
  row.line = first_line_;
  return add(row);
}

// A record of names: where the next has numbers, it has none. Or numbers that count the columns, or a name
// that only a label has.
Result<bool> CsvTable::is_heading(const std::vector<std::string>& first, const CsvRow* second) const {
  if (options_.heading) return *options_.heading;
  const char decimal = dialect_.decimal;
  std::size_t names = 0, numbers = 0, a_name = 0;
  bool names_label = false, has_empty = false;
  for (std::size_t c = 0; c < first.size(); ++c) {
    const CsvCell above = read_cell(first[c], decimal);
    const std::string_view below = second != nullptr && c < second->cells.size() ? second->cells[c] : "";
    names_label = names_label || (is_label_name(trimmed(first[c])) && trimmed(first[c]) != trimmed(below));
    has_empty = has_empty || trimmed(first[c]).empty();
    if (second != nullptr && !read_cell(below, decimal).is_number()) continue;
    numbers += above.is_number();
    if (above.is_text()) ++names, a_name = c;
  }
  const Counted counted = count_up(first, decimal);
  if (names_label && counted.evenly && counted.numbers != 1) return true;
  if (names == 0) {
    const bool from_start = counted.evenly && (counted.first == 0.0 || counted.first == 1.0);
    return second != nullptr && from_start &&
           counted.numbers >= (has_empty ? kLeastBesideEmpty : kLeastCounted);
  }
  if (numbers == 0) return true;
  return file_failure(
      path_,
      "line {}, column {}: {} is no number, though others in this line are: correct it, or say "
      "--csv heading=yes (or no)",
      first_line_, a_name + 1, quoted_cell(first[a_name]));
}

Outcome CsvTable::set_heading(const std::vector<std::string>& cells) {
  heading_ = cells;
  for (std::string& name : heading_) name = trimmed(name);
  std::set<std::string_view> seen;
  for (const std::string& name : heading_)
    if (!name.empty() && !seen.insert(name).second)
      return file_failure(path_,
                          "line {}: two columns are called {}: name them apart, or give --csv heading=no and "
                          "leave the line out",
                          first_line_, quoted_cell(name));
  return Unit{};
}

Outcome CsvTable::check_width(const CsvRow& row) const {
  if (row.cells.size() != columns_.size())
    return file_failure(path_, "line {} has {} columns, the first one has {}: every line needs as many",
                        row.line, row.cells.size(), columns_.size());
  if (rows() >= kMaxSampleCount ||
      (rows() + 1) * columns() * (holds_bytes_ ? 1 : sizeof(double)) > kMaxDataBytes)
    return file_failure(path_, "more than {} samples or {} bytes: leave some samples out", kMaxSampleCount,
                        kMaxDataBytes);
  return Unit{};
}

Outcome CsvTable::add(const CsvRow& row) {
  if (Outcome width = check_width(row); !width) return width;
  const bool first = lines_.empty();
  for (std::size_t c = 0; c < columns(); ++c) {
    const CsvCell cell = read_cell(row.cells[c], dialect_.decimal);
    const bool kept =
        first && (c == 0 || (c == 1 && has_row_names_) || c + 1 == columns() || cell.is_text() || asked_ == c ||
                  (c < heading_.size() && (is_label_name(heading_[c]) ||
                                           (heading_[c] == options_.label_name && !heading_[c].empty()))));
    if (kept) texts_[c];
    CsvColumn& column = columns_[c];
    const auto texts = texts_.find(c);
    if (cell.is_text() && texts == texts_.end()) return not_a_number(row, c);
    if (cell.is_text() && column.first_text == 0) column.first_text = row.line, column.text = row.cells[c];
    if (cell.is_missing() && column.missing++ == 0) column.first_missing = row.line;
    if (texts != texts_.end()) keep_text(texts->second, row.cells[c], cell);
    column.whole = column.whole && !cell.is_text() && (!cell.is_number() || is_whole(cell.value));
    if (cell.is_number()) {
      column.least = std::min(column.least, cell.value);
      column.greatest = std::max(column.greatest, cell.value);
    }
    add_value(cell.is_number() ? cell.value : cell.is_text() ? 0.0 : kMissing);
  }
  lines_.push_back(row.line);
  return Unit{};
}

Failure CsvTable::not_a_number(const CsvRow& row, std::size_t c) const {
  return file_failure(path_,
                      "line {}, {}: {} is not a finite number up to 1e30: correct it or leave the line out",
                      row.line, name_of(c), quoted_cell(row.cells[c]));
}

void CsvTable::keep_text(CsvTexts& texts, std::string_view cell, const CsvCell& read) {
  if (texts.too_many) return;
  // 1, +1 and 1.0 are one class. Not 01, 1E0 or numbers with more digits than a double has: they may be
  // codes.
  constexpr double kExact = 9007199254740992.0;
  std::string_view plain = trimmed(cell);
  const std::string_view unsigned_part = plain.substr(std::min(plain.find_first_not_of("+-"), plain.size()));
  const bool padded = unsigned_part.size() > 1 && unsigned_part[0] == '0' && unsigned_part[1] >= '0' &&
                      unsigned_part[1] <= '9';
  const bool digits = unsigned_part.find_first_not_of("0123456789.,") == std::string_view::npos;
  const bool is_plain = read.is_number() && digits && !padded && std::abs(read.value) < kExact;
  std::string text = is_plain ? fmt::format("{}", read.value) : std::string(plain);
  const auto [place, is_new] =
      texts.places.try_emplace(std::move(text), static_cast<std::uint32_t>(texts.values.size()));
  if (is_new) texts.values.push_back(place->first);
  texts.rows.push_back(place->second);
  if (texts.values.size() <= kMostTexts) return;
  texts = CsvTexts();
  texts.too_many = true;
}

void CsvTable::add_value(double value) {
  if (holds_bytes_ && is_byte(value)) {
    bytes_.push_back(static_cast<std::uint8_t>(value));
    return;
  }
  if (std::exchange(holds_bytes_, false)) {
    doubles_.assign(bytes_.begin(), bytes_.end());
    bytes_ = {};
  }
  doubles_.push_back(value);
}

std::string CsvTable::name_of(std::size_t c) const {
  const std::string name = c < heading_.size() ? heading_[c] : "";
  return fmt::format("column {}{}", c + 1, name.empty() ? "" : " (" + printable(name, 64) + ")");
}

const CsvTexts* CsvTable::texts(std::size_t c) const {
  const auto found = texts_.find(c);
  return found == texts_.end() ? nullptr : &found->second;
}

Result<std::size_t> CsvTable::find(const std::string& name_or_number) const {
  std::optional<std::size_t> named;
  for (std::size_t c = 0; c < heading_.size(); ++c)
    if (heading_[c] == name_or_number || utf8_of_latin1(heading_[c]) == name_or_number) named = c;
  std::size_t number = 0;
  const char* const last = name_or_number.data() + name_or_number.size();
  const auto [end, error] = std::from_chars(name_or_number.data(), last, number);
  const bool numbered = error == std::errc() && end == last && number >= 1 && number <= columns();
  if (named && numbered && *named != number - 1)
    return usage_failure(
        fmt::format("{}: {} is {}, and the number of {}: say --csv heading=no and leave the heading out, "
                    "or name the columns otherwise",
                    path_.string(), number, name_of(*named), name_of(number - 1)));
  if (named || numbered) return named ? *named : number - 1;
  const std::vector<std::string_view> names(heading_.begin(), heading_.end());
  if (names.empty() || error == std::errc())
    return usage_failure(fmt::format(
        "{}: no column {}: it must be a number from 1 to {}{}", path_.string(), printable(name_or_number, 64),
        columns(), names.empty() ? ", for the file has no heading" : ", or a name in the heading"));
  return usage_failure(fmt::format("{}: no column {}; nearest: {}", path_.string(),
                                   printable(name_or_number, 64),
                                   printable(nearest_word(name_or_number, names), 64)));
}

// Bytes that are no UTF-8 are taken for Latin 1, and that is said; numbers are the same in all.
Outcome CsvTable::make_utf8() {
  std::vector<std::string*> all;
  for (std::string& name : heading_) all.push_back(&name);
  for (auto& [column, texts] : texts_)
    for (std::string& value : texts.values) all.push_back(&value);
  for (std::string* const text : all) {
    if (is_utf8(*text)) continue;
    const auto converted = options_.encoding.empty() ? utf8_of_latin1(*text) : std::nullopt;
    if (!converted)
      return file_failure(path_, "{} is no text in UTF-8{}: say --csv encoding=..", quoted_cell(*text),
                          options_.encoding.empty() ? " or Latin 1" : "");
    *text = *converted;
    dialect_.encoding = "latin1";
  }
  return Unit{};
}

}  // namespace polydot::node
