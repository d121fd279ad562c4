#include "node/faults/campaign.h"

#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "node/config/inject_settings.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

// A value as a spec would have it: true is 1, a list is joined by plus signs. None: a table, a date.
std::optional<std::string> word_of(const toml::node& node) {
  if (const auto flag = node.value_exact<bool>()) return *flag ? "1" : "0";
  if (const auto whole = node.value_exact<std::int64_t>()) return fmt::format("{}", *whole);
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  if (const auto word = node.value_exact<std::string>()) return *word;
  if (!node.is_array()) return std::nullopt;
  std::string joined;
  for (const toml::node& entry : *node.as_array()) {
    const auto word = entry.is_array() ? std::nullopt : word_of(entry);
    if (!word) return std::nullopt;
    joined += (joined.empty() ? "" : "+") + *word;
  }
  return joined;
}

class Reader {
 public:
  explicit Reader(const std::string& file_name) : file_name_(file_name) {}

  Result<Campaign> read(const toml::table& file) {
    for (const auto& [key, node] : file) {
      const Outcome done = key == "campaign" && node.is_table()        ? read_heading(*node.as_table())
                           : key == "fault" && is_list_of_tables(node) ? read_faults(*node.as_array())
                                                                       : unknown(key.str(), node);
      if (!done) return done.failure();
    }
    for (InjectSpec& fault : campaign_.faults)
      if (!fault.seed) fault.seed = seed_;
    if (campaign_.faults.empty()) return usage_failure(file_name_ + ": no [[fault]] in it");
    return std::move(campaign_);
  }

 private:
  static bool is_list_of_tables(const toml::node& node) {
    return node.is_array() && node.as_array()->is_homogeneous(toml::node_type::table);
  }

  Outcome unknown(std::string_view key, const toml::node& node) const {
    return at(node, key == "fault"
                        ? "fault must be written [[fault]]"
                        : fmt::format("no {} in a campaign: must be [campaign] or [[fault]]", key));
  }

  Outcome read_heading(const toml::table& heading) {
    for (const auto& [key, node] : heading) {
      if (key == "name" && node.is_string()) {
        campaign_.name = *node.value_exact<std::string>();
      } else if (key == "seed" && node.is_integer() && *node.value_exact<std::int64_t>() >= 0) {
        seed_ = static_cast<std::uint64_t>(*node.value_exact<std::int64_t>());
      } else if (key == "name" || key == "seed") {
        return at(node, key == "name" ? "name must be a string" : "seed must be a whole number, 0 or more");
      } else {
        return at(node, fmt::format("no key campaign.{}; nearest: {}", key.str(),
                                    nearest_word(key.str(), {"name", "seed"})));
      }
    }
    return Unit{};
  }

  Outcome read_faults(const toml::array& faults) {
    for (const toml::node& fault : faults) {
      auto spec = read_fault(*fault.as_table());
      if (!spec) return spec.failure();
      campaign_.faults.push_back(*std::move(spec));
    }
    return Unit{};
  }

  Result<InjectSpec> read_fault(const toml::table& fault) const {
    InjectSpecReader reader;
    for (const auto& [key, node] : fault) {
      const auto word = word_of(node);
      if (!word) return at(node, fmt::format("{} must be a word, a number or a list of numbers", key.str()));
      const Outcome set = key == "stage"   ? reader.set_stage(*word)
                          : key == "model" ? reader.set_model(*word)
                                           : reader.set(key.str(), *word);
      if (!set) return at(node, set.failure().message);
    }
    for (const char* needed : {"stage", "model"})
      if (!fault.contains(needed)) return at(fault, fmt::format("{} is missing", needed));
    auto spec = reader.finish();
    if (!spec) return at(fault, spec.failure().message);
    return spec;
  }

  Failure at(const toml::node& node, const std::string& message) const {
    return usage_failure(fmt::format("{}:{}: {}", file_name_, node.source().begin.line, message));
  }

  const std::string& file_name_;
  Campaign campaign_;
  std::optional<std::uint64_t> seed_;
};

}  // namespace

Result<Campaign> read_campaign(std::string_view text, const std::string& file_name) {
  try {
    const toml::table file = toml::parse(text, file_name);
    return Reader(file_name).read(file);
  } catch (const toml::parse_error& error) {
    return usage_failure(
        fmt::format("{}:{}: no valid TOML: {}", file_name, error.source().begin.line, error.description()));
  }
}

Result<Campaign> load_campaign(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto size_bytes = static_cast<std::size_t>(file.gcount());
  if (file.bad() || !file.eof() || size_bytes > kMaxFileBytes) {
    const bool large = size_bytes > kMaxFileBytes;
    return usage_failure(fmt::format("{}: {}", path, large ? "too large for a campaign" : "cannot be read"));
  }
  text.resize(size_bytes);
  return read_campaign(text, path);
}

Result<std::vector<InjectSpec>> configured_faults(const Config& config) {
  auto specs = parse_inject_specs(config.local.inject);
  if (!specs || config.local.campaign.empty()) return specs;
  auto campaign = load_campaign(config.local.campaign);
  if (!campaign) return campaign.failure();
  if (const Outcome exist = check_fault_peers(campaign->faults, config.shared.peers); !exist)
    return usage_failure(config.local.campaign + ": " + exist.failure().message);
  specs->insert(specs->end(), campaign->faults.begin(), campaign->faults.end());
  return specs;
}

}  // namespace polydot::node
