#include "node/config/config_draft.h"

#include <algorithm>

#include "node/config/config_values.h"

namespace polydot::node {
namespace {

void derive_peers(const ConfigDraft& draft, SharedConfig& shared) {
  const Origin peers = draft.origin("shared.code.peers");
  if (shared.code == "uncoded" && peers < draft.origin("shared.code.name")) {
    shared.peers = shared.grid.m * shared.grid.n;
  } else if (peers == Origin::kDefault && !shared.endpoints.empty()) {
    shared.peers = static_cast<std::int64_t>(shared.endpoints.size());
  }
}

void derive_margin(const ConfigDraft& draft, SharedConfig& shared) {
  if (draft.origin("shared.code.margin") != Origin::kDefault) return;
  const auto code = configured_code(shared);
  if (code) shared.margin = std::min(shared.margin, shared.peers - code->recovery_threshold());
}

}  // namespace

Outcome set_flag(const Field& field, const std::vector<std::string>& texts, ConfigDraft& draft) {
  Outcome set = set_from_text(field, texts, draft.config);
  if (set) draft.origins[field.path()] = Origin::kFlag;
  return set;
}

Result<Config> settle(const ConfigDraft& draft) {
  Config config = draft.config;
  const Origin epochs = draft.origin("shared.training.epochs"), steps = draft.origin("shared.training.steps");
  if (epochs == Origin::kFlag && steps == Origin::kFlag)
    return usage_failure("--epochs and --steps exclude each other: give one of them");
  if (epochs == Origin::kFlag) config.shared.steps = 0;
  derive_peers(draft, config.shared);
  derive_margin(draft, config.shared);
  return config;
}

}  // namespace polydot::node
