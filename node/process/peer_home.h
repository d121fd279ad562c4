// Where a peer lives: its folder, locked, with what an earlier life of it left there.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "codes/base/result.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "node/files/disk.h"
#include "node/files/folder_lock.h"
#include "node/files/peer_identity.h"
#include "protocol/recovery/ballot.h"

namespace polydot::node {

class PeerHome {
 public:
  // folder: of this peer, made and locked; empty: all is in memory. Failure: kUsage, another process is at
  // home there; kData, there can be no such folder.
  static Result<PeerHome> open(const std::string& folder);

  // Looks for an earlier life. A record that is damaged gets one loud line; then the peer begins like one
  // that lost its disk, but for checkpoints that are its own. Call once, before what follows. Failure:
  // kUsage, what is there is of another run or peer, or of no peer.
  Outcome settle(const PeerIdentity& of);

  // What that life promised; none: there was none, or its record was lost.
  const std::optional<protocol::BallotRecord>& record() const { return record_; }
  // There was one, with or without a record.
  bool has_lived() const { return record_ || !shelf_->list().empty(); }
  // Its records, at least: they are gone on with.
  bool has_records() const { return has_lived() || says_inputs_; }
  CheckpointShelf& shelf() { return *shelf_; }
  // False: it could not be kept, and a line has been said.
  bool keep(const protocol::BallotRecord& record);

 private:
  PeerHome() = default;
  Outcome check_records() const;

  std::optional<FolderLock> lock_;
  std::unique_ptr<Disk> own_, checkpoints_;
  PeerIdentity of_;
  std::optional<protocol::BallotRecord> record_;
  std::optional<CheckpointShelf> shelf_;
  bool says_inputs_ = false;  // there is an inputs.json, as a peer writes it before its records
};

}  // namespace polydot::node
