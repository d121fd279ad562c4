#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "node/config/config_agreement.h"
#include "node/data/dataset_loader.h"
#include "node/model/decoded_model.h"
#include "node/model/input_json.h"
#include "node/model/model_file.h"
#include "node/model/plan_of.h"
#include "node/text/json_text.h"
#include "tools/command_version.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"

namespace polydot::tools {
namespace {

std::map<std::string, std::string> about(const ExportRequest& request, const node::DecodedModel& decoded) {
  nlohmann::json located = nlohmann::json::array();
  for (const node::PeerTrouble& trouble : decoded.troubles)
    if (trouble.kind == node::PeerTrouble::Kind::kWrong) located.push_back(trouble.peer);
  return {{"polydot_version", std::string(program_version())},
          {"steps", std::to_string(decoded.id.boundary)},
          {"seed", std::to_string(request.config.shared.seed)},
          {"located_peers", node::to_text(located)}};
}

void print(const ExportRequest& request, const node::DecodedModel& decoded) {
  const auto unusable = std::count_if(
      decoded.troubles.begin(), decoded.troubles.end(),
      [](const node::PeerTrouble& trouble) { return trouble.kind != node::PeerTrouble::Kind::kWrong; });
  std::string text = fmt::format(
      "{}: {} layers after {} steps, decoded from the shards of {} of {} peers; {}\n", request.out,
      decoded.weights.size(), decoded.id.boundary, request.config.shared.peers - unusable,
      request.config.shared.peers, decoded.troubles.empty() ? "all agree" : "left out:");
  for (const node::PeerTrouble& trouble : decoded.troubles)
    text += fmt::format("  {}\n", node::describe(trouble));
  for (const std::string& line : decoded.skipped) text += fmt::format("  not used: {}\n", line);
  std::fputs(text.c_str(), stdout);
}

// As the peers kept it; of a run whose peers kept nothing, from the data themselves.
Result<node::TrainedOn> trained_on(const ExportRequest& request) {
  const auto kept = node::read_trained_on(request.run, static_cast<int>(request.config.shared.peers));
  if (kept && !request.data_given) return kept;
  const auto data = node::load_data(request.config);
  if (!data)
    return data_failure((kept ? "" : kept.failure().message + "; and from the data: ") +
                        data.failure().message);
  return node::TrainedOn{data->inputs, data->train.features(), data->digest};
}

}  // namespace

int run_export(const ExportRequest& request) {
  const node::Config& config = request.config;
  const std::vector<std::string> read{request.config_path, request.data_given ? config.local.data : ""};
  if (const Outcome free = check_free(request.out, request.force, "--out", read); !free)
    return report(free.failure());
  const auto data = trained_on(request);
  if (!data) return report(data.failure());
  const auto network =
      node::network_of(config.shared, data->features, static_cast<dnn::Index>(data->inputs.classes.size()));
  if (!network) return report(network.failure());
  const auto code = node::configured_code(config.shared);
  if (!code) return report(code.failure());
  const auto decoded =
      node::decode_run(*code, *network, node::plan_digest(config, data->digest), request.run);
  if (!decoded) return report(decoded.failure());
  const node::Model model{*network, data->inputs, decoded->weights, about(request, *decoded)};
  if (const Outcome written = node::write_model(request.out, model); !written)
    return report(written.failure());
  print(request, *decoded);
  return kExitDone;
}

}  // namespace polydot::tools
