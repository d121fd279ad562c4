#include "node/records/run_summary.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "node/files/data_files.h"
#include "node/files/run_layout.h"
#include "node/records/run_history.h"
#include "node/text/json_text.h"

namespace polydot::node {

namespace {

using nlohmann::json;

template <typename T>
std::optional<T> median(std::vector<T> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

Result<RunSummary> read_run(const Config& config, const std::string& run) {
  const int peers = static_cast<int>(config.shared.peers);
  RunSummary summary;
  std::vector<double> accuracies, losses, seconds, seconds_total;
  std::vector<std::uint64_t> steps;
  try {
    for (int p = 0; p < peers; ++p) {
      const std::string path = peer_folder(run, p) + kSummaryFile;
      if (!std::filesystem::exists(path)) continue;
      const json peer = read_json(path);
      summary.peers_finished += peer.at("exit_code") == 0;
      if (peer.contains("test_accuracy")) accuracies.push_back(peer["test_accuracy"]);
      if (peer.contains("train_loss")) losses.push_back(peer["train_loss"]);
      seconds.push_back(peer.at("seconds"));
      seconds_total.push_back(peer.at("seconds_total"));
      steps.push_back(peer.at("steps"));
      summary.bytes_sent += peer.at("bytes_sent").get<std::uint64_t>();
      summary.noise_rounds = std::max(summary.noise_rounds, peer.at("noise_rounds").get<std::uint64_t>());
      summary.recomputed_rounds =
          std::max(summary.recomputed_rounds, peer.at("recomputed_rounds").get<std::uint64_t>());
      const auto add = [&](const char* key, std::uint64_t& sum) { sum += peer.value(key, std::uint64_t{0}); };
      add("operands_recomputed", summary.operands_recomputed);
      add("repairs", summary.repairs);
      add("rebuilds", summary.rebuilds);
      add("cleanings", summary.cleanings);
      add("repair_bytes", summary.repair_bytes);
      add("follows", summary.follows);
      const auto raise = [&](const char* key, std::uint64_t& most) {
        most = std::max(most, peer.value(key, std::uint64_t{0}));
      };
      raise("rollbacks", summary.rollbacks);
      raise("unchecked_rounds", summary.unchecked_rounds);
      raise("resumes", summary.resumes);
      summary.restarts += peer.value("lives", std::uint64_t{1}) - 1;
      summary.largest_kappa = std::max(summary.largest_kappa, peer.at("largest_kappa").get<double>());
      summary.faults.refused += peer.at("refused").get<std::uint64_t>();
    }
    if (steps.empty())
      return data_failure(run + ": no peer left a " + std::string(kSummaryFile).substr(1) + " there");
    score_run(run, peers, summary.faults);
  } catch (const json::exception& error) {
    return data_failure(run + ": a record of a peer is damaged: " + error.what());
  }
  summary.test_accuracy = median(accuracies);
  summary.train_loss = median(losses);
  summary.steps = *median(steps);
  summary.seconds = *median(seconds);
  summary.seconds_total = *std::max_element(seconds_total.begin(), seconds_total.end());
  return summary;
}

nlohmann::ordered_json to_json(const RunSummary& summary, const Config& config) {
  nlohmann::ordered_json out;
  const SharedConfig& shared = config.shared;
  out["code"] = shared.code;
  out["peers"] = shared.peers;
  out["grid"] = {shared.grid.m, shared.grid.n, shared.grid.d};
  const codes::ProductCode code = configured_code(shared).value();
  for (const auto& [name, pass] :
       {std::pair{"forward", codes::PassKind::kForward}, {"backward", codes::PassKind::kBackward}}) {
    const codes::LinearCode& linear = code.pass(pass).code;
    out["recovery_threshold"][name] = linear.recovery_threshold;
    const codes::ErrorBounds bounds = codes::error_bounds(linear, code.peers());
    out["bounds"][name] = {{"any", bounds.any}, {"independent", bounds.independent}};
  }
  out["test_accuracy"] = summary.test_accuracy ? nlohmann::ordered_json(*summary.test_accuracy) : nullptr;
  out["train_loss"] = summary.train_loss ? nlohmann::ordered_json(*summary.train_loss) : nullptr;
  out["steps"] = summary.steps;
  out["seconds"] = summary.seconds;
  out["seconds_total"] = summary.seconds_total;
  out["steps_per_second"] =
      summary.seconds > 0.0 ? static_cast<double>(summary.steps - 1) / summary.seconds : 0.0;
  out["faults"] = to_json(summary.faults);
  out["noise_rounds"] = summary.noise_rounds;
  out["recomputed_rounds"] = summary.recomputed_rounds;
  out["unchecked_rounds"] = summary.unchecked_rounds;
  out["largest_kappa"] = summary.largest_kappa;
  out["repair"] = {{"operands_recomputed", summary.operands_recomputed},
                   {"repairs", summary.repairs},
                   {"rebuilds", summary.rebuilds},
                   {"cleanings", summary.cleanings},
                   {"bytes", summary.repair_bytes},
                   {"rollbacks", summary.rollbacks}};
  out["survival"] = {
      {"restarts", summary.restarts}, {"follows", summary.follows}, {"resumes", summary.resumes}};
  out["peers_finished"] = summary.peers_finished;
  out["bytes_sent"] = summary.bytes_sent;
  out["seed"] = shared.seed;
  if (summary.certificate) out["certificate"] = to_json(*summary.certificate);
  return out;
}

Outcome write_summary(const RunSummary& summary, const Config& config, const std::string& run) {
  const std::string text = to_ascii(to_json(summary, config), 2) + "\n";
  if (Outcome written = write_file_atomically(
          run + kSummaryFile, {}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
      !written)
    return written;
  return write_history(run, static_cast<int>(config.shared.peers));
}

Outcome summarize_if_complete(const Config& config) {
  const std::string& run = config.local.out;
  for (int p = 0; p < static_cast<int>(config.shared.peers); ++p)
    if (!std::filesystem::exists(peer_folder(run, p) + kSummaryFile)) return Unit{};
  auto summary = read_run(config, run);
  if (!summary) return summary.failure();
  return write_summary(*summary, config, run);
}

}  // namespace polydot::node
