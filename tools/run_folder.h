// The folder of a run as the launcher handles it: made, or taken up again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "codes/base/result.h"
#include "node/files/peer_identity.h"

namespace polydot::tools {

// What happens to a run that is marked in the folder of a new one.
enum class Earlier {
  kRefused,
  kRefusedOnceBegun,  // replaced if it ended before any peer began
  kReplaced,
};

class RunFolder {
 public:
  // wished: empty: a new folder among the temporary files, removed with this unless it is `kept`; those that
  // launchers left there which were killed are removed. Else it is marked (run_marker.h), and holds no other
  // run. Of an earlier run that is marked there what the mark lists is removed, and nothing else.
  // Failure: kData; kUsage, there is a run, or a file of somebody else where this run needs the name, or a
  // peer still runs there, or another launcher is at work there.
  static Result<RunFolder> make(const std::string& wished, int peers, Earlier earlier, bool kept = false);
  // Of a run that did not end: what its peers keep stays. of: its run, plan and number of peers. Failure:
  // kUsage, a peer still runs there, or keeps what is of another plan.
  static Result<RunFolder> reopen(const std::string& path, node::PeerIdentity of);
  RunFolder(RunFolder&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, false)),
        lock_(std::exchange(other.lock_, -1)) {}
  ~RunFolder();

  const std::string& path() const { return path_; }  // absolute
  // Somebody removed it, or put another one in its place.
  bool is_gone() const;

 private:
  RunFolder() = default;
  Outcome lock();
  std::string path_;
  bool temporary_ = false;
  int lock_ = -1;  // of the folder, for one launcher at a time
};

// Whether some peer has trained to the end there.
bool has_finished(const std::string& run, int peers);
// The last line a peer wrote into its log, without the program's name; from: bytes of earlier processes.
std::string last_words(const std::string& run, int peer, std::uintmax_t from);

}  // namespace polydot::tools
