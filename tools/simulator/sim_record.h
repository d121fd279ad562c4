// A peer's ballot record on a simulated disk.
#pragma once

#include <optional>

#include "node/disk.h"
#include "protocol/ballot.h"

namespace polydot::simulator {

Outcome keep_record(node::Disk& disk, const protocol::BallotRecord& record);
// Nothing if there is none, or it cannot be read.
std::optional<protocol::BallotRecord> read_record(const node::Disk& disk);

}  // namespace polydot::simulator
