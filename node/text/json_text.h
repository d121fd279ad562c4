// JSON as text, read and written in one place: the parser and the writer of the library take the compiler
// seconds in each source that uses them. Json: nlohmann::json or nlohmann::ordered_json.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace polydot::node {

// For texts that somebody else has written: one that is small can ask for much memory.
struct JsonBounds {
  int depth = 8;                 // of objects and lists in each other; 1: no other is in the outermost
  std::size_t values = 100'000;  // all in all: numbers, texts, lists, objects; each takes up to 150 bytes
};

// None: it is no JSON, or beyond the bounds; what comes after the first too much is not looked at.
template <typename Json = nlohmann::json>
std::optional<Json> parse_bounded_json(std::string_view text, const JsonBounds& bounds = {});
// Of what polydot wrote itself. Not JSON: is_discarded().
template <typename Json = nlohmann::json>
Json parse_json(std::string_view text);
// The same of a file; one that cannot be read is no JSON.
nlohmann::json read_json(const std::string& path);
// Calls visit for each line of a file, as records are written; a missing file has none, a torn last line is
// skipped.
void for_each_line(const std::string& path, const std::function<void(const nlohmann::json&)>& visit);

// Bytes of strings as they are; indent: of each level, on lines of their own, if it is not negative. Throws
// what the library throws of strings that are no UTF-8.
template <typename Json>
std::string to_text(const Json& json, int indent = -1);
// For a terminal or somebody else's file: ASCII, whatever the strings hold.
template <typename Json>
std::string to_ascii(const Json& json, int indent = -1);

}  // namespace polydot::node
