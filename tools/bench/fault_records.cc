#include "tools/bench/fault_records.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "node/text/json_text.h"

namespace polydot::bench {

namespace {

nlohmann::json to_json(const FaultRecord& record) {
  return {{"dataset", record.dataset},
          {"plan", record.plan},
          {"strategy", record.strategy},
          {"rate", record.rate},
          {"seed", record.seed},
          {"end", name_of(record.run.end)},
          {"accuracy", record.run.accuracy},
          {"cpu_seconds", record.run.cpu_seconds},
          {"executed_steps", record.run.executed_steps},
          {"injected", record.run.injected},
          {"recomputed", record.run.recomputed},
          {"rollbacks", record.run.rollbacks},
          {"wrong_losses", record.run.wrong_losses ? nlohmann::json(*record.run.wrong_losses) : nullptr}};
}

FaultRecord record_from(const nlohmann::json& line) {
  FaultRecord record{line.at("dataset"), line.at("plan"), line.at("strategy"),
                     line.at("rate"),    line.at("seed"), {}};
  const std::string end = line.at("end");
  for (RunEnd candidate : {RunEnd::kFinished, RunEnd::kDiverged, RunEnd::kRefused, RunEnd::kAbandoned})
    if (end == name_of(candidate)) record.run.end = candidate;
  record.run.accuracy = line.at("accuracy");
  record.run.cpu_seconds = line.at("cpu_seconds");
  record.run.executed_steps = line.at("executed_steps");
  record.run.injected = line.at("injected");
  record.run.recomputed = line.at("recomputed");
  record.run.rollbacks = line.at("rollbacks");
  if (const auto wrong = line.find("wrong_losses"); wrong != line.end() && !wrong->is_null())
    record.run.wrong_losses = wrong->get<std::uint64_t>();
  return record;
}

nlohmann::json to_json(const Calibration& calibration) {
  nlohmann::json seconds = nlohmann::json::object();
  for (const auto& [copies, value] : calibration.replication_seconds) seconds[std::to_string(copies)] = value;
  return {{"calibration", true},
          {"dataset", calibration.dataset},
          {"plan", calibration.plan},
          {"copies", calibration.copies},
          {"polydot_seconds", calibration.polydot_seconds},
          {"replication_seconds", seconds}};
}

Calibration calibration_from(const nlohmann::json& line) {
  Calibration calibration{
      line.at("dataset"), line.at("plan"), line.at("copies"), line.at("polydot_seconds"), {}};
  for (const auto& [copies, value] : line.at("replication_seconds").items())
    calibration.replication_seconds[std::stoi(copies)] = value;
  return calibration;
}

auto key_of(const FaultRecord& record) {
  return std::tie(record.dataset, record.plan, record.strategy, record.rate, record.seed);
}

}  // namespace

Result<FaultRecords> FaultRecords::open(const std::string& path) {
  FaultRecords records(path);
  std::ifstream file(path);
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    try {
      const nlohmann::json line = node::parse_json(text);
      if (line.contains("calibration"))
        records.calibrations_.push_back(calibration_from(line));
      else
        records.records_.push_back(record_from(line));
    } catch (const std::exception&) {
      return data_failure(path + ": line " + std::to_string(number) +
                          " is no record of this benchmark; remove the line or choose another folder");
    }
  }
  if (Outcome writable = records.append(""); !writable) return writable.failure();
  return records;
}

bool FaultRecords::has(const FaultRecord& key) const {
  return std::any_of(records_.begin(), records_.end(),
                     [&](const FaultRecord& record) { return key_of(record) == key_of(key); });
}

Outcome FaultRecords::add(const FaultRecord& record) {
  records_.push_back(record);
  return append(node::to_text(to_json(record)) + "\n");
}

const Calibration* FaultRecords::calibration(const std::string& dataset, const std::string& plan) const {
  for (const Calibration& calibration : calibrations_)
    if (calibration.dataset == dataset && calibration.plan == plan) return &calibration;
  return nullptr;
}

Outcome FaultRecords::add(const Calibration& calibration) {
  calibrations_.push_back(calibration);
  return append(node::to_text(to_json(calibration)) + "\n");
}

Outcome FaultRecords::append(const std::string& text) const {
  std::ofstream file(path_, std::ios::app);
  if (!(file << text << std::flush)) return data_failure("cannot write " + path_);
  return Unit{};
}

}  // namespace polydot::bench
