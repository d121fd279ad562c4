#include "tools/simulator/sim_record.h"

#include <array>

namespace polydot::simulator {

namespace {

constexpr const char* kName = "ballot";
using Words = std::array<std::uint64_t, 7>;

}  // namespace

Outcome keep_record(node::Disk& disk, const protocol::BallotRecord& record) {
  const Words words = {record.epoch,    record.from.epoch,   record.from.boundary,  record.promised,
                       record.accepted, record.target.epoch, record.target.boundary};
  return node::write_whole(disk, kName, {std::as_bytes(std::span(words))});
}

std::optional<protocol::BallotRecord> read_record(const node::Disk& disk) {
  Words words;
  if (!disk.read(kName, 0, std::as_writable_bytes(std::span(words)))) return std::nullopt;
  const auto small = [&](std::size_t at) { return static_cast<std::uint32_t>(words[at]); };
  return protocol::BallotRecord{small(0), {small(1), words[2]}, small(3), small(4), {small(5), words[6]}};
}

}  // namespace polydot::simulator
