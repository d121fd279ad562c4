// What polydot made in the folder of a run, by name: `polydot-run.json`, written before anything else. Only
// that is ever replaced; whatever else is there is the user's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"

namespace polydot::tools {

class RunMarker {
 public:
  // Of a run with so many peers: what node/files/run_layout.h lists. temporary: it ends with its launcher.
  explicit RunMarker(int peers, bool temporary = false);
  // None: no run of polydot was made there. Failure: kUsage, it is there and cannot be understood.
  static Result<std::optional<RunMarker>> read(const std::string& run);

  const std::vector<std::string>& made() const { return made_; }
  bool is_temporary() const { return temporary_; }
  // Whole or not at all. Failure: kData.
  Outcome write(const std::string& run) const;
  // Removes what it lists, and itself. In the folders of peers only files that peers write: what somebody
  // else put there stays, and so does its folder. Failure: kData, something cannot be removed.
  Outcome remove_all(const std::string& run) const;
  // The first thing that stands where this list's run would make one, as a path; not what `earlier`, which is
  // about to be removed, lists, unless that is no longer what polydot made: a link, say.
  std::optional<std::string> find_taken(const std::string& run, const RunMarker* earlier) const;
  // A peer got so far that something would be lost.
  bool has_begun(const std::string& run) const;
  // Of the listed peers.
  std::vector<std::string> peer_folders(const std::string& run) const;

 private:
  RunMarker() = default;
  std::vector<std::string> made_;  // names in the folder of the run
  bool temporary_ = false;
};

}  // namespace polydot::tools
