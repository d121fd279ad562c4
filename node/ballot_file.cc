#include "node/ballot_file.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "node/data_files.h"
#include "node/run_folder.h"

namespace polydot::node {

namespace {

std::uint64_t large(const nlohmann::json& json, const char* key) {
  const nlohmann::json& number = json.at(key);
  if (!number.is_number_unsigned()) throw std::out_of_range(std::string(key) + " is no count");
  return number.get<std::uint64_t>();
}
std::uint32_t small(const nlohmann::json& json, const char* key) {
  const std::uint64_t number = large(json, key);
  if (number > std::numeric_limits<std::uint32_t>::max())
    throw std::out_of_range(std::string(key) + " is too large");
  return static_cast<std::uint32_t>(number);
}

}  // namespace

bool keep_ballot_record(const std::string& folder, const protocol::BallotRecord& record) {
  const nlohmann::json json = {{"epoch", record.epoch},
                               {"from_epoch", record.from.epoch},
                               {"from_boundary", record.from.boundary},
                               {"promised", record.promised},
                               {"accepted", record.accepted},
                               {"target_epoch", record.target.epoch},
                               {"target_boundary", record.target.boundary}};
  const std::string text = json.dump(2) + "\n";
  const Outcome written = write_file_atomically(
      folder + kBallotFile, {}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (!written) std::fprintf(stderr, "polydot: promises nothing: %s\n", written.failure().message.c_str());
  return written.ok();
}

Result<std::optional<protocol::BallotRecord>> read_ballot_record(const std::string& folder) {
  const std::string path = folder + kBallotFile;
  if (!std::filesystem::exists(path)) return std::optional<protocol::BallotRecord>{};
  std::ifstream file(path);
  try {
    const nlohmann::json json = nlohmann::json::parse(file);
    protocol::BallotRecord record;
    record.epoch = small(json, "epoch");
    record.from = {small(json, "from_epoch"), large(json, "from_boundary")};
    record.promised = small(json, "promised");
    record.accepted = small(json, "accepted");
    record.target = {small(json, "target_epoch"), large(json, "target_boundary")};
    return std::optional(record);
  } catch (const std::exception& error) {
    return data_failure(path + ": no ballot record: " + error.what());
  }
}

}  // namespace polydot::node
