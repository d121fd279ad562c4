// How a CSV file is to be read, as far as it is not to be recognised by itself (`--csv`, `--label`).
//
// Text      KEY=VALUE, separated by blanks:
//           delimiter=X   one character, or: tab, comma, semicolon, pipe, space; blanks: blanks and tabs, as
//                         many as there are between two cells
//           heading=yes|no
//           encoding=E    utf-8, utf-16le, utf-16be, latin1 (Windows-1252), or any name that iconv knows
//           decimal=X     point or comma
//           missing=fill  cells without a value get the mean of their column in the training part (of all,
//           for pixels) scale=S       columns (each by its own mean and deviation) or pixels (all by one)
//           counters=keep columns that only count rows are learned from
//           split=N       seed of the split into training and test part
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "codes/base/result.h"

namespace polydot::node {

struct CsvDelimiter {
  char mark = ',';
  bool repeats = false;  // ' ' only: any number of blanks and tabs is one delimiter, and none at the ends

  friend bool operator==(const CsvDelimiter&, const CsvDelimiter&) = default;
};

struct CsvOptions {
  std::optional<CsvDelimiter> delimiter{};
  std::optional<bool> heading{};
  std::string encoding{};  // empty: recognised
  std::optional<char> decimal{};
  bool fill_missing = false;
  enum class Scale { kRecognised, kColumns, kPixels } scale = Scale::kRecognised;
  bool keep_counters = false;
  std::uint64_t split_seed = 1;
  std::string label{};  // a name in the heading, or a number from 1; empty: recognised

  friend bool operator==(const CsvOptions&, const CsvOptions&) = default;
};

// Failure: kUsage, names the key.
Result<CsvOptions> parse_csv_options(const std::string& text, const std::string& label);

}  // namespace polydot::node
