// The folder of a run as the launcher handles it: made, or taken up again.
#pragma once

#include <string>
#include <utility>

#include "codes/result.h"
#include "node/peer_identity.h"

namespace polydot::tools {

class RunFolder {
 public:
  // wished: empty: a temporary folder that goes with this. Else it is marked (run_marker.h), and holds no
  // other run; force: an earlier run that is marked there is removed, and nothing else. Failure: kData;
  // kUsage, there is a run, or a file of somebody else where this run needs the name, or a peer still runs
  // there.
  static Result<RunFolder> make(const std::string& wished, int peers, bool force);
  // Of a run that did not end: what its peers keep stays. of: its run, plan and number of peers. Failure:
  // kUsage, a peer still runs there, or keeps what is of another plan.
  static Result<RunFolder> reopen(const std::string& path, node::PeerIdentity of);
  RunFolder(RunFolder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  ~RunFolder();

  const std::string& path() const { return path_; }  // absolute
  void keep() { temporary_ = false; }

 private:
  RunFolder() = default;
  std::string path_;
  bool temporary_ = false;
};

// Whether some peer has trained to the end there.
bool has_finished(const std::string& run, int peers);
// The last line a peer wrote into its log, without the program's name.
std::string last_words(const std::string& run, int peer);

}  // namespace polydot::tools
