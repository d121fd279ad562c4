#include "node/files/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "node/files/data_files.h"
#include "node/text/printable.h"

namespace polydot::node {

namespace {

std::string holder(int fd) {
  char text[24] = {};
  const ssize_t count = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, count > 0 ? std::strcspn(text, "\n") : 0);
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

// False: the file system knows no locks, and nobody can be kept out (NFS without its lock service, some
// parallel file systems).
Result<bool> FolderLock::lock(const std::string& path) const {
  if (fd_ < 0) return file_failure(path, "cannot be opened: {}", std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) return false;
  return usage_failure(std::filesystem::path(path).parent_path().string() + " is in use by " + holder(fd_) +
                       "; stop it or choose another folder");
}

Outcome FolderLock::check_unlocked(const std::string& path) {
  // Over a network a lock may ask for the right to write.
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (lock.fd_ < 0 && errno == ENOENT) return Unit{};
  if (lock.fd_ < 0) lock.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  const auto locked = lock.lock(path);
  return locked ? Outcome(Unit{}) : locked.failure();
}

Result<FolderLock> FolderLock::take(const std::string& path) {
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666));
  const auto locked = lock.lock(path);
  if (!locked) return locked.failure();
  if (!*locked)
    say(std::filesystem::path(path).parent_path().string() +
        ": this file system knows no locks: see to it yourself that no two processes use the folder");
  // For who meets the lock; a disk that is full changes nothing about it.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.fd_, 0) == 0) (void)!::pwrite(lock.fd_, pid.data(), pid.size(), 0);
  return lock;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace polydot::node
