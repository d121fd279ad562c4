#include "node/model/input_json.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "node/files/disk.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "node/text/json_text.h"

namespace polydot::node {
namespace {

using dnn::Index;
using nlohmann::ordered_json;

constexpr std::size_t kMostFileBytes = std::size_t{1} << 30;

std::optional<Eigen::VectorXd> numbers_of(const ordered_json& all, const char* key) {
  if (!all.is_object() || !all.contains(key) || !all[key].is_array()) return std::nullopt;
  Eigen::VectorXd values(static_cast<Index>(all[key].size()));
  for (std::size_t i = 0; i < all[key].size(); ++i) {
    if (!all[key][i].is_number()) return std::nullopt;
    values(static_cast<Index>(i)) = all[key][i].get<double>();
  }
  return values;
}

std::optional<std::vector<std::string>> names_of(const ordered_json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<std::string> names;
  for (const ordered_json& name : list) {
    if (!name.is_string()) return std::nullopt;
    names.push_back(name.get<std::string>());
  }
  return names;
}

bool read_standardisation(const ordered_json& all, Index count, InputDescription& inputs) {
  const auto mean = numbers_of(all, "mean"), deviation = numbers_of(all, "deviation");
  if (!mean || !deviation || mean->size() != deviation->size() ||
      (mean->size() != 1 && mean->size() != count) || !mean->allFinite() || !deviation->allFinite() ||
      !(deviation->array() > 0).all())
    return false;
  inputs.mean = *mean;
  inputs.deviation = *deviation;
  const ordered_json limit = all.value("limit", ordered_json(0.0));
  if (!limit.is_number() || !std::isfinite(limit.get<double>()) || limit.get<double>() < 0) return false;
  inputs.limit = limit.get<double>();
  return true;
}

bool read_table(const ordered_json& all, Index count, InputDescription& inputs) {
  constexpr int kMostColumns = 1 << 26;
  const auto whole = [&](const char* key) {
    const ordered_json value = all.is_object() ? all.value(key, ordered_json(-1)) : ordered_json(-1);
    return value.is_number_integer() && value >= 0 && value <= kMostColumns ? value.get<int>() : -1;
  };
  const auto columns = all.is_object() ? names_of(all.value("columns", ordered_json())) : std::nullopt;
  const auto positions = numbers_of(all, "positions");
  const ordered_json label = all.is_object() ? all.value("label", ordered_json()) : ordered_json();
  inputs.label_position = whole("label_position");
  inputs.table_columns = whole("table_columns");
  const auto in_table = [&](double k) { return k == std::floor(k) && k >= 1 && k <= inputs.table_columns; };
  if (!columns || !positions || !label.is_string() || !in_table(inputs.label_position) ||
      positions->size() != count || (!columns->empty() && static_cast<Index>(columns->size()) != count) ||
      !std::all_of(positions->begin(), positions->end(), in_table))
    return false;
  inputs.columns = *columns;
  for (const double position : *positions) inputs.positions.push_back(static_cast<int>(position));
  inputs.label = label.get<std::string>();
  return true;
}

ordered_json parse(const std::map<std::string, std::string>& texts, const char* key, std::size_t values) {
  const auto text = texts.find(key);
  return text == texts.end()
             ? ordered_json()
             : parse_bounded_json<ordered_json>(text->second, {3, values}).value_or(ordered_json());
}

std::string path_in(const std::string& folder) { return folder + kInputsFile; }

std::optional<TrainedOn> parse_trained_on(const std::string& text) {
  const auto all = parse_bounded_json<ordered_json>(text, {3, kMostFileBytes});
  if (!all || !all->is_object() || !all->contains("digest") || !all->at("digest").is_number_unsigned() ||
      !all->contains("features") || !all->at("features").is_number_unsigned() || !all->contains("classes"))
    return std::nullopt;
  TrainedOn data;
  data.digest = all->at("digest").get<std::uint64_t>();
  data.features = all->at("features").get<Index>();
  std::map<std::string, std::string> texts;
  for (const char* key : {"standardisation", "classes", "table"})
    if (all->contains(key)) texts[key] = to_text(all->at(key));
  const auto outputs = static_cast<Index>(all->at("classes").size());
  auto inputs = inputs_from(texts, data.features, outputs);
  if (!inputs) return std::nullopt;
  data.inputs = *std::move(inputs);
  return data;
}

}  // namespace

std::map<std::string, std::string> texts_of(const InputDescription& inputs) {
  ordered_json standardisation = {
      {"mean", std::vector<double>(inputs.mean.begin(), inputs.mean.end())},
      {"deviation", std::vector<double>(inputs.deviation.begin(), inputs.deviation.end())}};
  if (inputs.limit > 0) standardisation["limit"] = inputs.limit;
  std::map<std::string, std::string> texts = {{"standardisation", to_text(standardisation)},
                                              {"classes", to_ascii(ordered_json(inputs.classes))}};
  if (inputs.is_of_table())
    texts["table"] = to_ascii(ordered_json{{"columns", inputs.columns},
                                           {"positions", inputs.positions},
                                           {"label", inputs.label},
                                           {"label_position", inputs.label_position},
                                           {"table_columns", inputs.table_columns}});
  return texts;
}

Result<InputDescription> inputs_from(const std::map<std::string, std::string>& texts, Index count,
                                     Index outputs) {
  InputDescription inputs;
  const std::size_t values = 4 * static_cast<std::size_t>(count) + 64;
  if (!read_standardisation(parse(texts, "standardisation", values), count, inputs))
    return data_failure("its metadata name no standardisation of its inputs");
  if (texts.contains("classes")) {
    const auto classes = names_of(parse(texts, "classes", static_cast<std::size_t>(outputs) + 8));
    if (!classes || static_cast<Index>(classes->size()) != outputs)
      return data_failure("its metadata name other classes than it has outputs");
    inputs.classes = *classes;
  } else {
    for (Index c = 0; c < outputs; ++c) inputs.classes.push_back(std::to_string(c));
  }
  if (texts.contains("table") && !read_table(parse(texts, "table", values), count, inputs))
    return data_failure("its metadata name other columns of a table than it has inputs");
  return inputs;
}

Outcome write_trained_on(const std::string& peer_folder, const TrainedOn& data) {
  ordered_json all = {{"digest", data.digest}, {"features", data.features}};
  for (const auto& [key, text] : texts_of(data.inputs)) all[key] = parse_json<ordered_json>(text);
  const std::string text = to_ascii(all) + "\n";
  FolderDisk disk(peer_folder);
  return write_whole(disk, kInputsFile + 1, {std::as_bytes(std::span(text))});
}

bool is_trained_on(const Disk& disk) {
  const auto size = disk.size(kInputsFile + 1);
  if (!size || *size > kMostFileBytes) return false;
  std::string text(*size, '\0');
  return disk.read(kInputsFile + 1, 0, std::as_writable_bytes(std::span(text))) && parse_trained_on(text);
}

Result<TrainedOn> read_trained_on(const std::string& run, int peers) {
  std::map<std::string, int> said;
  for (int p = 0; p < peers; ++p) {
    std::ifstream file(path_in(peer_folder(run, p)), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (parse_trained_on(text)) ++said[std::move(text)];
  }
  const auto most = std::max_element(said.begin(), said.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == said.end())
    return data_failure(run + ": no peer's folder says what was trained on (inputs.json)");
  return *parse_trained_on(most->first);
}

}  // namespace polydot::node
