#include "tools/options_train.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "node/files/run_layout.h"
#include "tools/options_parser.h"

namespace polydot::tools {

namespace {

// What was given must agree with the run that goes on.
Outcome check_unchanged(const node::Config& run, const node::Config& given) {
  for (const node::Field& field : node::fields()) {
    if (!field.shared() || node::toml_value(field, run) == node::toml_value(field, given)) continue;
    return usage_failure(fmt::format("{} {}: the run that is resumed has {}, and goes on with it", field.flag,
                                     node::text_value(field, given), node::text_value(field, run)));
  }
  return Unit{};
}

// What somebody wrote into config.toml since would be ignored in silence: the run has its settings in
// cluster.toml.
Outcome check_unedited(const std::string& folder, const node::Config& run) {
  const std::string file = folder + node::kConfigFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return Unit{};
  node::ConfigDraft draft;
  if (const Outcome read = node::read_config_file(file, draft); !read) return read;
  auto edited = node::settle(draft);
  if (!edited) return edited.failure();
  edited->shared.cluster_id = run.shared.cluster_id;
  edited->shared.endpoints = run.shared.endpoints;
  if (const Outcome unchanged = check_unchanged(run, *edited); !unchanged)
    return usage_failure(file + ": " + unchanged.failure().message);
  return Unit{};
}

// The settings of the run in `folder`, and the flags for this process on top.
Result<node::Config> resumed(const std::string& folder, const OptionsParser& parser) {
  const std::string file = folder + node::kClusterFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    return usage_failure(
        fmt::format("--resume {}: there is no {}; give the folder of a run (train --out)", folder, file));
  node::ConfigDraft draft;
  if (const Outcome read = node::read_config_file(file, draft); !read) return read.failure();
  const auto run = node::settle(draft);
  if (!run) return run.failure();
  if (const Outcome unedited = check_unedited(folder, *run); !unedited) return unedited.failure();
  if (const Outcome flags = parser.apply_fields(draft); !flags) return flags.failure();
  auto given = node::settle(draft);
  if (!given) return given.failure();
  if (draft.origin("local.out") == node::Origin::kFlag)
    return usage_failure("--out: a run is resumed in its own folder");
  if (const Outcome unchanged = check_unchanged(*run, *given); !unchanged) return unchanged.failure();
  given->local.out = folder;
  if (const Outcome valid = node::validate(*given); !valid) return valid.failure();
  return given;
}

// The run in the folder that `wished` names, with its settings; none: there is nothing to go on with.
Result<std::optional<node::Config>> resumed_if_possible(const node::Config& wished) {
  using Found = std::optional<node::Config>;
  if (wished.local.out.empty()) return usage_failure("--resume-if-possible needs --out DIR");
  const std::string file = wished.local.out + node::kClusterFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return Found();
  node::ConfigDraft draft;
  if (const Outcome read = node::read_config_file(file, draft); !read) return read.failure();
  const auto run = node::settle(draft);
  if (!run) return run.failure();
  // What init or the launcher has drawn is not asked for.
  node::Config given = wished;
  given.shared.cluster_id = run->shared.cluster_id;
  given.shared.endpoints = run->shared.endpoints;
  if (const Outcome unchanged = check_unchanged(*run, given); !unchanged) return unchanged.failure();
  return Found(given);
}

}  // namespace

Result<Request> parse_train(const std::vector<std::string>& arguments) {
  TrainRequest request;
  std::string config_path;
  OptionsParser parser(
      "train [options]", "Starts all peers on this machine, trains, and reports. Flags override the file.",
      "Example: polydot train --dataset idx --data mnist/ --inject product:bitflip:rate=0.01 --out runs/1");
  parser.add_text("--config", config_path, "FILE", "TOML, as --out writes it");
  parser.add_text("--resume", request.resume, "DIR", "go on with the run there, from its checkpoints");
  parser.add_switch("--resume-if-possible", request.if_possible,
                    "go on with the run in --out if there is one, else begin it");
  parser.add_switch("--force", request.force, "replace the run in --out: what polydot made there");
  parser.add_switch("--respawn", request.respawn, "start a peer that crashes or is killed again");
  parser.add_switch("--detach", request.detach, "leave once the peers run; they finish alone");
  parser.add_switch("--reference", request.reference, "train the uncoded reference too, for its accuracy");
  parser.add_switch("--certify", request.certify,
                    "compare the weights with those of a fault-free uncoded run");
  parser.add_switch("--profile", request.profile, "show where the time of a step went");
  parser.add_fields([](const node::Field& field) { return field.flag != "--bind"; });
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  const bool resume = !request.resume.empty();
  if (resume && !config_path.empty())
    return usage_failure("--config: a run is resumed with its own settings; leave out one of the two");
  if (request.force && (resume || request.if_possible))
    return usage_failure(
        "--force replaces a run, and the other flag goes on with it: leave out one of the two");
  if (resume && request.if_possible)
    return usage_failure("--resume-if-possible takes the run in --out; leave out --resume");
  auto config = resume ? resumed(request.resume, parser) : layered_and_valid(config_path, parser);
  if (config && request.if_possible) {
    const auto there = resumed_if_possible(*config);
    if (!there) return there.failure();
    if (*there) request.resume = config->local.out, config = **there;
  }
  if (!config) return config.failure();
  for (const auto& [asked, flag] : {std::pair{request.certify, "--certify"},
                                    {request.reference, "--reference"},
                                    {request.profile, "--profile"},
                                    {request.respawn, "--respawn"}})
    if (request.detach && asked)
      return usage_failure(
          fmt::format("{}: --detach leaves before the run ends; leave out one of the two", flag));
  if (request.force && config->local.out.empty()) return usage_failure("--force needs --out DIR");
  request.config = *std::move(config);
  return Request(std::move(request));
}

}  // namespace polydot::tools
