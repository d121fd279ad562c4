// A peer's ballot record on disk: what it promised must outlive it (protocol/ballot.h), and that there is one
// tells a peer that comes back from one that begins.
#pragma once

#include <optional>

#include "codes/result.h"
#include "node/disk.h"
#include "node/peer_identity.h"
#include "protocol/ballot.h"

namespace polydot::node {

// On the disk when it returns true; else a line has been said.
bool keep_ballot_record(Disk& disk, const PeerIdentity& of, const protocol::BallotRecord& record);
// Nothing if there is none. Failure: kData, there is one that cannot be read; kDisagreement, one of another
// identity.
Result<std::optional<protocol::BallotRecord>> read_ballot_record(const Disk& disk, const PeerIdentity& of);

}  // namespace polydot::node
