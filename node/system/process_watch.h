// Whether another process still runs, also when a later one has got its number.
#pragma once

#include <sys/types.h>

#include "node/system/owned_fd.h"

namespace polydot::node {

class ProcessWatch {
 public:
  // Of the process that has this number now; a number that no process has: it has ended.
  explicit ProcessWatch(pid_t pid);
  // A call of the system. Also true of a process that has ended and that nobody has waited for.
  bool has_ended() const;

 private:
  pid_t pid_;
  OwnedFd handle_;  // none where the system has no such handles, or no more of them: then its number counts
};

}  // namespace polydot::node
