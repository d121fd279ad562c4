#include "node/checkpoints/ballot_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "node/files/run_layout.h"
#include "node/text/json_text.h"
#include "node/text/printable.h"

namespace polydot::node {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostBytes = 4096;  // more is none of ours

std::uint64_t large(const Json& json, const char* key) {
  const Json& number = json.at(key);
  if (!number.is_number_unsigned()) throw std::out_of_range(std::string(key) + " is no count");
  return number.get<std::uint64_t>();
}
std::uint32_t small(const Json& json, const char* key) {
  const std::uint64_t number = large(json, key);
  if (number > std::numeric_limits<std::uint32_t>::max())
    throw std::out_of_range(std::string(key) + " is too large");
  return static_cast<std::uint32_t>(number);
}

Json identity_json(const PeerIdentity& of) {
  return {{"run", fmt::format("{:016x}{:016x}", of.run[0], of.run[1])},
          {"plan", fmt::format("{:016x}", of.plan_digest)},
          {"peer", of.peer},
          {"peers", of.peers}};
}

protocol::BallotRecord record_from(const Json& json) {
  protocol::BallotRecord record;
  record.epoch = small(json, "epoch");
  record.from = {small(json, "from_epoch"), large(json, "from_boundary")};
  record.promised = small(json, "promised");
  record.accepted = small(json, "accepted");
  record.target = {small(json, "target_epoch"), large(json, "target_boundary")};
  record.withdrawn = small(json, "withdrawn");
  if (const std::string why = protocol::Ballot::impossible(record); !why.empty())
    throw std::out_of_range(why);
  return record;
}

// What of the identity differs; empty: nothing. The first difference says most.
std::string difference(const Json& found, const PeerIdentity& of) {
  const Json ours = identity_json(of);
  const std::pair<const char*, const char*> words[] = {{"run", "another run"},
                                                       {"peer", "another peer"},
                                                       {"peers", "another number of peers"},
                                                       {"plan", "other settings or data"}};
  for (const auto& [key, word] : words)
    if (found.at(key) != ours.at(key)) return word;
  return "";
}

}  // namespace

bool keep_ballot_record(Disk& disk, const PeerIdentity& of, const protocol::BallotRecord& record) {
  Json json = identity_json(of);
  json.update({{"epoch", record.epoch},
               {"from_epoch", record.from.epoch},
               {"from_boundary", record.from.boundary},
               {"promised", record.promised},
               {"accepted", record.accepted},
               {"target_epoch", record.target.epoch},
               {"target_boundary", record.target.boundary},
               {"withdrawn", record.withdrawn}});
  const std::string text = to_text(json, 2) + "\n";
  const Outcome written = write_whole(disk, kBallotFile, {std::as_bytes(std::span(text))});
  if (!written) say("promises nothing: " + written.failure().message);
  return written.ok();
}

Result<std::optional<protocol::BallotRecord>> read_ballot_record(const Disk& disk, const PeerIdentity& of) {
  const std::vector<std::string> names = disk.names();
  if (std::find(names.begin(), names.end(), kBallotFile) == names.end())
    return std::optional<protocol::BallotRecord>{};
  const auto size = disk.size(kBallotFile);
  if (!size) return size.failure();
  std::string text(std::min(*size, kMostBytes), '\0');
  if (Outcome got = disk.read(kBallotFile, 0, std::as_writable_bytes(std::span(text))); !got)
    return got.failure();
  try {
    const Json json = Json::parse(text);
    const protocol::BallotRecord record = record_from(json);
    if (const std::string other = difference(json, of); !other.empty())
      return Failure{FailureKind::kDisagreement, disk.describe(kBallotFile) + ": is of " + other};
    return std::optional(record);
  } catch (const std::exception& error) {
    return data_failure(disk.describe(kBallotFile) + ": no ballot record: " + error.what());
  }
}

}  // namespace polydot::node
