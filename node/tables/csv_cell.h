// What one cell of a table says.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <string_view>

namespace polydot::node {

inline constexpr double kMaxMagnitude = 1e30;  // leaves room for differences of floats

struct CsvCell {
  enum class Kind {
    kNumber,
    kMissing,  // empty, NA, N/A, NaN, null, none or ?, in capitals or not
    kText,     // anything else; also a number that is not finite or too large
  } kind = Kind::kText;
  double value = 0.0;  // of a number

  bool is_number() const { return kind == Kind::kNumber; }
  bool is_missing() const { return kind == Kind::kMissing; }
  bool is_text() const { return kind == Kind::kText; }
};

// decimal: '.' or ','. "true" and "false" are 1 and 0.
CsvCell read_cell(std::string_view cell, char decimal);

inline bool is_whole(double value) { return value == std::floor(value); }
inline bool is_byte(double value) { return value >= 0 && value <= 255 && is_whole(value); }

// 1,096 or 1,234,567 with this mark: groups of three digits, so perhaps no decimals. Not 0,123.
bool may_be_thousands(std::string_view cell, char mark);
// In capitals or not; the words are in lower case.
bool is_one_of(std::string_view text, std::span<const std::string_view> lower_words);
// As it may stand in a message: short, on one line.
std::string quoted_cell(std::string_view cell);

}  // namespace polydot::node
