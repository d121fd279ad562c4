// JSON that somebody else has written, within bounds: a text that is small can ask for much memory.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace polydot::node {

struct JsonBounds {
  int depth = 8;                 // of objects and lists in each other; 1: no other is in the outermost
  std::size_t values = 100'000;  // all in all: numbers, texts, lists, objects; each takes up to 150 bytes
};

// None: it is no JSON, or beyond the bounds; what comes after the first too much is not looked at.
template <typename Json = nlohmann::json>
std::optional<Json> parse_bounded_json(std::string_view text, const JsonBounds& bounds = {}) {
  struct Beyond {};
  std::size_t values = 0;
  const auto look = [&](int depth, typename Json::parse_event_t event, Json&) {
    using Event = typename Json::parse_event_t;
    const bool begins = event == Event::object_start || event == Event::array_start;
    if ((begins && depth >= bounds.depth) || (begins || event == Event::value ? ++values : 0) > bounds.values)
      throw Beyond{};  // the parser has no other way to stop
    return true;
  };
  try {
    Json parsed = Json::parse(text, look, false);
    if (parsed.is_discarded()) return std::nullopt;
    return parsed;
  } catch (const Beyond&) {
    return std::nullopt;
  }
}

// As text for a terminal or a file: ASCII, whatever the strings hold.
template <typename Json>
std::string to_ascii(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', true, Json::error_handler_t::replace);
}

}  // namespace polydot::node
