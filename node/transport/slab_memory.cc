#include "node/transport/slab_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace polydot::node {

namespace {

constexpr std::size_t kPage = SlabMemory::kPage;
// Who maps it cannot lose it under its feet.
constexpr int kBooksSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int kFutureWrite = 0x0010;  // F_SEAL_FUTURE_WRITE, which older headers of the C library lack
constexpr int kSlotsSeals = kBooksSeals | kFutureWrite;

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

OwnedFd make_memory(std::size_t bytes) {
  OwnedFd fd(::memfd_create("polydot", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd.is_open() && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return OwnedFd(-1);
  return fd;
}

bool seal(const OwnedFd& fd, int seals) { return ::fcntl(fd.get(), F_ADD_SEALS, seals) == 0; }

// Sealed memory of this user in another process. What is no such memory is not even opened: that alone may
// block, or do something.
OwnedFd open_memory(pid_t pid, int number, int flags, int seals) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode) || file.st_uid != ::geteuid())
    return OwnedFd(-1);
  OwnedFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open() || ::fstat(fd.get(), &file) != 0 || file.st_uid != ::geteuid()) return OwnedFd(-1);
  const int has = ::fcntl(fd.get(), F_GET_SEALS);
  if (has < 0 || (has & seals) != seals) return OwnedFd(-1);
  return fd;
}

bool has_size(const OwnedFd& fd, std::size_t bytes) {
  struct stat file {};
  return ::fstat(fd.get(), &file) == 0 && static_cast<std::uint64_t>(file.st_size) == bytes;
}

bool is_in_range(const SlabHead& head, int self) {
  return head.slots >= 1 && head.slots <= SlabMemory::kMostSlots && head.slot_bytes >= 1 &&
         head.slot_bytes <= SlabMemory::kMostSlotBytes && head.slot_bytes % kPage == 0 &&
         head.readers <= SlabMemory::kMostReaders && self >= 0 &&
         static_cast<std::uint64_t>(self) < head.readers;
}

bool is_by(const SlabHead& head, const SlabHead& expected) {
  return head.token == expected.token && head.cluster[0] == expected.cluster[0] &&
         head.cluster[1] == expected.cluster[1] && head.sender == expected.sender;
}

}  // namespace

SlabMemory::SlabMemory(const SlabHead& head)
    : held(head.slots), head_(head), pid_(::getpid()), reserved_(head.slots) {}

SlabMemory::~SlabMemory() {
  if (slots_ != nullptr) ::munmap(slots_, slots_bytes(head_));
  if (books_ != nullptr) ::munmap(books_, mapped_books_);
}

std::size_t SlabMemory::front_bytes(const SlabHead& head) {
  return whole_pages(sizeof(SlabHead) + head.slots * sizeof(SlabCounter));
}

std::size_t SlabMemory::row_bytes(const SlabHead& head) {
  return whole_pages((2 + head.slots) * sizeof(SlabCounter));
}

std::size_t SlabMemory::books_bytes(const SlabHead& head) { return kPage + head.readers * row_bytes(head); }

bool SlabMemory::map_slots(int fd, int protection) {
  void* const at = ::mmap(nullptr, slots_bytes(head_), protection, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return false;
  slots_ = static_cast<std::byte*>(at);
  return true;
}

bool SlabMemory::map_books(int fd, std::size_t from, std::size_t bytes) {
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(from));
  if (at == MAP_FAILED) return false;
  books_ = static_cast<std::byte*>(at);
  mapped_books_ = bytes;
  return true;
}

SlabCounter& SlabMemory::fill(std::size_t slot) {
  return reinterpret_cast<SlabCounter*>(slots_ + sizeof(SlabHead))[slot];
}

SlabCounter* SlabMemory::row(std::size_t reader) {
  return reinterpret_cast<SlabCounter*>(books_ + (is_reader_ ? 0 : kPage + reader * row_bytes(head_)));
}

bool SlabMemory::reserve(std::size_t slot, std::size_t bytes) {
  std::size_t& so_far = reserved_[slot];
  if (bytes <= so_far) return true;
  const std::size_t from = front_bytes(head_) + slot * head_.slot_bytes;
  int done = -1;
  do done = ::fallocate(slots_fd_.get(), 0, static_cast<off_t>(from), static_cast<off_t>(whole_pages(bytes)));
  while (done != 0 && errno == EINTR);
  if (done != 0) return false;  // and not a signal when it is written to
  so_far = whole_pages(bytes);
  return true;
}

std::unique_ptr<SlabMemory> SlabMemory::make(const SlabHead& head) {
  std::unique_ptr<SlabMemory> memory(new SlabMemory(head));
  memory->slots_fd_ = make_memory(slots_bytes(head));
  memory->books_fd_ = make_memory(books_bytes(head));
  const int slots = memory->slots_fd_.get(), books = memory->books_fd_.get();
  const bool written = slots >= 0 && books >= 0 && ::pwrite(slots, &head, sizeof head, 0) == sizeof head &&
                       ::pwrite(books, &head.token, sizeof head.token, 0) == sizeof head.token;
  // The mapping that writes comes before the seal that allows no other.
  const bool mapped = written && memory->map_slots(slots, PROT_READ | PROT_WRITE) &&
                      memory->map_books(books, 0, books_bytes(head));
  if (!mapped || !seal(memory->slots_fd_, kSlotsSeals) || !seal(memory->books_fd_, kBooksSeals))
    return nullptr;
  return memory;
}

std::shared_ptr<SlabMemory> SlabMemory::map(const SlabPlace& place, const SlabHead& expected, int self) {
  const OwnedFd slots = open_memory(place.pid, place.slots_fd, O_RDONLY, kSlotsSeals);
  SlabHead head;
  if (!slots.is_open() || ::pread(slots.get(), &head, sizeof head, 0) != sizeof head ||
      !is_by(head, expected) || !is_in_range(head, self) || !has_size(slots, slots_bytes(head)))
    return nullptr;
  const OwnedFd books = open_memory(place.pid, place.books_fd, O_RDWR, kBooksSeals);
  std::uint64_t token = 0;
  if (!books.is_open() || ::pread(books.get(), &token, sizeof token, 0) != sizeof token ||
      token != head.token || !has_size(books, books_bytes(head)))
    return nullptr;
  std::shared_ptr<SlabMemory> memory(new SlabMemory(head));
  memory->is_reader_ = true;
  const std::size_t own = kPage + static_cast<std::size_t>(self) * row_bytes(head);
  if (!memory->map_slots(slots.get(), PROT_READ) || !memory->map_books(books.get(), own, row_bytes(head)))
    return nullptr;
  return memory;
}

}  // namespace polydot::node
