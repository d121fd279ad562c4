// A peer's ballot record on disk: what it promised must outlive it (protocol/recovery/ballot.h), and that
// there is one tells a peer that comes back from one that begins.
#pragma once

#include <optional>

#include "codes/base/result.h"
#include "node/files/disk.h"
#include "node/files/peer_identity.h"
#include "protocol/recovery/ballot.h"

namespace polydot::node {

// On the disk when it returns true; else a line has been said.
bool keep_ballot_record(Disk& disk, const PeerIdentity& of, const protocol::BallotRecord& record);
// Nothing if there is none. Failure: kData, there is one that cannot be read; kDisagreement, one of another
// identity.
Result<std::optional<protocol::BallotRecord>> read_ballot_record(const Disk& disk, const PeerIdentity& of);

}  // namespace polydot::node
