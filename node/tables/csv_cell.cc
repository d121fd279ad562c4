#include "node/tables/csv_cell.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include "node/text/config_words.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

bool equal_in_any_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

constexpr std::array<std::string_view, 8> kMissing{"", "na", "n/a", "#n/a", "nan", "null", "none", "?"};

}  // namespace

bool is_one_of(std::string_view text, std::span<const std::string_view> lower_words) {
  return std::any_of(lower_words.begin(), lower_words.end(),
                     [&](std::string_view word) { return equal_in_any_case(text, word); });
}

CsvCell read_cell(std::string_view cell, char decimal) {
  cell = trimmed(cell);
  if (is_one_of(cell, kMissing)) return {CsvCell::Kind::kMissing, 0.0};
  if (equal_in_any_case(cell, "true")) return {CsvCell::Kind::kNumber, 1.0};
  if (equal_in_any_case(cell, "false")) return {CsvCell::Kind::kNumber, 0.0};
  std::string with_point;
  if (decimal == ',') {
    if (cell.find('.') != std::string_view::npos) return {};
    with_point = cell;
    std::replace(with_point.begin(), with_point.end(), ',', '.');
    cell = with_point;
  }
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0.0;
  auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  // Out of range says not on which side: what is too small is as good as 0.
  if (error == std::errc::result_out_of_range &&
      std::abs(std::strtod(std::string(cell).c_str(), nullptr)) < 1.0)
    value = 0.0, error = std::errc();
  const bool number = error == std::errc() && end == cell.data() + cell.size();
  return number && std::abs(value) <= kMaxMagnitude ? CsvCell{CsvCell::Kind::kNumber, value} : CsvCell{};
}

bool may_be_thousands(std::string_view cell, char mark) {
  cell = trimmed(cell);
  if (cell.starts_with('-') || cell.starts_with('+')) cell.remove_prefix(1);
  const auto is_group = [](std::string_view group, std::size_t least) {
    return group.size() >= least && group.size() <= 3 &&
           group.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::vector<std::string_view> groups = split(cell, mark);
  return groups.size() > 1 && groups[0] != "0" && is_group(groups[0], 1) &&
         std::all_of(groups.begin() + 1, groups.end(),
                     [&](std::string_view group) { return is_group(group, 3); });
}

std::string quoted_cell(std::string_view cell) {
  constexpr std::size_t kShown = 24;
  return "'" + printable(cell, kShown) + "'";
}

}  // namespace polydot::node
