#include "node/inputs/csv_options.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <functional>
#include <sstream>
#include <string_view>

#include "node/text/config_words.h"

namespace polydot::node {
namespace {

template <typename Value>
struct Named {
  std::string_view name;
  Value value;
};
constexpr std::array<Named<CsvDelimiter>, 6> kDelimiters{{{"tab", {'\t'}},
                                                          {"comma", {','}},
                                                          {"semicolon", {';'}},
                                                          {"pipe", {'|'}},
                                                          {"space", {' '}},
                                                          {"blanks", {' ', true}}}};
constexpr std::array<Named<char>, 4> kDecimals{{{"point", '.'}, {"comma", ','}, {".", '.'}, {",", ','}}};

template <typename Value, std::size_t N>
std::optional<Value> named(const std::array<Named<Value>, N>& names, std::string_view text) {
  for (const Named<Value>& one : names)
    if (one.name == text) return one.value;
  return std::nullopt;
}

bool set_delimiter(std::string_view text, CsvOptions& options) {
  options.delimiter = named(kDelimiters, text);
  const bool possible = text.size() == 1 && text != "\"" && text != "\n" && text != "\r";
  if (!options.delimiter && possible) options.delimiter = CsvDelimiter{text.front()};
  return options.delimiter.has_value();
}
bool set_heading(std::string_view text, CsvOptions& options) {
  if (text == "yes" || text == "no") options.heading = text == "yes";
  return options.heading.has_value();
}
bool set_encoding(std::string_view text, CsvOptions& options) {
  options.encoding = text;
  return !text.empty();
}
bool set_decimal(std::string_view text, CsvOptions& options) {
  options.decimal = named(kDecimals, text);
  return options.decimal.has_value();
}
bool set_missing(std::string_view text, CsvOptions& options) {
  options.fill_missing = text == "fill";
  return text == "fill" || text == "refuse";
}
bool set_scale(std::string_view text, CsvOptions& options) {
  if (text == "columns") options.scale = CsvOptions::Scale::kColumns;
  if (text == "pixels") options.scale = CsvOptions::Scale::kPixels;
  return text == "columns" || text == "pixels";
}
bool set_counters(std::string_view text, CsvOptions& options) {
  options.keep_counters = text == "keep";
  return text == "keep" || text == "drop";
}
bool set_split(std::string_view text, CsvOptions& options) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.split_seed);
  return error == std::errc() && end == text.data() + text.size();
}

struct Key {
  std::string_view name;
  std::string_view values;
  bool (*set)(std::string_view, CsvOptions&);
};
constexpr std::array<Key, 8> kKeys{
    {{"delimiter", "one character, tab, comma, semicolon, pipe, space or blanks", set_delimiter},
     {"heading", "yes or no", set_heading},
     {"encoding", "utf-8, utf-16le, utf-16be, latin1 or another name that iconv knows", set_encoding},
     {"decimal", "point or comma", set_decimal},
     {"missing", "fill or refuse", set_missing},
     {"scale", "columns or pixels", set_scale},
     {"counters", "keep or drop", set_counters},
     {"split", "a whole number, the seed of the split", set_split}}};

}  // namespace

Result<CsvOptions> parse_csv_options(const std::string& text, const std::string& label) {
  CsvOptions options;
  options.label = label;
  std::vector<std::string_view> names;
  for (const Key& key : kKeys) names.push_back(key.name);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = std::string_view(word).substr(0, equals);
    const auto key = std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.name == name; });
    if (key == kKeys.end())
      return usage_failure(fmt::format("--csv: no key {}; nearest: {}", name, nearest_word(name, names)));
    const std::string_view value = std::string_view(word).substr(std::min(equals + 1, word.size()));
    if (!key->set(value, options))
      return usage_failure(fmt::format("--csv {}: {} must be {}", word, name, key->values));
  }
  return options;
}

}  // namespace polydot::node
