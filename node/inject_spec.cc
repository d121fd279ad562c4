#include "node/inject_spec.h"

#include <charconv>

#include <fmt/format.h>

#include "node/config_words.h"

namespace polydot::node {
namespace {

template <typename Value>
struct Named {
  std::string_view name;
  Value value;
};

constexpr Named<codes::Stage> kStages[] = {
    {"product", codes::Stage::kProduct},
    {"weights", codes::Stage::kWeights},
};
constexpr Named<FaultModel> kModels[] = {
    {"bitflip", FaultModel::kBitFlip},
};

template <typename Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// Setters return what the value must be, or nullptr when it is right.
const char* set_rate(std::string_view value, InjectSpec& spec) {
  const bool right = read_number(value, spec.rate) && spec.rate >= 0 && spec.rate <= 1;
  return right ? nullptr : "a probability from 0 to 1";
}

const char* set_peer(std::string_view value, InjectSpec& spec) {
  const bool right = read_number(value, spec.peer.emplace()) && *spec.peer >= 0;
  return right ? nullptr : "the index of a peer";
}

const char* set_steps(std::string_view value, InjectSpec& spec) {
  const auto dash = value.find('-');
  const bool right =
      dash != std::string_view::npos && read_number(value.substr(0, dash), spec.first_step.emplace()) &&
      read_number(value.substr(dash + 1), spec.last_step.emplace()) && *spec.first_step <= *spec.last_step;
  return right ? nullptr : "A-B, the first and the last step";
}

struct Setting {
  const char* (*set)(std::string_view, InjectSpec&);
};
constexpr Named<Setting> kSettings[] = {{"rate", {set_rate}}, {"peer", {set_peer}}, {"steps", {set_steps}}};

Failure wrong_part(std::string_view spec, const std::string& why) {
  return usage_failure(fmt::format("--inject {}: {}", spec, why));
}

template <typename Table>
std::vector<std::string_view> names(const Table& table) {
  std::vector<std::string_view> all;
  for (const auto& entry : table) all.push_back(entry.name);
  return all;
}

template <typename Value, std::size_t N>
Result<Value> look_up(const Named<Value> (&table)[N], std::string_view word, const char* what,
                      std::string_view spec) {
  for (const auto& entry : table)
    if (entry.name == word) return entry.value;
  const std::string near = N > 1 ? fmt::format("; nearest: {}", nearest_word(word, names(table))) : "";
  return wrong_part(spec, fmt::format("no {} '{}': must be {}{}", what, word, list_of(names(table)), near));
}

template <typename Value, std::size_t N>
std::string_view name_in(const Named<Value> (&table)[N], Value value) {
  for (const auto& entry : table)
    if (entry.value == value) return entry.name;
  return "?";
}

}  // namespace

std::string_view name_of(codes::Stage stage) { return name_in(kStages, stage); }
std::string_view name_of(FaultModel model) { return name_in(kModels, model); }

Result<InjectSpec> parse_inject_spec(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 3) return wrong_part(text, "must be STAGE:MODEL:rate=R[:peer=K][:steps=A-B]");
  const auto stage = look_up(kStages, parts[0], "stage", text);
  if (!stage) return stage.failure();
  const auto model = look_up(kModels, parts[1], "model", text);
  if (!model) return model.failure();

  InjectSpec spec;
  spec.stage = *stage;
  spec.model = *model;
  std::vector<std::string_view> seen;
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    const std::string_view key = parts[i].substr(0, equals);
    const auto setting = look_up(kSettings, key, "setting", text);
    if (!setting) return setting.failure();
    for (const std::string_view earlier : seen)
      if (earlier == key) return wrong_part(text, fmt::format("{} is given twice", key));
    seen.push_back(key);
    const std::string_view value = equals == std::string_view::npos ? "" : parts[i].substr(equals + 1);
    if (const char* must = setting->set(value, spec))
      return wrong_part(text, fmt::format("{}={}: must be {}", key, value, must));
  }
  for (const std::string_view key : seen)
    if (key == "rate") return spec;
  return wrong_part(text, "rate=R is missing, a probability from 0 to 1");
}

Result<std::vector<InjectSpec>> parse_inject_specs(const std::vector<std::string>& texts) {
  std::vector<InjectSpec> specs;
  for (const std::string& text : texts) {
    auto spec = parse_inject_spec(text);
    if (!spec) return spec.failure();
    specs.push_back(*spec);
  }
  return specs;
}

std::string to_text(const InjectSpec& spec) {
  std::string text = fmt::format("{}:{}:rate={}", name_of(spec.stage), name_of(spec.model), spec.rate);
  if (spec.peer) text += fmt::format(":peer={}", *spec.peer);
  if (spec.first_step && spec.last_step)
    text += fmt::format(":steps={}-{}", *spec.first_step, *spec.last_step);
  return text;
}

}  // namespace polydot::node
