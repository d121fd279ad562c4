#include "node/tables/csv_dialect.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "node/files/data_files.h"
#include "node/tables/csv_cell.h"
#include "node/tables/no_table.h"
#include "node/tables/text_decoder.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

constexpr std::size_t kHeadBytes = std::size_t{1} << 18;
constexpr std::string_view kSeparatorLine = "sep=";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

using Records = std::vector<std::vector<std::string_view>>;
constexpr std::size_t kLookedAt = 64;  // records

// Around the whole cell.
std::string_view without_quotes(std::string_view cell) {
  const bool quoted = cell.size() >= 2 && cell.front() == '"' && cell.back() == '"';
  return quoted ? trimmed(cell.substr(1, cell.size() - 2)) : cell;
}

// The first records of a text, split at the delimiter outside quotes; cells without quotes and outer blanks.
Records split(std::string_view text, const CsvDelimiter& delimiter) {
  Records records(1);
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size() && records.size() <= kLookedAt; ++at) {
    const char c = text[at];
    quoted = quoted != (c == '"');
    const bool ends_line = c == '\n' || c == '\r';
    const bool ends_cell = ends_line || c == delimiter.mark || (delimiter.repeats && c == '\t');
    if (quoted || !ends_cell) continue;
    const std::string_view cell = trimmed(text.substr(begin, at - begin));
    if (!delimiter.repeats || !cell.empty()) records.back().push_back(without_quotes(cell));
    begin = at + 1;
    if (!ends_line) continue;
    const bool empty = records.back().empty() || (records.back().size() == 1 && records.back()[0].empty());
    empty ? records.back().clear() : void(records.emplace_back());
  }
  records.pop_back();  // not known to be whole
  return records;
}

// All records have as many cells, two or more; or all but the first, which may have one fewer or one more.
bool is_even(const Records& records, bool first_may_differ) {
  if (records.empty() || records.back().size() < 2) return false;
  const std::size_t width = records.back().size(), first = records.front().size();
  const bool first_fits = first == width || (first_may_differ && first + 1 >= width && first <= width + 1);
  return first_fits && first >= 2 && std::all_of(records.begin() + 1, records.end(), [&](const auto& record) {
           return record.size() == width;
         });
}

bool has_empty_cell(const Records& records) {
  return std::any_of(records.begin(), records.end(), [](const auto& record) {
    return std::any_of(record.begin(), record.end(), [](std::string_view cell) { return cell.empty(); });
  });
}

// Those that numbers do not contain come first: with decimal commas a comma splits evenly, too.
constexpr std::array<CsvDelimiter, 5> kDelimiters{{{';'}, {'\t'}, {'|'}, {','}, {' '}}};
constexpr CsvDelimiter kBlanks{' ', true};

// The share of cells that are numbers.
double numbers_in(const Records& records, const CsvDelimiter& delimiter) {
  std::size_t cells = 0, numbers = 0;
  for (const auto& record : records)
    for (const std::string_view cell : record) {
      ++cells;
      numbers +=
          read_cell(cell, '.').is_number() || (delimiter.mark != ',' && read_cell(cell, ',').is_number());
    }
  return static_cast<double>(numbers) / static_cast<double>(std::max<std::size_t>(cells, 1));
}

// Of those that split evenly, the one that leaves most numbers. Blanks in any number where a single one does
// not split evenly, or only with empty cells: columns that are under each other.
std::optional<CsvDelimiter> even_delimiter(const std::string& head, bool first_may_differ) {
  std::optional<CsvDelimiter> best;
  double best_share = -1.0;
  bool has_gaps = false;
  for (const CsvDelimiter& delimiter : kDelimiters) {
    const Records records = split(head, delimiter);
    if (!is_even(records, first_may_differ)) continue;
    const double share = numbers_in(records, delimiter);
    if (share <= best_share) continue;
    best = delimiter, best_share = share;
    has_gaps = delimiter.mark == ' ' && has_empty_cell(records);
  }
  if ((!best || has_gaps) && is_even(split(head, kBlanks), first_may_differ)) return kBlanks;
  return best;
}

CsvDelimiter delimiter_of(const std::string& head) {
  for (const bool first_may_differ : {false, true})
    if (const auto even = even_delimiter(head, first_may_differ)) return *even;
  // Not a table as it is: the most frequent one is what its lines are told by.
  CsvDelimiter most;
  std::size_t most_cells = 0;
  for (const CsvDelimiter& delimiter : kDelimiters) {
    std::size_t cells = 0;
    for (const auto& record : split(head, delimiter)) cells += record.size() - 1;
    if (cells > most_cells && delimiter.mark != ' ') most = delimiter, most_cells = cells;
  }
  return most;
}

// Failure: numbers with commas that may be thousands as well as decimals.
Result<char> decimal_of(const std::filesystem::path& path, const std::string& head,
                        const CsvDelimiter& delimiter) {
  if (delimiter.mark == ',') return '.';
  std::string_view doubtful;
  bool sure = false;
  for (const auto& record : split(head, delimiter))
    for (const std::string_view cell : record) {
      const bool with_comma = cell.find(',') != std::string_view::npos;
      const bool with_point = !with_comma && cell.find('.') != std::string_view::npos;
      if (with_point && read_cell(cell, '.').is_number() && !may_be_thousands(cell, '.')) return '.';
      if (may_be_thousands(cell, ','))
        doubtful = cell;
      else
        sure = sure || (with_comma && read_cell(cell, ',').is_number());
    }
  // With two commas they part thousands: what reads the numbers says so.
  if (!sure && !doubtful.empty() && std::count(doubtful.begin(), doubtful.end(), ',') == 1)
    return file_failure(path, "{}: thousands or decimals? say --csv decimal=comma, or take the commas out",
                        quoted_cell(doubtful));
  return sure ? ',' : '.';
}

}  // namespace

Result<CsvDialect> dialect_of(const std::filesystem::path& path, const CsvOptions& options) {
  auto file = DataFile::open(path);
  if (!file) return file.failure();
  std::vector<std::uint8_t> bytes(kHeadBytes);
  const auto got = file->read(bytes);
  if (!got) return got.failure();
  std::string head(reinterpret_cast<const char*>(bytes.data()), *got);
  if (Outcome text = check_bytes_of_table(path, head); !text) return text.failure();
  CsvDialect dialect;
  dialect.encoding = options.encoding.empty() ? encoding_of(head) : options.encoding;
  if (dialect.needs_decoder()) {
    auto decoder = TextDecoder::make(dialect.encoding);
    if (!decoder) return decoder.failure();
    head.clear();
    if (Outcome decoded = decoder->decode(std::span(bytes).first(*got), head); !decoded)
      return file_failure(path, "{}", decoded.failure().message);
  }
  if (head.starts_with(kByteOrderMark)) head.erase(0, kByteOrderMark.size());
  if (Outcome table = check_text_of_table(path, head); !table) return table.failure();
  // All of it, so the last record is whole; or part of a single one, which has to do.
  if (*got < bytes.size() || head.find_first_of("\r\n") == std::string::npos) head += '\n';
  // As some spreadsheets begin a file.
  const std::string_view said =
      std::string_view(head).substr(std::min(kSeparatorLine.size(), head.size()), 2);
  const bool says = head.starts_with(kSeparatorLine) && said.size() == 2 && said[0] != '\r' &&
                    said[0] != '\n' && (said[1] == '\n' || said[1] == '\r');
  dialect.delimiter = options.delimiter ? *options.delimiter
                      : says            ? CsvDelimiter{said[0]}
                                        : delimiter_of(head);
  const auto decimal =
      options.decimal ? Result<char>(*options.decimal) : decimal_of(path, head, dialect.delimiter);
  if (!decimal) return decimal.failure();
  dialect.decimal = *decimal;
  return dialect;
}

std::string name_of_delimiter(const CsvDelimiter& delimiter) {
  if (delimiter.repeats) return "blanks";
  switch (delimiter.mark) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "pipe";
    case ' ':
      return "space";
    default:
      return std::string("'") + delimiter.mark + "'";
  }
}

}  // namespace polydot::node
