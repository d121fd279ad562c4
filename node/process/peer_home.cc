#include "node/process/peer_home.h"

#include <utility>

#include "node/checkpoints/ballot_file.h"
#include "node/files/folder_disk.h"
#include "node/files/memory_disk.h"
#include "node/files/run_layout.h"
#include "node/model/input_json.h"
#include "node/text/printable.h"

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
  if (Outcome own = shelf_->check_foreign(); !own) return own;
  says_inputs_ = is_trained_on(*own_);
  return check_records();
}

// Records that no peer can have begun are somebody else's. The log may be the launcher's.
Outcome PeerHome::check_records() const {
  if (has_records()) return Unit{};
  for (const char* file : kPeerFiles) {
    const std::string name = file + 1;
    if (file == std::string_view(kLogFile) || file == std::string_view(kLockFile)) continue;
    if (const auto size = own_->size(name); size && *size > 0)
      return usage_failure(
          own_->describe(name) +
          ": is there, and no peer of polydot is known to have made it: choose another --out");
  }
  return Unit{};
}

bool PeerHome::keep(const protocol::BallotRecord& record) { return keep_ballot_record(*own_, of_, record); }

}  // namespace polydot::node
