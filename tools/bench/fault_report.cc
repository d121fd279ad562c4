#include "tools/bench/fault_report.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "tools/bench/line_chart.h"

namespace polydot::bench {

namespace {

// The runs of one cell, all seeds together.
struct Cell {
  std::size_t runs = 0;
  double sum = 0.0, least = 1.0, seconds = 0.0;
  std::size_t diverged = 0, refused = 0, abandoned = 0;
  std::uint64_t injected = 0, recomputed = 0, rollbacks = 0;
  std::optional<std::uint64_t> wrong_losses;  // none: no run counted them

  double over_runs(double total) const { return runs == 0 ? 0.0 : total / static_cast<double>(runs); }
  double accuracy() const { return over_runs(sum); }
};

Cell cell_of(const FaultRecords& records, const std::string& dataset, const std::string& plan,
             const std::string& strategy, double rate) {
  Cell cell;
  for (const FaultRecord& record : records.records()) {
    if (record.dataset != dataset || record.plan != plan || record.strategy != strategy ||
        record.rate != rate)
      continue;
    ++cell.runs;
    cell.sum += record.run.accuracy;
    cell.least = std::min(cell.least, record.run.accuracy);
    cell.seconds += record.run.cpu_seconds;
    cell.diverged += record.run.end == RunEnd::kDiverged;
    cell.refused += record.run.end == RunEnd::kRefused;
    cell.abandoned += record.run.end == RunEnd::kAbandoned;
    cell.injected += record.run.injected;
    cell.recomputed += record.run.recomputed;
    cell.rollbacks += record.run.rollbacks;
    if (record.run.wrong_losses) cell.wrong_losses = cell.wrong_losses.value_or(0) + *record.run.wrong_losses;
  }
  return cell;
}

std::string calibration_text(const Calibration& calibration) {
  std::string text =
      fmt::format("CPU seconds of 60 fault-free steps, least of three: polydot {:.2f}; replication with",
                  calibration.polydot_seconds);
  for (const auto& [copies, seconds] : calibration.replication_seconds)
    text += fmt::format("{} {} copies {:.2f}",
                        copies == calibration.replication_seconds.begin()->first ? "" : ",", copies, seconds);
  return text + fmt::format(". Equal CPU time lies between {} copies and {}; both are measured.\n",
                            calibration.copies, calibration.copies + 1);
}

std::string table(const FaultReport& report, const FaultRecords& records) {
  std::string text =
      "# Training under faults\n\n" + report.description +
      "\n\nAccuracy: of the weights decoded from all shards at the end of the run, mean and least over "
      "the seeds; after a loss that is not finite, chance. CPU: seconds of all peers together, mean. "
      "Flips, attempts (rounds computed again) and rollbacks: mean of a run. Steps with a wrong loss: at "
      "some peer, off the fault-free uncoded run's by more than 1e-3 of it (of 0.01, where that is less), "
      "all "
      "runs together; -: steps are rolled back and done on other batches. A wrong product that moves the "
      "loss "
      "by less is not in it.\n";
  for (const auto& [dataset, plan, samples] : report.datasets) {
    text += fmt::format("\n## {}: {}, {}\n\n", dataset, plan, samples);
    if (const Calibration* calibration = records.calibration(dataset, plan))
      text += calibration_text(*calibration) + "\n";
    text +=
        "| rate | strategy | runs | accuracy, mean | least | CPU s | flips | attempts | rollbacks | "
        "steps with a wrong loss "
        "| diverged | refused | abandoned |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
    for (double rate : report.rates)
      for (const std::string& strategy : report.strategies) {
        const Cell cell = cell_of(records, dataset, plan, strategy, rate);
        if (cell.runs == 0) continue;
        text += fmt::format(
            "| {:g} | {} | {} | {:.4f} | {:.4f} | {:.2f} | {:.0f} | {:.0f} | {:.0f} | {} | {} | {} | {} |\n",
            rate, strategy, cell.runs, cell.accuracy(), cell.least, cell.over_runs(cell.seconds),
            cell.over_runs(static_cast<double>(cell.injected)),
            cell.over_runs(static_cast<double>(cell.recomputed)),
            cell.over_runs(static_cast<double>(cell.rollbacks)),
            cell.wrong_losses ? fmt::format("{}", *cell.wrong_losses) : "-", cell.diverged, cell.refused,
            cell.abandoned);
      }
  }
  return text;
}

// The rate 0 has no logarithm: it stands one decade before the first that has one.
double place_of(const std::vector<double>& rates, double rate) {
  const double first = *std::find_if(rates.begin(), rates.end(), [](double r) { return r > 0; });
  return rate > 0 ? std::log10(rate) : std::log10(first) - 1;
}

// Accuracy of every data set, and below each its CPU time.
std::vector<ChartPanel> panels(const FaultReport& report, const FaultRecords& records) {
  std::vector<ChartTick> rate_ticks;
  for (double rate : report.rates)
    rate_ticks.push_back({place_of(report.rates, rate), fmt::format("{:g}", rate)});
  std::vector<ChartPanel> accuracy, seconds;
  for (const auto& [dataset, plan, samples] : report.datasets) {
    ChartPanel a{fmt::format("{} ({})", dataset, plan),
                 "probability of a flipped bit, per product",
                 "test accuracy",
                 rate_ticks,
                 round_ticks(1.0, 5),
                 {}};
    ChartPanel s{
        dataset, "probability of a flipped bit, per product", "CPU seconds, all peers", rate_ticks, {}, {}};
    double longest = 0.0;
    for (const std::string& strategy : report.strategies) {
      ChartLine of_accuracy{strategy, {}, {}}, of_seconds{strategy, {}, {}};
      for (double rate : report.rates) {
        const Cell cell = cell_of(records, dataset, plan, strategy, rate);
        if (cell.runs == 0) continue;
        of_accuracy.x.push_back(place_of(report.rates, rate));
        of_accuracy.y.push_back(cell.accuracy());
        of_seconds.x.push_back(place_of(report.rates, rate));
        of_seconds.y.push_back(cell.over_runs(cell.seconds));
        longest = std::max(longest, of_seconds.y.back());
      }
      a.lines.push_back(std::move(of_accuracy));
      s.lines.push_back(std::move(of_seconds));
    }
    s.y_ticks = round_ticks(longest, 5);
    accuracy.push_back(std::move(a));
    seconds.push_back(std::move(s));
  }
  accuracy.insert(accuracy.end(), seconds.begin(), seconds.end());
  return accuracy;
}

Outcome write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  if (!(file << text << std::flush)) return data_failure("cannot write " + path);
  return Unit{};
}

// Runs rsvg-convert; false: it is not installed or did not do it.
bool convert_to_png(const std::string& svg, const std::string& png) {
  const pid_t child = fork();
  if (child == 0) {
    execlp("rsvg-convert", "rsvg-convert", "--zoom", "1.5", "--output", png.c_str(), svg.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

Outcome write_report(const FaultReport& report, const FaultRecords& records, const std::string& out) {
  if (Outcome written = write_text(out + "/faults.md", table(report, records)); !written) return written;
  const std::string svg = out + "/faults.svg", png = out + "/faults.png";
  if (Outcome written = write_text(svg, draw_chart(panels(report, records), report.datasets.size()));
      !written)
    return written;
  if (!convert_to_png(svg, png))
    std::fputs("no faults.png: rsvg-convert (Debian package librsvg2-bin) is not there or failed\n", stderr);
  return Unit{};
}

}  // namespace polydot::bench
