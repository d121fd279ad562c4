#include "node/ballot_file.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "node/data_files.h"
#include "node/run_folder.h"

namespace polydot::node {

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
    record.epoch = json.at("epoch");
    record.from = {json.at("from_epoch"), json.at("from_boundary")};
    record.promised = json.at("promised");
    record.accepted = json.at("accepted");
    record.target = {json.at("target_epoch"), json.at("target_boundary")};
    return std::optional(record);
  } catch (const nlohmann::json::exception& error) {
    return data_failure(path + ": no ballot record: " + error.what());
  }
}

}  // namespace polydot::node
