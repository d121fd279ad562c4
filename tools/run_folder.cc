#include "tools/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "node/ballot_file.h"
#include "node/folder_disk.h"
#include "node/folder_lock.h"
#include "node/run_folder.h"
#include "tools/run_marker.h"

namespace polydot::tools {

namespace {

namespace fs = std::filesystem;

Outcome check_unused(const std::vector<std::string>& peer_folders) {
  for (const std::string& folder : peer_folders)
    if (Outcome unused = node::FolderLock::check_unlocked(folder + node::kLockFile); !unused) return unused;
  return Unit{};
}

// What tells of the run as a whole, until it has ended once more.
void remove_results(const std::string& run) {
  std::error_code error;
  fs::remove(run + node::kSummaryFile, error);
  fs::remove(run + node::kMetricsFile, error);
}

// Makes room for a new run, or says what is in the way; then nothing has been removed.
Outcome clear_for(const std::string& run, const std::string& wished, int peers, Earlier what) {
  const auto earlier = RunMarker::read(run);
  if (!earlier) return earlier.failure();
  const RunMarker* const there = *earlier ? &**earlier : nullptr;
  if (there != nullptr) {
    if (Outcome unused = check_unused(there->peer_folders(run)); !unused) return unused;
    if (what == Earlier::kRefused || (what == Earlier::kRefusedOnceBegun && there->has_begun(run))) {
      const bool finished = has_finished(run, static_cast<int>(there->peer_folders(run).size()));
      return usage_failure(
          wished + (finished ? " holds a run that has finished: --force replaces it (--resume and "
                               "--resume-if-possible are for one that has not); or choose another --out"
                             : " holds a run that has not finished: --resume " + wished +
                                   " or --resume-if-possible goes on with it, --force replaces it; or choose "
                                   "another --out"));
    }
  }
  for (const RunMarker& marker : {RunMarker(peers), there != nullptr ? *there : RunMarker(peers)})
    if (const auto taken = marker.find_taken(run, there))
      return usage_failure(*taken +
                           " is there, and no run of polydot is known to have made it: choose another --out");
  return there == nullptr ? Outcome(Unit{}) : there->remove_all(run);
}

}  // namespace

Outcome RunFolder::lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Where there are no locks, nobody can be kept out.
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return Unit{};
  return usage_failure(path_ + " is in use by another polydot train; wait for it, or choose another --out");
}

Result<RunFolder> RunFolder::make(const std::string& wished, int peers, Earlier earlier) {
  RunFolder folder;
  std::error_code error;
  if (wished.empty()) {
    std::string name = (fs::temp_directory_path(error) / "polydot-run-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return data_failure("cannot make a temporary folder " + name);
    folder.path_ = name;
    folder.temporary_ = true;
    return folder;
  }
  fs::create_directories(wished, error);
  if (!fs::is_directory(wished, error))
    return data_failure("cannot make the folder " + wished + "; choose another --out");
  folder.path_ = fs::absolute(wished).string();
  if (Outcome locked = folder.lock(); !locked) return locked.failure();
  if (Outcome cleared = clear_for(folder.path_, wished, peers, earlier); !cleared) return cleared.failure();
  if (Outcome marked = RunMarker(peers).write(folder.path_); !marked) return marked.failure();
  return folder;
}

Result<RunFolder> RunFolder::reopen(const std::string& path, node::PeerIdentity of) {
  RunFolder folder;
  folder.path_ = fs::absolute(path).string();
  if (Outcome locked = folder.lock(); !locked) return locked.failure();
  const auto marker = RunMarker::read(folder.path_);
  if (!marker) return marker.failure();
  // A cluster.toml alone may be init's, of peers elsewhere.
  if (!*marker && !RunMarker(of.peers).has_begun(folder.path_))
    return usage_failure(path + " holds no run: there is neither polydot-run.json nor a peer's ballot.json");
  if (Outcome unused = check_unused(RunMarker(of.peers).peer_folders(folder.path_)); !unused)
    return unused.failure();
  // A peer would begin anew; here somebody meant to go on.
  for (of.peer = 0; of.peer < of.peers; ++of.peer) {
    const auto record = read_ballot_record(node::FolderDisk(node::peer_folder(folder.path_, of.peer)), of);
    if (!record && record.failure().kind == FailureKind::kDisagreement)
      return usage_failure(record.failure().message + "; give the --data of the run");
  }
  remove_results(folder.path_);
  return folder;
}

RunFolder::~RunFolder() {
  std::error_code error;
  if (temporary_) fs::remove_all(path_, error);
  if (lock_ >= 0) ::close(lock_);
}

bool has_finished(const std::string& run, int peers) {
  for (int p = 0; p < peers; ++p) {
    std::ifstream file(node::peer_folder(run, p) + node::kSummaryFile);
    const nlohmann::json summary = nlohmann::json::parse(file, nullptr, false);
    if (summary.is_object() && summary.value("exit_code", nlohmann::json()) == 0) return true;
  }
  return false;
}

std::string last_words(const std::string& run, int peer) {
  std::ifstream file(node::peer_folder(run, peer) + node::kLogFile);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  const std::string prefix = "polydot: ";
  return last.starts_with(prefix) ? last.substr(prefix.size()) : last;
}

}  // namespace polydot::tools
