#include "node/text/json_text.h"

#include <fstream>

namespace polydot::node {

using nlohmann::json;
using nlohmann::ordered_json;

template <typename Json>
std::optional<Json> parse_bounded_json(std::string_view text, const JsonBounds& bounds) {
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
template std::optional<json> parse_bounded_json(std::string_view text, const JsonBounds& bounds);
template std::optional<ordered_json> parse_bounded_json(std::string_view text, const JsonBounds& bounds);

template <typename Json>
Json parse_json(std::string_view text) {
  return Json::parse(text, nullptr, false);
}
template json parse_json(std::string_view text);
template ordered_json parse_json(std::string_view text);

json read_json(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return parse_json(std::string(std::istreambuf_iterator<char>(file), {}));
}

void for_each_line(const std::string& path, const std::function<void(const json&)>& visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const json value = parse_json(line); !value.is_discarded()) visit(value);
}

template <typename Json>
std::string to_text(const Json& json, int indent) {
  return json.dump(indent);
}
template std::string to_text(const json& json, int indent);
template std::string to_text(const ordered_json& json, int indent);

template <typename Json>
std::string to_ascii(const Json& json, int indent) {
  return json.dump(indent, ' ', true, Json::error_handler_t::replace);
}
template std::string to_ascii(const json& json, int indent);
template std::string to_ascii(const ordered_json& json, int indent);

}  // namespace polydot::node
