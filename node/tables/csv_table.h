// One CSV file in memory: a number for each cell, and the texts of the columns that may hold the label.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "codes/base/result.h"
#include "node/inputs/csv_options.h"
#include "node/tables/csv_cell.h"
#include "node/tables/csv_heading.h"
#include "node/tables/csv_rows.h"

namespace polydot::node {

// What is known of a column as a whole, missing cells apart.
struct CsvColumn {
  bool whole = true;  // numbers only, and whole ones
  double least = std::numeric_limits<double>::infinity(), greatest = -least;
  std::size_t missing = 0;        // cells
  std::size_t first_missing = 0;  // line of the first
  std::size_t first_text = 0;     // line of the first cell that is neither number nor missing; 0: none
  std::string text{};             // that cell
  std::size_t first_group = 0;    // line of the first number like 1.234; 0: none
  std::string group{};            // that number
  bool only_groups = true;        // no number has a point in another place
  bool has_plain = false;         // numbers without a point

  // Points that part thousands, perhaps, where decimals are expected.
  bool may_have_thousands() const { return first_group > 0 && only_groups && has_plain; }
};

// The values of a column as texts, each once, in the order in which they come.
struct CsvTexts {
  std::vector<std::string> values;
  std::vector<std::uint32_t> rows;  // for each row, which of them
  std::unordered_map<std::string, std::uint32_t> places;
  bool too_many = false;  // more than there can be classes: rows ends there
};

class CsvTable {
 public:
  // as_text: a column that is kept as texts, too, whatever is in it. Failure: kData, kUsage, one line that
  // names file, line and column (from 1).
  static Result<CsvTable> read(const std::filesystem::path& path, const CsvOptions& options,
                               std::optional<std::size_t> as_text = std::nullopt);

  const std::filesystem::path& path() const { return path_; }
  const CsvDialect& dialect() const { return dialect_; }
  std::size_t rows() const { return lines_.size(); }  // at least 1
  std::size_t columns() const { return columns_.size(); }
  const CsvColumn& column(std::size_t c) const { return columns_[c]; }
  // In UTF-8; empty: there is none.
  const std::vector<std::string>& heading() const { return heading_; }
  const CsvOptions& options() const { return options_; }
  // The heading has no name for the first column, which names the rows.
  bool has_row_names() const { return found_heading_.has_row_names; }
  // Numbers 0, 1, 2, .. or 1, 2, 3, ..: perhaps a heading.
  bool first_row_counts() const { return found_heading_.counts; }
  // "column 3 (age)"
  std::string name_of(std::size_t c) const;
  std::size_t line(std::size_t row) const { return lines_[row]; }
  // Of the first column, the last, those that were asked for, and all that are called a label or begin with
  // a text. Null: of another.
  const CsvTexts* texts(std::size_t c) const;
  // The column of that name in the heading, or of that number from 1. Failure: kUsage.
  Result<std::size_t> find(const std::string& name_or_number) const;
  // The column of that name in the heading; none: null.
  std::optional<std::size_t> named(const std::string& name) const;

  // A missing cell, or one of text: NaN.
  double value(std::size_t row, std::size_t c) const {
    const std::size_t at = row * columns() + c;
    return holds_bytes_ ? bytes_[at] : doubles_[at];
  }
  // Every cell is a whole number 0..255 (or text of the label).
  bool holds_bytes() const { return holds_bytes_; }

 private:
  explicit CsvTable(std::filesystem::path path, const CsvOptions& options)
      : path_(std::move(path)), options_(options) {}

  Outcome take(const CsvRow& row);
  // Of the first record, which waits until the second is known.
  Outcome begin(const CsvRow* second);
  Outcome set_heading();
  Outcome add(const CsvRow& row);
  Outcome check_width(const CsvRow& row) const;
  void add_value(double value);
  void keep_text(CsvTexts& texts, std::string_view cell, const CsvCell& read);
  void note_point(CsvColumn& column, const CsvRow& row, std::size_t c) const;
  Outcome make_utf8(std::string& text);
  Outcome finish();

  std::filesystem::path path_;
  CsvOptions options_;
  CsvDialect dialect_;
  std::vector<std::string> first_;  // the first record, until the second is there
  std::size_t first_line_ = 0;
  bool begun_ = false;
  CsvHeading found_heading_;
  std::optional<std::size_t> as_text_, asked_;  // columns; asked_: of the options' label

  std::vector<std::string> heading_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<CsvColumn> columns_;
  std::map<std::size_t, CsvTexts> texts_;  // by column
  std::vector<std::size_t> lines_;         // by row
  bool holds_bytes_ = true;
  std::vector<std::uint8_t> bytes_;  // row after row; empty in a table of doubles
  std::vector<double> doubles_;
};

// The same table with this column as texts: read once more if it is not kept so.
Result<CsvTable> with_texts(CsvTable table, std::size_t c);

}  // namespace polydot::node
