#include "node/config/config_values.h"

#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "node/text/config_words.h"

namespace polydot::node {
namespace {

using Words = std::vector<std::string>;
using Counts = std::vector<std::int64_t>;

constexpr double kHugeCount = 1e15;
constexpr std::int64_t kMaxGridSide = 64;

template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Match(Cases...) -> Match<Cases...>;

// Reading a value needs the same slot as writing it.
Slot slot_of(const Field& field, const Config& config) { return field.slot(const_cast<Config&>(config)); }

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The shortest text that reads back as the same number, and that TOML takes for a float.
std::string real_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string number_text(double value) {
  return std::trunc(value) == value && std::abs(value) < kHugeCount ? fmt::format("{:.0f}", value)
                                                                    : fmt::format("{}", value);
}

bool within(const Limits& limits, double value) {
  const bool above = limits.open_min ? value > limits.min : value >= limits.min;
  const bool below = limits.open_max ? value < limits.max : value <= limits.max;
  return std::isfinite(value) && above && below;
}

std::string must_be(const char* what, const Limits& limits) {
  const std::string range = range_text(limits);
  return range.empty() ? what : fmt::format("{} {}", what, range);
}

Outcome check_word(const Field& field, const std::string& word) {
  if (field.choices.empty()) return Unit{};
  for (const std::string_view choice : field.choices)
    if (word == choice) return Unit{};
  if (field.key == "activation" && word == "relu") {
    return value_failure(
        field, word, "smooth: at relu's kink peers that agree up to rounding would train apart; use smelu");
  }
  const std::vector<std::string_view> choices(field.choices.begin(), field.choices.end());
  return value_failure(field, word,
                       fmt::format("{}; nearest: {}", list_of(choices), nearest_word(word, choices)));
}

Outcome set_counts(const Field& field, const std::string& text, Counts& counts) {
  Counts parsed;
  const bool none = trimmed(text).empty() || trimmed(text) == "none";
  for (const std::string_view piece : none ? std::vector<std::string_view>{} : split(text, ',')) {
    const auto number = parse_number<std::int64_t>(piece);
    if (!number) return value_failure(field, text, "whole numbers separated by commas, or none");
    parsed.push_back(*number);
  }
  counts = std::move(parsed);
  return Unit{};
}

Outcome set_switch(const Field& field, const std::string& text, bool& value) {
  if (text != "true" && text != "false") return value_failure(field, text, "true or false");
  value = text == "true";
  return Unit{};
}

template <typename Number>
Outcome set_number(const Field& field, const std::string& text, const char* what, Number& value) {
  const auto number = parse_number<Number>(text);
  if (!number) return value_failure(field, text, must_be(what, field.limits));
  value = *number;
  return Unit{};
}

}  // namespace

std::string range_text(const Limits& limits) {
  const bool has_min = std::isfinite(limits.min), has_max = limits.max < kHugeCount;
  if (!has_min && !has_max) return "";
  const std::string min = number_text(limits.min), max = number_text(limits.max);
  if (!has_max) return (limits.open_min ? "above " : "of at least ") + min;
  return fmt::format("{}{} {}{}", limits.open_min ? "above " : "from ", min,
                     limits.open_max   ? "to below "
                     : limits.open_min ? "and up to "
                                       : "to ",
                     max);
}

Failure value_failure(const Field& field, std::string_view value, std::string_view must) {
  const std::string flag = field.flag.empty() ? "" : fmt::format(" ({})", field.flag);
  return usage_failure(fmt::format("{}{} = {}: must be {}", field.path(), flag, value, must));
}

std::string grid_text(const codes::Grid& grid) { return fmt::format("{}x{}x{}", grid.m, grid.n, grid.d); }

Result<codes::Grid> parse_grid(std::string_view text) {
  const auto pieces = split(text, 'x');
  std::vector<std::int64_t> sides;
  for (const std::string_view piece : pieces) {
    const auto side = parse_number<std::int64_t>(piece);
    if (side && *side >= 1 && *side <= kMaxGridSide) sides.push_back(*side);
  }
  if (sides.size() != pieces.size() || sides.size() < 2 || sides.size() > 3) {
    return usage_failure(fmt::format("grid {}: must be MxN or MxNxD, each from 1 to {}, as in 2x2 or 2x2x1",
                                     text, kMaxGridSide));
  }
  return codes::Grid{sides[0], sides[1], sides.size() == 3 ? sides[2] : 1};
}

std::string toml_value(const Field& field, const Config& config) {
  return std::visit(Match{
                        [](const std::string* word) { return toml_string(*word); },
                        [](const std::int64_t* count) { return fmt::format("{}", *count); },
                        [](const double* real) { return real_text(*real); },
                        [](const bool* on) { return fmt::format("{}", *on); },
                        [](const codes::Grid* grid) { return toml_string(grid_text(*grid)); },
                        [](const Counts* counts) { return fmt::format("[{}]", fmt::join(*counts, ", ")); },
                        [](const Words* words) {
                          Words quotes;
                          for (const std::string& word : *words) quotes.push_back(toml_string(word));
                          return fmt::format("[{}]", fmt::join(quotes, ", "));
                        },
                    },
                    slot_of(field, config));
}

std::string text_value(const Field& field, const Config& config) {
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  return std::visit(
      Match{
          [&](const std::string* word) { return or_none(*word); },
          [](const std::int64_t* count) { return fmt::format("{}", *count); },
          [](const double* real) { return fmt::format("{}", *real); },
          [](const bool* on) { return fmt::format("{}", *on); },
          [](const codes::Grid* grid) { return grid_text(*grid); },
          [&](const Counts* counts) { return or_none(fmt::format("{}", fmt::join(*counts, ","))); },
          [&](const Words* words) { return or_none(fmt::format("{}", fmt::join(*words, ","))); },
      },
      slot_of(field, config));
}

Outcome set_from_text(const Field& field, const std::vector<std::string>& texts, Config& config) {
  POLYDOT_CHECK(!texts.empty());
  const std::string& text = texts.back();
  const Outcome set = std::visit(
      Match{
          [&](std::string* word) { return *word = text, Outcome(Unit{}); },
          [&](std::int64_t* count) { return set_number(field, text, "a whole number", *count); },
          [&](double* real) { return set_number(field, text, "a number", *real); },
          [&](bool* on) { return set_switch(field, text, *on); },
          [&](codes::Grid* grid) -> Outcome {
            auto parsed = parse_grid(text);
            if (!parsed)
              return value_failure(field, text, "MxN or MxNxD, each from 1 to 64, as in 2x2 or 2x2x1");
            return *grid = *parsed, Unit{};
          },
          [&](Counts* counts) { return set_counts(field, text, *counts); },
          [&](Words* words) { return *words = texts, Outcome(Unit{}); },
      },
      field.slot(config));
  return set ? check_value(field, config) : set;
}

Outcome check_value(const Field& field, const Config& config) {
  const auto number = [&](const char* what, double value) -> Outcome {
    if (within(field.limits, value)) return Unit{};
    return value_failure(field, text_value(field, config), must_be(what, field.limits));
  };
  return std::visit(Match{
                        [&](const std::string* word) { return check_word(field, *word); },
                        [&](const std::int64_t* count) { return number("a whole number", double(*count)); },
                        [&](const double* real) { return number("a number", *real); },
                        [](const bool*) { return Outcome(Unit{}); },
                        [&](const codes::Grid* grid) -> Outcome {
                          auto parsed = parse_grid(grid_text(*grid));
                          return parsed ? Outcome(Unit{}) : Outcome(parsed.failure());
                        },
                        [&](const Counts* counts) -> Outcome {
                          for (const std::int64_t count : *counts) {
                            Outcome each = number("whole numbers", double(count));
                            if (!each) return each;
                          }
                          return Unit{};
                        },
                        [](const Words*) { return Outcome(Unit{}); },
                    },
                    slot_of(field, config));
}

}  // namespace polydot::node
