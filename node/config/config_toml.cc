#include "node/config/config_toml.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "node/config/config_values.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

class Reader {
 public:
  Reader(const std::string& file_name, ConfigDraft& draft) : file_name_(file_name), draft_(draft) {}

  // `path` names the table: "shared.code", or "" for the whole file.
  Outcome read_table(const toml::table& table, const std::string& path) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string full = path.empty() ? name : path + "." + name;
      Outcome read = read_node(node, full, path, name);
      if (!read) return read;
    }
    return Unit{};
  }

 private:
  Outcome read_node(const toml::node& node, const std::string& full, const std::string& path,
                    const std::string& name) {
    for (const Field& field : fields()) {
      if (field.path() == full) return set(field, node);
      const bool leads_there = field.table == full || field.table.starts_with(full + ".");
      if (leads_there && node.is_table()) return read_table(*node.as_table(), full);
    }
    return at(node, unknown_name(node, full, path, name));
  }

  static std::string unknown_name(const toml::node& node, const std::string& full, const std::string& path,
                                  const std::string& name) {
    if (node.is_table()) {
      std::vector<std::string_view> tables;
      for (const Field& field : fields()) tables.push_back(field.table);
      return fmt::format("no table [{}]; nearest: [{}]", full, nearest_word(full, tables));
    }
    // The key counts more than the table: lr at the top is shared.training.lr.
    const auto cost = [&](const Field& field) {
      return 16 * unlikeness(name, field.key) + edit_distance(path, field.table);
    };
    const Field& near = *std::min_element(fields().begin(), fields().end(),
                                          [&](const Field& a, const Field& b) { return cost(a) < cost(b); });
    return fmt::format("no key {}; nearest: {}", full, near.path());
  }

  Outcome set(const Field& field, const toml::node& node) {
    Outcome done = assign(field, node);
    if (done) done = check_value(field, draft_.config);
    if (!done) return at(node, done.failure().message);
    draft_.origins[field.path()] = Origin::kFile;
    return done;
  }

  Outcome assign(const Field& field, const toml::node& node) {
    const auto take = [&](auto* slot, auto value, const char* must) -> Outcome {
      if (!value) return value_failure(field, shown(node), must);
      return *slot = *value, Unit{};
    };
    struct Visitor {
      const Field& field;
      const toml::node& node;
      decltype(take)& take_value;

      Outcome operator()(std::string* slot) { return take_value(slot, word(node), "a string"); }
      Outcome operator()(bool* slot) { return take_value(slot, node.value_exact<bool>(), "true or false"); }
      Outcome operator()(double* slot) {
        const bool number = node.is_number();
        return take_value(slot, number ? node.value<double>() : std::nullopt, "a number");
      }
      Outcome operator()(std::int64_t* slot) {
        return take_value(slot, node.value_exact<std::int64_t>(), "a whole number");
      }
      Outcome operator()(codes::Grid* slot) {
        const auto text = word(node);
        const auto grid = parse_grid(text ? *text : "");
        return take_value(slot, grid ? std::optional(*grid) : std::nullopt, "a string such as \"2x2x1\"");
      }
      Outcome operator()(std::vector<std::int64_t>* slot) {
        return take_value(slot, list<std::int64_t>(node), "a list of whole numbers");
      }
      Outcome operator()(std::vector<std::string>* slot) {
        return take_value(slot, list<std::string>(node), "a list of strings");
      }
    };
    return std::visit(Visitor{field, node, take}, field.slot(draft_.config));
  }

  static std::optional<std::string> word(const toml::node& node) { return node.value_exact<std::string>(); }

  template <typename Value>
  static std::optional<std::vector<Value>> list(const toml::node& node) {
    if (!node.is_array()) return std::nullopt;
    std::vector<Value> values;
    for (const toml::node& entry : *node.as_array()) {
      const auto value = entry.value_exact<Value>();
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }

  static std::string shown(const toml::node& node) {
    if (node.is_table()) return "a table";
    if (node.is_array()) return "a list of other things";
    std::ostringstream text;
    node.visit([&](const auto& value) { text << value; });
    return text.str();
  }

  Failure at(const toml::node& node, const std::string& message) const {
    return usage_failure(fmt::format("{}:{}: {}", file_name_, node.source().begin.line, message));
  }

  const std::string& file_name_;
  ConfigDraft& draft_;
};

}  // namespace

Outcome read_toml(std::string_view text, const std::string& file_name, ConfigDraft& draft) {
  try {
    const toml::table table = toml::parse(text, file_name);
    return Reader(file_name, draft).read_table(table, "");
  } catch (const toml::parse_error& error) {
    return usage_failure(
        fmt::format("{}:{}: no valid TOML: {}", file_name, error.source().begin.line, error.description()));
  }
}

Outcome read_config_file(const std::string& path, ConfigDraft& draft) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto size_bytes = static_cast<std::size_t>(file.gcount());
  if (file.bad() || !file.eof() || size_bytes > kMaxFileBytes) {
    const bool large = size_bytes > kMaxFileBytes;
    return usage_failure(
        fmt::format("{}: {}", path, large ? "too large for a configuration" : "cannot be read"));
  }
  text.resize(size_bytes);
  return read_toml(text, path, draft);
}

Result<Config> load_config(const std::string& path) {
  ConfigDraft draft;
  if (const Outcome read = read_config_file(path, draft); !read) return read.failure();
  Result<Config> config = settle(draft);
  if (!config) return config;
  if (const Outcome valid = validate(*config); !valid) return valid.failure();
  return config;
}

}  // namespace polydot::node
