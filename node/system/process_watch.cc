#include "node/system/process_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace polydot::node {

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), handle_(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1) {}

bool ProcessWatch::has_ended() const {
  if (pid_ <= 0) return true;
  if (!handle_.is_open()) return ::kill(pid_, 0) != 0 && errno == ESRCH;
  pollfd ended{handle_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

}  // namespace polydot::node
