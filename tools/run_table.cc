#include "tools/run_table.h"

#include <functional>

#include <fmt/format.h>

namespace polydot::tools {

namespace {

std::string thousands(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ' ');
  return text;
}

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.2f} %", 100 * *share) : std::string("none");
}

// Found of what observers had above the floor, for each stage.
std::string stages_of(const node::FaultCounts& faults) {
  std::string text;
  for (const auto& [stage, score] : faults.by_stage) {
    const bool lost = stage == "contribution";
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", stage,
                        lost ? thousands(score.erasures) + " lost"
                             : thousands(score.above.found) + "/" + thousands(score.above.due()));
  }
  return text;
}

using Row = std::function<void(const std::string& name, const std::string& value)>;

void add_faults(const node::FaultCounts& faults, const Row& row) {
  row("faults injected", thousands(faults.injected));
  row("  above the floor",
      fmt::format("{} (near it {}, below {}, masked {})", thousands(faults.above_floor),
                  thousands(faults.near_floor), thousands(faults.below_floor), thousands(faults.masked)));
  row("  found",
      fmt::format("{} of the {} times that a peer had one before it (missed {})", percent(faults.recall()),
                  thousands(faults.above.due()), thousands(faults.above.missed)));
  if (faults.near.due() > 0)
    row("  near the floor",
        fmt::format("{} of {} times", percent(faults.near.recall()), thousands(faults.near.due())));
  row("  located", fmt::format("{}, corrected {}", thousands(faults.detected), thousands(faults.corrected)));
  if (const auto steps = faults.mean_steps_until_found())
    row("  steps until found", fmt::format("{:.2f}", *steps));
  if (faults.by_stage.size() > 1) row("  by stage", stages_of(faults));
  if (faults.erasures + faults.checksum_findings > 0)
    row("  after the checksum", fmt::format("{} (findings by checksum {})", thousands(faults.erasures),
                                            thousands(faults.checksum_findings)));
  if (faults.above.undone > 0)
    row("  undone", thousands(faults.above.undone) + " times the round was computed again or rolled back");
  if (faults.above.left_out > 0)
    row("  not received", thousands(faults.above.left_out) + " times, or in quarantine");
  row("  refused", thousands(faults.refused));
  row("  false alarms", fmt::format("{} (precision {}, wrong peer {})", thousands(faults.false_alarms),
                                    percent(faults.precision()), thousands(faults.wrong_peer)));
}

}  // namespace

std::string run_table(const node::RunSummary& summary, const node::Config& config,
                      std::optional<double> reference_accuracy) {
  const node::SharedConfig& shared = config.shared;
  const codes::ProductCode code = node::configured_code(shared).value();
  std::string table;
  const auto row = [&](const std::string& name, const std::string& value) {
    table += fmt::format("  {:<24}{}\n", name, value);
  };

  row("code", fmt::format("{} {}x{}x{}, {} peers, {} finished", shared.code, shared.grid.m, shared.grid.n,
                          shared.grid.d, shared.peers, summary.peers_finished));
  for (const auto& [name, kind] :
       {std::pair{"forward", codes::PassKind::kForward}, {"backward", codes::PassKind::kBackward}}) {
    const codes::LinearCode& linear = code.pass(kind).code;
    const codes::ErrorBounds bounds = codes::error_bounds(linear, code.peers());
    row(name, fmt::format("any {} contributions decode; corrects {} wrong of any kind, {} independent",
                          linear.recovery_threshold, bounds.any, bounds.independent));
  }
  row("test accuracy", percent(summary.test_accuracy) +
                           (reference_accuracy ? fmt::format(" (uncoded reference, same seed: {})",
                                                             percent(reference_accuracy))
                                               : ""));
  row("train loss",
      summary.train_loss ? fmt::format("{:.4f}", *summary.train_loss) : std::string("not finite"));
  add_faults(summary.faults, row);
  row("put right", fmt::format("{} operands, {} shards in part, {} whole, {} cleaned; {} bytes; {} rollbacks",
                               thousands(summary.operands_recomputed), thousands(summary.repairs),
                               thousands(summary.rebuilds), thousands(summary.cleanings),
                               thousands(summary.repair_bytes), thousands(summary.rollbacks)));
  if (summary.restarts + summary.follows + summary.resumes > 0)
    row("came back",
        fmt::format("{} processes, {} peers rebuilt; {} times from checkpoints", thousands(summary.restarts),
                    thousands(summary.follows), thousands(summary.resumes)));
  row("rounds of mere noise", thousands(summary.noise_rounds));
  row("rounds computed again", thousands(summary.recomputed_rounds));
  if (summary.unchecked_rounds > 0) row("rounds not checked", thousands(summary.unchecked_rounds));
  row("steps",
      fmt::format("{} in {:.1f} s, {:.1f} steps/s; {:.1f} s in all", thousands(summary.steps),
                  summary.seconds,
                  summary.seconds > 0 ? static_cast<double>(summary.steps - 1) / summary.seconds : 0.0,
                  summary.seconds_total));
  row("bytes sent", fmt::format("{} by all peers together", thousands(summary.bytes_sent)));
  if (const auto& certificate = summary.certificate) {
    row("certificate", certificate->valid ? "valid" : "NOT VALID: " + certificate->reason);
    row("  difference",
        fmt::format("{:.2g} of the weights, {:.2g} allowed, rounding alone {:.2g}; at most {:.2g}",
                    certificate->relative_difference, certificate->allowed_difference,
                    certificate->rounding_difference, certificate->largest_difference));
    row("  on the test part",
        fmt::format("loss {:.2g} off, {} equal predictions", certificate->loss_difference,
                    percent(certificate->equal_predictions)));
  }
  return table;
}

}  // namespace polydot::tools
