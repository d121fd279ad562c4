#include "tools/calibration.h"

#include <cmath>
#include <fstream>
#include <span>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "node/files/data_files.h"
#include "node/text/config_words.h"

namespace polydot::tools {
namespace {

struct Rate {
  const char* key;
  double Calibration::*value;
  const char* meaning;
};
constexpr Rate kRates[] = {
    {"product_gflops", &Calibration::product_gflops, "GFLOP/s of one core, large products"},
    {"update_gflops", &Calibration::update_gflops, "GFLOP/s, large updates"},
    {"panel_gbs", &Calibration::panel_gbs, "GB/s, operands and results of a product touched once"},
    {"memory_gbs", &Calibration::memory_gbs, "GB/s, reading shards"},
    {"encode_gbs", &Calibration::encode_gbs, "GB/s of plain operands"},
    {"decode_gbs", &Calibration::decode_gbs, "GB/s of contributions read"},
    {"combine_gflops", &Calibration::combine_gflops, "GFLOP/s of decoding and parities"},
    {"column_us", &Calibration::column_us, "us a column of a contribution"},
    {"activation_ns", &Calibration::activation_ns, "ns a value"},
    {"operand_ns", &Calibration::operand_ns, "ns a value of an operand"},
    {"byte_ns", &Calibration::byte_ns, "ns a byte sent or received"},
    {"shared_ns", &Calibration::shared_ns, "ns a byte that peers of one host share"},
    {"message_us", &Calibration::message_us, "us a contribution sent or received"},
    {"peer_us", &Calibration::peer_us, "us more for each peer of the cluster"},
    {"round_us", &Calibration::round_us, "us of a peer's processor time in a round"},
    {"wait_us", &Calibration::wait_us, "us on the wall in a round"},
    {"parallel", &Calibration::parallel, "of a core, what a further one adds to one machine alone"},
};
// Nobody's hardware is beyond it; 1/rate stays finite.
constexpr double kLeast = 1e-6, kMost = 1e9;

bool may_be_zero(const Rate& rate) {
  const std::string_view key = rate.key;
  return key.ends_with("_ns") || key.ends_with("_us") || key == "parallel";
}

Outcome set_rate(std::string_view key, const toml::node& node, const std::string& where, Calibration& to) {
  std::vector<std::string_view> names;
  for (const Rate& rate : kRates) {
    names.emplace_back(rate.key);
    if (key != rate.key) continue;
    const auto value = node.value<double>();
    const double least = may_be_zero(rate) ? 0.0 : kLeast;
    if (!value || !(*value >= least && *value <= kMost))
      return usage_failure(fmt::format("{}: {} must be a number from {} to {}", where, key, least, kMost));
    to.*rate.value = *value;
    return Unit{};
  }
  return usage_failure(
      fmt::format("{}: no rate {}; nearest: {}", where, key, node::nearest_word(std::string(key), names)));
}

}  // namespace

std::string to_toml(const Calibration& calibration) {
  std::string text = "[calibration]\n";
  for (const Rate& rate : kRates) {
    const double value = calibration.*rate.value;
    std::string number = fmt::format("{}", value);  // the shortest that reads back as it was
    if (number.find_first_of(".e") == std::string::npos) number += ".0";
    text += fmt::format("{} = {}  # {}\n", rate.key, number, rate.meaning);
  }
  return text;
}

Result<Calibration> read_calibration(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return usage_failure(fmt::format("--calibration {}: cannot be read", path));
  toml::table file;
  try {
    file = toml::parse(stream, path);
  } catch (const toml::parse_error& error) {
    return usage_failure(
        fmt::format("{}:{}: {}", path, error.source().begin.line, std::string(error.description())));
  }
  Calibration calibration;
  for (const auto& [name, table] : file)
    if (name != "calibration" || !table.is_table())
      return usage_failure(fmt::format("{}:{}: must be [calibration] only", path, table.source().begin.line));
  const toml::table* rates = file["calibration"].as_table();
  if (rates == nullptr) return usage_failure(fmt::format("{}: no [calibration] in it", path));
  for (const auto& [key, node] : *rates) {
    const std::string where = fmt::format("{}:{}", path, node.source().begin.line);
    if (const Outcome set = set_rate(key.str(), node, where, calibration); !set) return set.failure();
  }
  return calibration;
}

Outcome write_calibration(const Calibration& calibration, const std::string& path) {
  const std::string text = "# polydot plan --measure\n" + to_toml(calibration);
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  const Outcome written = node::write_file_atomically(path, {}, bytes);
  if (!written) return usage_failure("--calibration " + written.failure().message);
  return Unit{};
}

Calibration with_product_rate(Calibration calibration, double gflops) {
  calibration.update_gflops *= gflops / calibration.product_gflops;
  calibration.product_gflops = gflops;
  return calibration;
}

}  // namespace polydot::tools
