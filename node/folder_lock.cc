#include "node/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "node/data_files.h"

namespace polydot::node {

namespace {

std::string holder(int fd) {
  char text[24] = {};
  const ssize_t count = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, count > 0 ? std::strcspn(text, "\n") : 0);
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Outcome FolderLock::lock(const std::string& path) const {
  if (fd_ < 0) return file_failure(path, "cannot be locked: {}", std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return Unit{};
  if (errno != EWOULDBLOCK) return file_failure(path, "cannot be locked: {}", std::strerror(errno));
  return usage_failure(std::filesystem::path(path).parent_path().string() + " is in use by " + holder(fd_) +
                       "; stop it or choose another folder");
}

Outcome FolderLock::check_unlocked(const std::string& path) {
  const FolderLock lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (lock.fd_ < 0 && errno == ENOENT) return Unit{};
  return lock.lock(path);
}

Result<FolderLock> FolderLock::take(const std::string& path) {
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666));
  if (Outcome locked = lock.lock(path); !locked) return locked.failure();
  const std::string pid = std::to_string(::getpid()) + "\n";
  const bool said = ::ftruncate(lock.fd_, 0) == 0 &&
                    ::pwrite(lock.fd_, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  if (!said) return file_failure(path, "cannot be written: {}", std::strerror(errno));
  return lock;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace polydot::node
