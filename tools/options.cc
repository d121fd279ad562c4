#include "tools/options.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "node/files/run_layout.h"
#include "node/text/config_words.h"
#include "tools/exit_code.h"
#include "tools/options_inject.h"
#include "tools/options_parser.h"
#include "tools/options_plan.h"
#include "tools/options_sim.h"
#include "tools/options_status.h"
#include "tools/options_train.h"

namespace polydot::tools {
namespace {

using Arguments = std::vector<std::string>;

constexpr std::int64_t kMaxDescriptor = 1 << 20;

Result<Request> parse_peer(const Arguments& arguments) {
  PeerRequest request;
  std::string config_path;
  std::string index, listen_fd;
  OptionsParser parser("peer --config FILE --index K [options]",
                       "Runs one peer of a cluster. Shared values must be equal at all peers.",
                       "Example, on the host that the file gives to peer 3:\n"
                       "  polydot peer --config cluster.toml --index 3");
  parser.add_text("--config", config_path, "FILE", "the cluster, as polydot init writes it");
  parser.add_text("--index", index, "K", "which peer this is, from 0");
  parser.add_text("--listen-fd", listen_fd, "N", "a listening socket inherited from the launcher");
  parser.hide("--listen-fd");
  parser.add_fields([](const node::Field& field) { return field.flag != "--peers"; });
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (config_path.empty()) return usage_failure("peer needs --config FILE (polydot init writes one)");
  if (index.empty()) return usage_failure("peer needs --index K");

  auto config = layered_and_valid(config_path, parser);
  if (!config) return config.failure();
  if (config->shared.endpoints.empty())
    return usage_failure(fmt::format("{}: lists no endpoints under [shared.cluster]", config_path));
  const auto own = in_range("--index", index, 0, 0, config->shared.peers - 1);
  if (!own) return own.failure();
  const auto fd = in_range("--listen-fd", listen_fd, -1, 0, kMaxDescriptor);
  if (!fd) return fd.failure();
  request = {*std::move(config), *own, static_cast<int>(*fd)};
  return Request(std::move(request));
}

Result<Request> parse_init(const Arguments& arguments) {
  InitRequest request;
  std::string hosts;
  OptionsParser parser("init --hosts A,B,C:2 --out FILE [options]",
                       "Writes the file from which every peer of a cluster is started.",
                       "Example, ten peers on three hosts, half of them on the last:\n"
                       "  polydot init --hosts 10.0.0.1,10.0.0.2,10.0.0.3:2 --peers 10 --out cluster.toml");
  parser.add_text("--hosts", hosts, "LIST", "names or addresses; HOST:W takes W shares of the peers");
  parser.add_text("--out", request.out, "FILE", "where to write; an existing file is kept");
  parser.add_switch("--force", request.force, "replace an existing file");
  parser.add_fields([](const node::Field& field) { return field.shared() || field.flag == "--data"; });
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (hosts.empty()) return usage_failure("init needs --hosts A,B,C:2");
  if (request.out.empty()) return usage_failure("init needs --out FILE");

  auto config = layered("", parser);
  if (!config) return config.failure();
  if (const Outcome valid = node::validate_shared(config->shared); !valid) return valid.failure();
  const auto shares = node::parse_hosts(hosts);
  if (!shares) return shares.failure();
  auto plan = node::plan_hosts(*shares, config->shared.peers);
  if (!plan) return plan.failure();
  request.config = *std::move(config);
  request.plan = *std::move(plan);
  return Request(std::move(request));
}

bool is_about_data(const node::Field& field) {
  return field.table == "shared.data" || field.flag == "--data" || field.flag == "--test-data";
}

// A table, or a folder with two; else IDX.
std::string kind_of_data(const std::string& path) {
  std::error_code error;
  const bool tables = std::filesystem::exists(path + "/train.csv", error) ||
                      std::filesystem::exists(path + "/train.csv.gz", error);
  return tables || std::filesystem::is_regular_file(path, error) ? "csv" : "idx";
}

Result<Request> parse_data(const Arguments& arguments) {
  DataRequest request;
  OptionsParser parser("data --out DIR [options]",
                       "Writes a data set as IDX files: images and labels, training and test part.",
                       "Example:\n  polydot data --dataset strokes --out strokes/");
  std::string described;
  parser.add_text("--out", request.out, "DIR", "folder to write to");
  parser.add_switch("--force", request.force, "replace the files of a data set that are there");
  parser.add_text("--describe", described, "PATH", "only say how the file or folder there is understood");
  parser.add_fields(is_about_data);
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  request.describe = !described.empty();
  if (request.out.empty() == described.empty())
    return usage_failure("data needs --out DIR, or --describe PATH: one of the two");
  auto config = layered("", parser);
  if (!config) return config.failure();
  if (request.describe) {
    if (!config->local.data.empty())
      return usage_failure("--data: --describe has the path; leave out one of the two");
    // strokes has no path, so it is not what is meant.
    if (config->shared.dataset == "strokes") config->shared.dataset = kind_of_data(described);
    config->local.data = described;
  }
  if (const Outcome valid = node::validate(*config); !valid) return valid.failure();
  auto source = node::source_of(*config);
  if (!source) return source.failure();
  request.source = *std::move(source);
  return Request(std::move(request));
}

Result<Request> parse_export(const Arguments& arguments) {
  ExportRequest request;
  OptionsParser parser("export --run DIR --out FILE [options]",
                       "Writes the weights that a run ended with, decoded from its peers' checkpoints; wrong "
                       "shards are\nlocated and left out.",
                       "Example:\n  polydot export --run runs/1 --out model.safetensors");
  parser.add_text("--run", request.run, "DIR", "folder of the run, as train --out wrote it");
  parser.add_text("--out", request.out, "FILE", "safetensors file to write");
  parser.add_switch("--force", request.force, "replace the file if it is there");
  parser.add_text("--config", request.config_path, "FILE", "how the run was configured [DIR/config.toml]");
  parser.add_fields([](const node::Field& field) { return field.flag == "--data"; });
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (request.run.empty()) return usage_failure("export needs --run DIR");
  if (request.out.empty()) return usage_failure("export needs --out FILE");
  if (request.config_path.empty()) request.config_path = request.run + node::kConfigFile;
  auto config = layered_and_valid(request.config_path, parser);
  if (!config) return config.failure();
  request.config = *std::move(config);
  request.data_given = std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) {
    return word == "--data" || word.starts_with("--data=");
  });
  return Request(std::move(request));
}

Result<Request> parse_eval(const Arguments& arguments) {
  EvalRequest request;
  OptionsParser parser("eval --model FILE [options]",
                       "Accuracy and loss of an exported model on the test part of a data set.",
                       "Example:\n  polydot eval --model model.safetensors --dataset idx --data mnist/");
  parser.add_text("--model", request.model, "FILE", "as polydot export writes it");
  parser.add_fields([](const node::Field& field) { return is_about_data(field) || field.flag == "--json"; });
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (request.model.empty()) return usage_failure("eval needs --model FILE");
  const auto config = layered_and_valid("", parser);
  if (!config) return config.failure();
  auto source = node::source_of(*config);
  if (!source) return source.failure();
  request.source = *std::move(source);
  request.json = config->local.json;
  return Request(std::move(request));
}

Result<Request> parse_version(const Arguments& arguments) {
  VersionRequest request;
  OptionsParser parser("version [--json]", "Prints versions, and what this program was built for.", "");
  parser.add_switch("--json", request.json, "as JSON");
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  return Request(request);
}

struct Command {
  std::string_view name;
  std::string_view summary;
  Result<Request> (*parse)(const Arguments&);
};
constexpr Command kCommands[] = {
    {"train", "train on this machine: starts all peers and reports", parse_train},
    {"peer", "run one peer of a cluster", parse_peer},
    {"init", "write the file that describes a cluster", parse_init},
    {"plan", "which code to take, on what hardware, and what it can do", parse_plan},
    {"inject", "order a fault from a running cluster", parse_inject},
    {"status", "ask the peers of a running cluster how they are", parse_status},
    {"data", "write a data set as IDX files", parse_data},
    {"export", "write the weights of a run as one file", parse_export},
    {"eval", "accuracy of an exported model", parse_eval},
    {"sim", "simulated clusters on virtual time, with faults of all kinds", parse_sim},
    {"version", "versions, and what this program was built for", parse_version},
};

std::string program_help() {
  std::string text =
      "polydot trains deep neural networks on machines that may compute wrong numbers, without a master.\n"
      "Usage: polydot COMMAND [options]\n\nCommands:\n";
  for (const Command& command : kCommands) text += fmt::format("  {:<10}{}\n", command.name, command.summary);
  text +=
      "\nExamples:\n"
      "  polydot train\n"
      "  polydot train --inject product:bitflip:rate=0.01 --out runs/1\n"
      "  polydot init --hosts a,b,c:2 --peers 10 --out cluster.toml\n\n"
      "polydot COMMAND --help says more.\n\n";
  return text + std::string(kExitCodesHelp) + "\n";
}

}  // namespace

Result<Request> parse_arguments(const Arguments& arguments) {
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  if (arguments.empty())
    return usage_failure(fmt::format("no command: must be {} (polydot --help)", node::list_of(names)));
  if (arguments.front() == "help" && arguments.size() > 1) return parse_arguments({arguments[1], "--help"});
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") return Request(HelpRequest{program_help()});
  if (name == "--version") return Request(VersionRequest{});
  for (const Command& command : kCommands)
    if (command.name == name) return command.parse({arguments.begin() + 1, arguments.end()});
  return usage_failure(
      fmt::format("no command {}; nearest: {} (polydot --help)", name, node::nearest_word(name, names)));
}

}  // namespace polydot::tools
