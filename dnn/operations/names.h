// Names of enumerators as users write them: one table serves parsing, printing and the list in an error.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "codes/base/check.h"
#include "codes/base/result.h"

namespace polydot::dnn {

template <typename Enum, std::size_t kCount>
using NameTable = std::array<std::pair<std::string_view, Enum>, kCount>;

// The enumerator called `name`; otherwise a Failure that lists the names. `what`: "activation", "loss", ...
template <typename Enum, std::size_t kCount>
Result<Enum> parse_name(const NameTable<Enum, kCount>& table, std::string_view what, std::string_view name) {
  std::string known;
  for (const auto& [candidate, value] : table) {
    if (candidate == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  return usage_failure("unknown " + std::string(what) + " '" + std::string(name) + "': use one of " + known);
}

// Precondition: `value` is in the table.
template <typename Enum, std::size_t kCount>
std::string_view name_in(const NameTable<Enum, kCount>& table, Enum value) {
  for (const auto& [name, candidate] : table)
    if (candidate == value) return name;
  POLYDOT_CHECK(false);
  return {};
}

}  // namespace polydot::dnn
