#include "node/tables/csv_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "node/tables/text_decoder.h"
#include "node/text/config_words.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostTexts = 65'536;

}  // namespace

Result<CsvTable> CsvTable::read(const std::filesystem::path& path, const CsvOptions& options,
                                std::optional<std::size_t> as_text) {
  CsvTable table(path, options);
  table.as_text_ = as_text;
  auto dialect = dialect_of(path, options);
  if (!dialect) return dialect.failure();
  table.dialect_ = *std::move(dialect);
  Outcome read = read_csv_rows(path, table.dialect_, [&](const CsvRow& row) { return table.take(row); });
  if (read && !table.begun_ && !table.first_.empty()) read = table.begin(nullptr);
  if (!read) return read.failure();
  if (table.lines_.empty())
    return file_failure(path, "holds no samples: at least one line of numbers is needed");
  if (Outcome finished = table.finish(); !finished) return finished.failure();
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

Outcome CsvTable::begin(const CsvRow* second) {
  begun_ = true;
  const auto heading = heading_of({path_, first_line_, first_, second, dialect_.decimal}, options_.heading);
  if (!heading) return heading.failure();
  if (heading->has_row_names) first_.insert(first_.begin(), "");
  if (heading->is_shorter) first_.push_back("");
  if (heading->is_longer) first_.pop_back();
  columns_.resize(first_.size());
  if (columns_.size() < 2)
    return file_failure(
        path_,
        "line {} has one column: put a label and at least one feature, with a {} between, or give "
        "--csv delimiter=..",
        first_line_, name_of_delimiter(dialect_.delimiter));
  if (columns_.size() > kMaxFeatureCount)
    return file_failure(path_, "{} columns are more than the {} accepted: leave some out", columns_.size(),
                        kMaxFeatureCount);
  found_heading_ = *heading;
  if (heading->is_there)
    if (Outcome set = set_heading(); !set) return set;
  if (!options_.label.empty()) {
    const auto asked = find(options_.label);
    if (!asked) return asked.failure();
    asked_ = *asked;
  }
  if (heading->is_there) return Unit{};
  CsvRow row;
  row.cells.assign(first_.begin(), first_.end());
  row.line = first_line_;
  return add(row);
}

Outcome CsvTable::set_heading() {
  heading_ = first_;
  for (std::size_t c = 0; c < heading_.size(); ++c) {
    std::string& name = heading_[c];
    name = trimmed(name);
    if (Outcome made = make_utf8(name); !made) return made;
    if (!name.empty() && !by_name_.emplace(name, c).second)
      return file_failure(path_,
                          "line {}: two columns are called {}: name them apart, or give --csv heading=no and "
                          "leave the line out",
                          first_line_, quoted_cell(name));
  }
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
    const bool kept = first && (c == 0 || c + 1 == columns() || cell.is_text() || asked_ == c ||
                                as_text_ == c || (c < heading_.size() && is_label_name(heading_[c])));
    if (kept) texts_[c];
    CsvColumn& column = columns_[c];
    const auto texts = texts_.find(c);
    if (cell.is_text() && column.first_text == 0) column.first_text = row.line, column.text = row.cells[c];
    if (cell.is_missing() && column.missing++ == 0) column.first_missing = row.line;
    if (texts != texts_.end()) keep_text(texts->second, row.cells[c], cell);
    column.whole = column.whole && !cell.is_text() && (!cell.is_number() || is_whole(cell.value));
    if (cell.is_number()) {
      note_point(column, row, c);
      column.least = std::min(column.least, cell.value);
      column.greatest = std::max(column.greatest, cell.value);
    }
    add_value(cell.is_number() ? cell.value : cell.is_text() ? 0.0 : kMissing);
  }
  lines_.push_back(row.line);
  return Unit{};
}

void CsvTable::note_point(CsvColumn& column, const CsvRow& row, std::size_t c) const {
  const bool looked_at = !options_.decimal && dialect_.decimal == '.' && dialect_.delimiter.mark != ',';
  if (!looked_at || !column.only_groups) return;
  if (row.cells[c].find('.') == std::string_view::npos)
    column.has_plain = true;
  else if (!may_be_thousands(row.cells[c], '.'))
    column.only_groups = false;
  else if (column.first_group == 0)
    column.first_group = row.line, column.group = row.cells[c];
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
  std::string text = is_plain ? fmt::format("{}", read.value + 0.0) : std::string(plain);
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

std::optional<std::size_t> CsvTable::named(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::size_t> CsvTable::find(const std::string& name_or_number) const {
  const std::optional<std::size_t> by_name = named(name_or_number);
  std::size_t number = 0;
  const char* const last = name_or_number.data() + name_or_number.size();
  const auto [end, error] = std::from_chars(name_or_number.data(), last, number);
  const bool numbered = error == std::errc() && end == last && number >= 1 && number <= columns();
  if (by_name && numbered && *by_name != number - 1)
    return usage_failure(
        fmt::format("{}: {} is {}, and the number of {}: say --csv heading=no and leave the heading out, "
                    "or name the columns otherwise",
                    path_.string(), number, name_of(*by_name), name_of(number - 1)));
  if (by_name || numbered) return by_name ? *by_name : number - 1;
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
Outcome CsvTable::make_utf8(std::string& text) {
  if (is_utf8(text)) return Unit{};
  auto converted = options_.encoding.empty() ? utf8_of_latin1(text) : std::nullopt;
  if (!converted)
    return file_failure(path_, "{} is no text in UTF-8{}: say --csv encoding=..", quoted_cell(text),
                        options_.encoding.empty() ? " or Latin 1" : "");
  text = *std::move(converted);
  dialect_.encoding = "latin1";
  return Unit{};
}

Outcome CsvTable::finish() {
  for (auto& [column, texts] : texts_)
    for (std::string& value : texts.values)
      if (Outcome made = make_utf8(value); !made) return made;
  const std::optional<std::size_t> c = found_heading_.by_label_name;
  if (!c || !texts_.at(*c).places.contains(std::string(trimmed(first_[*c])))) return Unit{};
  return file_failure(
      path_,
      "line {}: {} may be the name of the label, or a class, for other lines say so, too: say "
      "--csv heading=yes (or no)",
      first_line_, quoted_cell(first_[*c]));
}

Result<CsvTable> with_texts(CsvTable table, std::size_t c) {
  if (table.texts(c) != nullptr) return table;
  const std::filesystem::path path = table.path();
  const CsvOptions options = table.options();
  { const CsvTable done = std::move(table); }  // both at once would need twice the memory
  return CsvTable::read(path, options, c);
}

}  // namespace polydot::node
