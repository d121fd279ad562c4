#include "node/peer_home.h"

#include <utility>

#include "node/ballot_file.h"
#include "node/folder_disk.h"
#include "node/memory_disk.h"
#include "node/printable.h"
#include "node/run_folder.h"

namespace polydot::node {

Result<PeerHome> PeerHome::open(const std::string& folder) {
  PeerHome home;
  if (folder.empty()) {
    home.own_ = std::make_unique<MemoryDisk>();
    home.checkpoints_ = std::make_unique<MemoryDisk>();
    return home;
  }
  auto own = std::make_unique<FolderDisk>(folder);
  auto checkpoints = std::make_unique<FolderDisk>(folder + kCheckpointsFolder);
  if (Outcome made = own->make_folder(); !made) return made.failure();
  auto lock = FolderLock::take(folder + kLockFile);
  if (!lock) return lock.failure();
  if (Outcome made = checkpoints->make_folder(); !made) return made.failure();
  home.lock_.emplace(*std::move(lock));
  home.own_ = std::move(own);
  home.checkpoints_ = std::move(checkpoints);
  return home;
}

Outcome PeerHome::settle(const PeerIdentity& of) {
  of_ = of;
  auto record = read_ballot_record(*own_, of);
  if (!record && record.failure().kind == FailureKind::kDisagreement)
    return usage_failure(record.failure().message + ": choose another --out, or remove it");
  if (record)
    record_ = *record;
  else
    say("begins without an earlier life: " + record.failure().message);
  shelf_.emplace(*checkpoints_, of);
  return shelf_->check_foreign();
}

bool PeerHome::keep(const protocol::BallotRecord& record) { return keep_ballot_record(*own_, of_, record); }

}  // namespace polydot::node
