#include "tools/run_folder.h"

#include <algorithm>
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

Outcome check_unused(const std::string& run, int peers) {
  for (int p = 0; p < peers; ++p) {
    const std::string path = node::peer_folder(run, p) + node::kLockFile;
    if (!fs::exists(path)) continue;
    if (const auto lock = node::FolderLock::take(path); !lock) return lock.failure();
  }
  return Unit{};
}

// What tells of the run as a whole, until it has ended once more.
void remove_results(const std::string& run) {
  std::error_code error;
  fs::remove(run + node::kSummaryFile, error);
  fs::remove(run + node::kMetricsFile, error);
}

// How many peers' folders a list of names has.
int peers_in(const RunMarker& marker) {
  return static_cast<int>(std::count_if(marker.made().begin(), marker.made().end(),
                                        [](const std::string& name) { return name.starts_with("peer-"); }));
}

// Makes room for a new run, or says what is in the way.
Outcome clear_for(const std::string& run, const std::string& wished, int peers, bool force) {
  const auto earlier = RunMarker::read(run);
  if (!earlier) return earlier.failure();
  if (*earlier) {
    const int peers_there = peers_in(**earlier);
    if (Outcome unused = check_unused(run, peers_there); !unused) return unused;
    if (!force)
      return usage_failure(wished +
                           (has_finished(run, peers_there) ? " holds a run that has finished"
                                                           : " holds a run that has not finished") +
                           ": --resume " + wished +
                           " goes on with it, --resume-if-possible as well or begins, "
                           "--force replaces it; or choose another --out");
    if (Outcome removed = (*earlier)->remove_all(run); !removed) return removed;
  }
  if (Outcome unused = check_unused(run, peers); !unused) return unused;
  if (const auto taken = RunMarker(peers).find_taken(run))
    return usage_failure(*taken +
                         " is there, and no run of polydot is known to have made it: choose another --out");
  return Unit{};
}

}  // namespace

Result<RunFolder> RunFolder::make(const std::string& wished, int peers, bool force) {
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
  if (Outcome cleared = clear_for(folder.path_, wished, peers, force); !cleared) return cleared.failure();
  if (Outcome marked = RunMarker(peers).write(folder.path_); !marked) return marked.failure();
  return folder;
}

Result<RunFolder> RunFolder::reopen(const std::string& path, node::PeerIdentity of) {
  RunFolder folder;
  folder.path_ = fs::absolute(path).string();
  if (Outcome unused = check_unused(folder.path_, of.peers); !unused) return unused.failure();
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
