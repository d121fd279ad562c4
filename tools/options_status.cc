#include "tools/options_status.h"

#include <fmt/format.h>

#include "node/config/config_toml.h"
#include "tools/options_parser.h"

namespace polydot::tools {

Result<Request> parse_status(const std::vector<std::string>& arguments) {
  StatusRequest request;
  std::string cluster, index;
  OptionsParser parser("status --cluster FILE [options]",
                       "Asks the peers of a running cluster how they are, and how they see each other.",
                       "Examples:\n"
                       "  polydot status --cluster cluster.toml\n"
                       "  polydot status --cluster runs/1/cluster.toml --index 3 --json");
  parser.add_text("--cluster", cluster, "FILE", "the cluster, as its peers were started with");
  parser.add_text("--index", index, "K", "ask this peer alone");
  parser.add_switch("--json", request.json, "as JSON");
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (cluster.empty()) return usage_failure("status needs --cluster FILE (polydot init writes one)");
  auto config = node::load_config(cluster);
  if (!config) return config.failure();
  if (config->shared.endpoints.empty())
    return usage_failure(fmt::format("{}: lists no endpoints under [shared.cluster]", cluster));
  if (!index.empty()) {
    const auto own = in_range("--index", index, 0, 0, config->shared.peers - 1);
    if (!own) return own.failure();
    request.index = *own;
  }
  request.config = *std::move(config);
  return Request(std::move(request));
}

}  // namespace polydot::tools
