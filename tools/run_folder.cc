#include "tools/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "node/checkpoints/ballot_file.h"
#include "node/files/folder_disk.h"
#include "node/files/folder_lock.h"
#include "node/files/run_layout.h"
#include "node/system/owned_fd.h"
#include "node/text/json_text.h"
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

constexpr std::string_view kTemporaryName = "polydot-run-";

// What polydot made there; the folder too, unless somebody else put something into it.
void remove_temporary(const std::string& run) {
  const auto marker = RunMarker::read(run);
  if (marker && *marker) (void)(*marker)->remove_all(run);
  std::error_code not_empty;
  fs::remove(run, not_empty);
}

// Of launchers that were killed: nobody holds the folder, or one of its peers, any more.
void remove_left_behind(const fs::path& among) {
  std::error_code error;
  for (auto entry = fs::directory_iterator(among, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (!path.filename().string().starts_with(kTemporaryName)) continue;
    const node::OwnedFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat status {};
    if (!folder.is_open() || ::fstat(folder.get(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    // A launcher marks its folder after it has locked it.
    const auto marker = RunMarker::read(path.string());
    if (!marker || !*marker || !(*marker)->is_temporary()) continue;
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (check_unused((*marker)->peer_folders(path.string()))) remove_temporary(path.string());
  }
}

}  // namespace

Outcome RunFolder::lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Where there are no locks, nobody can be kept out.
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return Unit{};
  return usage_failure(path_ + " is in use by another polydot train; wait for it, or choose another --out");
}

Result<RunFolder> RunFolder::make(const std::string& wished, int peers, Earlier earlier, bool kept) {
  RunFolder folder;
  std::error_code error;
  if (wished.empty()) {
    const fs::path among = fs::temp_directory_path(error);
    remove_left_behind(among);
    std::string name = (among / (std::string(kTemporaryName) + "XXXXXX")).string();
    if (error || mkdtemp(name.data()) == nullptr)
      return data_failure("cannot make a temporary folder " + name + ": " + std::strerror(errno) +
                          "; give --out DIR, or TMPDIR a folder that can be written");
    folder.path_ = name;
    folder.temporary_ = !kept;
    if (Outcome locked = folder.lock(); !locked) return locked.failure();
    if (Outcome marked = RunMarker(peers, folder.temporary_).write(name); !marked) return marked.failure();
    return folder;
  }
  fs::create_directories(wished, error);
  std::error_code ignored;
  if (!fs::is_directory(wished, ignored))
    return data_failure("cannot make the folder " + wished + ": " +
                        (error ? error.message() : "there is a file of that name") +
                        "; choose another --out");
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
  if (temporary_) remove_temporary(path_);
  if (lock_ >= 0) ::close(lock_);
}

bool RunFolder::is_gone() const {
  struct stat mine {
  }, there{};
  if (lock_ < 0 || ::fstat(lock_, &mine) != 0) return false;
  return ::stat(path_.c_str(), &there) != 0 || there.st_ino != mine.st_ino || there.st_dev != mine.st_dev;
}

bool has_finished(const std::string& run, int peers) {
  for (int p = 0; p < peers; ++p) {
    const nlohmann::json summary = node::read_json(node::peer_folder(run, p) + node::kSummaryFile);
    if (summary.is_object() && summary.value("exit_code", nlohmann::json()) == 0) return true;
  }
  return false;
}

std::string last_words(const std::string& run, int peer, std::uintmax_t from) {
  std::ifstream file(node::peer_folder(run, peer) + node::kLogFile);
  file.seekg(static_cast<std::streamoff>(from));
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  const std::string prefix = "polydot: ";
  return last.starts_with(prefix) ? last.substr(prefix.size()) : last;
}

}  // namespace polydot::tools
