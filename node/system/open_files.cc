#include "node/system/open_files.h"

#include <sys/resource.h>

#include <algorithm>

#include <fmt/format.h>

namespace polydot::node {

namespace {

// Records, checkpoint, ZeroMQ's own, shared memory of its own; and some in hand.
constexpr int kOfAnyPeer = 28, kOfAnyLauncher = 28;
// A socket to each other peer with what ZeroMQ wakes it by, one from it (two, while it connects anew), the
// memory that it shares.
constexpr int kForEachPeer = 6;
// Its listening socket; a socket and what ZeroMQ wakes it by, to ask whether it has begun.
constexpr int kForEachChild = 5;

}  // namespace

int open_files_of_peer(int peers) { return kOfAnyPeer + kForEachPeer * peers; }
int open_files_of_launcher(int peers) { return kOfAnyLauncher + kForEachChild * peers; }

Outcome provide_open_files(int needed) {
  rlimit limit{};
  const auto wanted = static_cast<rlim_t>(needed);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return Unit{};
  if (limit.rlim_max >= wanted) {
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return Unit{};
  }
  return usage_failure(
      fmt::format("a process of this run needs {} open files, and {} are allowed: raise the limit "
                  "(ulimit -n {}), or take fewer peers",
                  needed, std::min(limit.rlim_cur, limit.rlim_max), needed));
}

}  // namespace polydot::node
