#include "node/config/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "node/config/config_schema.h"
#include "node/config/config_values.h"
#include "node/config/endpoint.h"
#include "node/config/inject_spec.h"
#include "node/config/run_limits.h"

namespace polydot::node {
namespace {

constexpr std::size_t kIdDigits = 32;

Outcome check_fields(const Config& config, bool shared) {
  for (const Field& field : fields()) {
    if (field.shared() != shared) continue;
    Outcome checked = check_value(field, config);
    if (!checked) return checked;
  }
  return Unit{};
}

Outcome check_cluster_id(const SharedConfig& shared) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (shared.cluster_id.size() == kIdDigits &&
      std::all_of(shared.cluster_id.begin(), shared.cluster_id.end(), is_hex))
    return Unit{};
  return value_failure(field_at("shared.cluster.id"), shared.cluster_id, "32 digits 0-9, a-f");
}

Outcome check_code(const SharedConfig& shared) {
  const auto code = configured_code(shared);
  if (!code) return code.failure();
  const std::int64_t most = shared.peers - code->recovery_threshold();
  if (shared.margin <= most) return Unit{};
  return value_failure(field_at("shared.code.margin"), fmt::format("{}", shared.margin),
                       fmt::format("at most {}: {} peers, of which {} are needed to decode", most,
                                   shared.peers, code->recovery_threshold()));
}

Outcome check_endpoints(const SharedConfig& shared) {
  if (shared.endpoints.empty()) return Unit{};
  const auto count = static_cast<std::int64_t>(shared.endpoints.size());
  if (count != shared.peers) {
    return usage_failure(
        fmt::format("shared.cluster.endpoints has {} entries, but there are {} peers: list one for each",
                    count, shared.peers));
  }
  std::set<std::string> seen;
  for (const std::string& text : shared.endpoints) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint) return usage_failure("shared.cluster.endpoints: " + endpoint.failure().message);
    if (endpoint->scheme == Endpoint::Scheme::kTcp && endpoint->port == 0)
      return usage_failure(fmt::format("shared.cluster.endpoints: {} has port 0; others must know it", text));
    if (!seen.insert(text).second)
      return usage_failure(fmt::format("shared.cluster.endpoints: {} is listed twice", text));
  }
  return Unit{};
}

Outcome check_injections(const Config& config) {
  const auto specs = parse_inject_specs(config.local.inject);
  if (!specs) return specs.failure();
  return check_fault_peers(*specs, config.shared.peers);
}

std::uint64_t hex_word(const std::string& digits, std::size_t first) {
  std::uint64_t word = 0;
  std::from_chars(digits.data() + first, digits.data() + first + kIdDigits / 2, word, 16);
  return word;
}

}  // namespace

Result<codes::ProductCode> configured_code(const SharedConfig& shared) {
  const codes::Index fewest = codes::fewest_peers(shared.code, shared.grid);
  if (shared.peers < fewest) {
    return value_failure(
        field_at("shared.code.peers"), fmt::format("{}", shared.peers),
        fmt::format("at least {} for {} on grid {}", fewest, shared.code, grid_text(shared.grid)));
  }
  return codes::make_code(shared.code, shared.grid, shared.peers);
}

// Of the hidden layers, as far as that can be known without the data.
Outcome check_hidden(const SharedConfig& shared) {
  const auto code = configured_code(shared);
  if (!code) return code.failure();
  std::vector<codes::Shape> weights;
  std::int64_t inputs = 0;
  for (const std::int64_t units : shared.hidden) {
    weights.push_back({units, inputs + 1});
    inputs = units;
  }
  return check_columns(*code, weights);
}

Outcome validate_shared(const SharedConfig& shared) {
  if (Outcome checked = check_fields({shared, {}}, true); !checked) return checked;
  if (Outcome checked = check_cluster_id(shared); !checked) return checked;
  if (Outcome checked = check_code(shared); !checked) return checked;
  return check_endpoints(shared);
}

Outcome validate(const Config& config) {
  if (Outcome checked = validate_shared(config.shared); !checked) return checked;
  if (Outcome checked = check_fields(config, false); !checked) return checked;
  if (Outcome checked = check_hidden(config.shared); !checked) return checked;
  if (!config.local.bind.empty()) {
    const auto endpoint = parse_endpoint(config.local.bind);
    if (!endpoint) return usage_failure("local.bind (--bind): " + endpoint.failure().message);
  }
  if (config.shared.dataset != "strokes" && config.local.data.empty()) {
    return usage_failure(
        fmt::format("data set {} needs a path: --data, or data under [local]", config.shared.dataset));
  }
  return check_injections(config);
}

protocol::ClusterId cluster_words(const SharedConfig& shared) {
  POLYDOT_CHECK_EQ(shared.cluster_id.size(), kIdDigits);
  return {hex_word(shared.cluster_id, 0), hex_word(shared.cluster_id, kIdDigits / 2)};
}

}  // namespace polydot::node
