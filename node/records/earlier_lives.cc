#include "node/records/earlier_lives.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "node/files/run_layout.h"
#include "node/text/json_text.h"

namespace polydot::node {

namespace {

// The numbers of a row; empty: it is the heading, or damaged.
std::vector<double> numbers_of(std::string_view row) {
  std::vector<double> numbers;
  while (!row.empty()) {
    const std::size_t end = std::min(row.find(','), row.size());
    double number = 0;
    const auto [last, error] = std::from_chars(row.data(), row.data() + end, number);
    if (error != std::errc{} || last != row.data() + end) return {};
    numbers.push_back(number);
    row.remove_prefix(std::min(end + 1, row.size()));
  }
  return numbers;
}

// Calls visit with each row of numbers.
template <typename Visit>
void for_each_row(const std::string& path, std::size_t columns, Visit visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const std::vector<double> row = numbers_of(line); row.size() >= columns) visit(row);
}

}  // namespace

EarlierLives read_earlier_lives(const std::string& folder, std::size_t keep_losses) {
  EarlierLives lives;
  for_each_row(folder + kMetricsFile, 10, [&](const std::vector<double>& row) {
    const auto step = static_cast<std::uint64_t>(row[0]);
    lives.steps = std::max(lives.steps, step + 1);
    lives.losses.erase(lives.losses.lower_bound(step), lives.losses.end());  // it came again
    lives.losses.emplace(step, row[2]);
    if (lives.losses.size() > keep_losses) lives.losses.erase(lives.losses.begin());
    lives.seconds = row[5];
    lives.findings = static_cast<std::uint64_t>(row[7]);
    lives.noise_rounds = static_cast<std::uint64_t>(row[8]);
    lives.bytes_sent = static_cast<std::uint64_t>(row[9]);
  });
  for_each_row(folder + kEvaluationsFile, 4,
               [&](const std::vector<double>& row) { lives.accuracy = row[3]; });
  std::ifstream repairs(folder + kRepairsFile);
  for (std::string line; std::getline(repairs, line);) {
    const nlohmann::json json = parse_bounded_json(line).value_or(nullptr);
    if (!json.is_object() || !json.contains("event") || !json["event"].is_string()) continue;
    const std::string event = json["event"];
    ++lives.events[event];
    lives.count += event == kBeganEvent;
    if (json.contains("bytes") && json["bytes"].is_number_unsigned())
      lives.repair_bytes += json["bytes"].get<std::uint64_t>();
  }
  return lives;
}

}  // namespace polydot::node
