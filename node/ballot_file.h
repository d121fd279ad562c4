// A peer's ballot record on disk: what it promised must outlive it (protocol/ballot.h).
#pragma once

#include <optional>
#include <string>

#include "codes/result.h"
#include "protocol/ballot.h"

namespace polydot::node {

// folder: of this peer. On the disk when it returns true; else a line has been said.
bool keep_ballot_record(const std::string& folder, const protocol::BallotRecord& record);
// Nothing if there is none. Failure: kData, there is one and it cannot be read.
Result<std::optional<protocol::BallotRecord>> read_ballot_record(const std::string& folder);

}  // namespace polydot::node
