#include "node/records/run_history.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

#include "node/files/data_files.h"
#include "node/files/run_layout.h"

namespace polydot::node {

namespace {

std::string heading_of(const std::string& metrics_file) {
  std::ifstream file(metrics_file);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::map<std::uint64_t, std::string> read_history(const std::string& metrics_file) {
  std::map<std::uint64_t, std::string> rows;
  std::ifstream file(metrics_file);
  std::string line;
  std::getline(file, line);
  const auto commas = std::count(line.begin(), line.end(), ',');
  while (std::getline(file, line)) {
    std::uint64_t step = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), step);
    const bool whole = error == std::errc{} && std::count(line.begin(), line.end(), ',') == commas;
    if (!whole || end == line.data() + line.size() || *end != ',') continue;
    rows.erase(rows.lower_bound(step), rows.end());  // undone
    rows.emplace(step, std::move(line));
  }
  return rows;
}

Outcome write_history(const std::string& run, int peers) {
  std::vector<std::map<std::uint64_t, std::string>> all;
  std::string heading;
  for (int p = 0; p < peers; ++p) {
    const std::string file = peer_folder(run, p) + kMetricsFile;
    all.push_back(read_history(file));
    if (heading.empty()) heading = heading_of(file);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::map<std::uint64_t, std::string> rows;
  for (auto& own : all) rows.merge(own);
  if (rows.empty()) return Unit{};
  std::string text = heading + "\n";
  for (const auto& [step, row] : rows) text += row + "\n";
  return write_file_atomically(run + kMetricsFile, {},
                               {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace polydot::node
