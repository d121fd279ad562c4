// One process for each folder: a lock on a file in it, which holds the process's id for tools that stop
// peers.
#pragma once

#include <string>
#include <utility>

#include "codes/base/result.h"

namespace polydot::node {

class FolderLock {
 public:
  // path: of the lock file, made if need be. Held until this goes, or the process ends, however it does.
  // Where the file system knows no locks, a line says so, and nobody is kept out. Failure: kUsage, another
  // process holds it, named; kData, there can be no such file.
  static Result<FolderLock> take(const std::string& path);
  // Whether nobody holds it; changes nothing. Failure: as of take.
  static Outcome check_unlocked(const std::string& path);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  Result<bool> lock(const std::string& path) const;
  int fd_;
};

}  // namespace polydot::node
