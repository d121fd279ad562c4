#include "node/records/run_profile.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <map>
#include <string_view>

#include "node/files/run_layout.h"
#include "node/records/run_history.h"

namespace polydot::node {

namespace {

std::vector<std::string_view> cells_of(std::string_view row) {
  std::vector<std::string_view> cells;
  for (std::size_t from = 0; from <= row.size();) {
    const std::size_t to = std::min(row.find(',', from), row.size());
    cells.push_back(row.substr(from, to - from));
    from = to + 1;
  }
  return cells;
}

double number_of(std::string_view cell) {
  double number = 0.0;
  std::from_chars(cell.data(), cell.data() + cell.size(), number);
  return number;
}

// Rows of one peer by the names of their columns.
class MetricsTable {
 public:
  MetricsTable(const std::string& file, std::uint64_t skip) : rows_(read_history(file)) {
    std::string heading;
    std::ifstream stream(file);
    std::getline(stream, heading);
    const auto names = cells_of(heading);
    for (std::size_t k = 0; k < names.size(); ++k) columns_.emplace(names[k], k);
    for (; skip > 0 && !rows_.empty(); --skip) rows_.erase(rows_.begin());
  }
  std::size_t steps() const { return rows_.size(); }
  bool has(const std::string& column) const { return columns_.contains(column); }
  double mean(const std::string& column) const {
    double sum = 0.0;
    for (const auto& [step, row] : rows_) sum += value(row, column);
    return sum / static_cast<double>(rows_.size());
  }
  // What a running total has grown by from the end of the first step to that of the last, a step.
  double growth(const std::string& column) const {
    return (value(rows_.rbegin()->second, column) - value(rows_.begin()->second, column)) /
           static_cast<double>(rows_.size() - 1);
  }
  void count_waits(std::vector<double>& waited_for) const {
    for (const auto& [step, row] : rows_) {
      const double peer = value(row, "waiting_for");
      if (peer >= 0 && peer < static_cast<double>(waited_for.size()))
        waited_for[static_cast<std::size_t>(peer)] += 1.0 / static_cast<double>(rows_.size());
    }
  }

 private:
  double value(const std::string& row, const std::string& column) const {
    return number_of(cells_of(row)[columns_.find(column)->second]);
  }
  std::map<std::uint64_t, std::string> rows_;
  std::map<std::string, std::size_t, std::less<>> columns_;
};

std::string column_of(std::size_t kind) {
  return std::string(codes::name_of(static_cast<codes::Work>(kind))) + "_ms";
}

}  // namespace

Result<RunProfile> read_profile(const std::string& run, int peers, std::uint64_t skip) {
  RunProfile profile{.peers = peers};
  profile.waited_for.resize(static_cast<std::size_t>(peers));
  for (int p = 0; p < peers; ++p) {
    const std::string file = peer_folder(run, p) + kMetricsFile;
    const MetricsTable table(file, skip);
    if (!table.has("bytes_sent") || !table.has("waiting_for") || !table.has("process_cpu_ms"))
      return data_failure(fmt::format("{}: is not there, or of another version", file));
    if (table.steps() < 2)
      return data_failure(
          fmt::format("{}: has not more than {} steps; there is nothing to show", file, skip + 1));
    profile.steps = table.steps();
    profile.wall_ms += 1e3 * table.growth("seconds") / peers;
    profile.sent_bytes += table.growth("bytes_sent") / peers;
    for (std::size_t k = 0; k < codes::kWorkKinds; ++k)
      profile.work_ms[k] += table.mean(column_of(k)) / peers;
    profile.thread_cpu_ms += table.mean("thread_cpu_ms");
    profile.process_cpu_ms += table.mean("process_cpu_ms");
    table.count_waits(profile.waited_for);
  }
  for (double& share : profile.waited_for) share /= peers;
  return profile;
}

}  // namespace polydot::node
