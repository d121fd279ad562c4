#include "node/shared_slab.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "codes/check.h"
#include "node/owned_fd.h"

namespace polydot::node {

namespace {

constexpr std::size_t kPage = 4096;
// Who maps it cannot lose it under its feet.
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

struct SlabHead {
  std::uint64_t token = 0, slots = 0, slot_bytes = 0, readers = 0;
};

}  // namespace

// The books: the head, then which filling each slot has, the process id of each reader, and for each slot and
// reader the last filling that it has let go of.
class SlabMemory {
 public:
  SlabMemory(int fd, const SlabHead& head, void* books, void* slots)
      : held(head.slots), fd_(fd), head_(head), books_(static_cast<std::byte*>(books)), slots_(slots) {}
  SlabMemory(const SlabMemory&) = delete;
  SlabMemory& operator=(const SlabMemory&) = delete;
  ~SlabMemory() {
    ::munmap(books_, books_bytes(head_));
    ::munmap(slots_, head_.slots * head_.slot_bytes);
    if (fd_ >= 0) ::close(fd_);
  }

  static std::size_t books_bytes(const SlabHead& head) {
    return whole_pages(sizeof(SlabHead) +
                       (head.slots + head.readers + head.slots * head.readers) * sizeof(Counter));
  }
  static std::size_t bytes(const SlabHead& head) { return books_bytes(head) + head.slots * head.slot_bytes; }
  // Null: it cannot be mapped. Closes fd, or keeps it if `owner`.
  static std::unique_ptr<SlabMemory> map(OwnedFd fd, const SlabHead& head, bool owner) {
    const std::size_t books_size = books_bytes(head);
    void* books = ::mmap(nullptr, books_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (books == MAP_FAILED) return nullptr;
    void* slots = ::mmap(nullptr, head.slots * head.slot_bytes, owner ? PROT_READ | PROT_WRITE : PROT_READ,
                         MAP_SHARED, fd.get(), static_cast<off_t>(books_size));
    if (slots == MAP_FAILED) {
      ::munmap(books, books_size);
      return nullptr;
    }
    return std::make_unique<SlabMemory>(owner ? fd.release() : -1, head, books, slots);
  }

  const SlabHead& head() const { return head_; }
  int fd() const { return fd_; }
  pid_t mapped_by() const { return pid_; }
  Counter& fill(std::size_t slot) { return counter(slot); }
  Counter& pid(std::size_t reader) { return counter(head_.slots + reader); }
  Counter& released(std::size_t slot, std::size_t reader) {
    return counter(head_.slots + head_.readers + slot * head_.readers + reader);
  }
  std::byte* slot(std::size_t slot) { return static_cast<std::byte*>(slots_) + slot * head_.slot_bytes; }

  std::vector<Counter> held;  // a reader's: the filling of each slot that it has in use

 private:
  Counter& counter(std::size_t at) { return reinterpret_cast<Counter*>(books_ + sizeof(SlabHead))[at]; }

  int fd_;
  pid_t pid_ = ::getpid();  // asked for once: it is a call of the system
  SlabHead head_;
  std::byte* books_;
  void* slots_;
};

std::unique_ptr<SlabWriter> SlabWriter::make(std::size_t slot_bytes, int slots, int readers) {
  SlabHead head;
  head.slots = static_cast<std::uint64_t>(slots);
  head.readers = static_cast<std::uint64_t>(readers);
  head.slot_bytes = whole_pages(slot_bytes);
  if (::getrandom(&head.token, sizeof head.token, 0) != sizeof head.token) return nullptr;
  OwnedFd fd(::memfd_create("polydot", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.is_open() || ::ftruncate(fd.get(), static_cast<off_t>(SlabMemory::bytes(head))) != 0 ||
      ::pwrite(fd.get(), &head, sizeof head, 0) != sizeof head || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0)
    return nullptr;
  auto memory = SlabMemory::map(std::move(fd), head, true);
  if (!memory) return nullptr;
  return std::unique_ptr<SlabWriter>(new SlabWriter(std::move(memory), slot_bytes, slots, readers));
}

SlabWriter::SlabWriter(std::unique_ptr<SlabMemory> memory, std::size_t slot_bytes, int slots, int readers)
    : memory_(std::move(memory)),
      slot_bytes_(slot_bytes),
      slots_(static_cast<std::size_t>(slots), Slot{0, std::vector<bool>(static_cast<std::size_t>(readers)),
                                                   std::vector<bool>(static_cast<std::size_t>(readers))}),
      numbers_(static_cast<std::size_t>(readers)),
      pids_(static_cast<std::size_t>(readers)) {}

SlabWriter::~SlabWriter() = default;

bool SlabWriter::is_reading(int reader) {
  Counter& pid = memory_->pid(static_cast<std::size_t>(reader));
  // The next one in its place is invited. What it was given before it says who it is would be lost.
  if (pid != 0 && ::kill(static_cast<pid_t>(pid.load()), 0) != 0 && errno == ESRCH) pid = 0;
  return pid != 0;
}

SlabRef SlabWriter::invitation() const {
  SlabRef ref;
  ref.token = memory_->head().token;
  ref.pid = memory_->mapped_by();
  ref.fd = memory_->fd();
  return ref;
}

// Its counters lie in caches of other cores: they are not looked at again.
bool SlabWriter::holds(std::size_t slot, int reader) {
  const auto r = static_cast<std::size_t>(reader);
  Slot& one = slots_[slot];
  if (one.held_by[r] && memory_->released(slot, r).load(std::memory_order_acquire) == one.fill)
    one.held_by[r] = false;
  return one.held_by[r];
}

bool SlabWriter::is_free(std::size_t slot) {
  for (int r = 0; r < static_cast<int>(numbers_.size()); ++r)
    if (holds(slot, r)) return false;
  return true;
}

void SlabWriter::look_who_reads(std::size_t reader) {
  const std::uint64_t pid = memory_->pid(reader);
  if (std::exchange(pids_[reader], pid) == pid) return;
  for (Slot& slot : slots_) slot.held_by[reader] = false;
}

bool SlabWriter::may_have_more(int reader) {
  std::size_t held = 0;
  for (std::size_t s = 0; s < slots_.size(); ++s) held += holds(s, reader);
  return held < slots_.size() / 2;
}

std::optional<std::size_t> SlabWriter::fill_one(const protocol::Payload& payload) {
  last_ = {};
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    if (!is_free(s)) continue;
    slots_[s].fill = ++fills_;
    slots_[s].given.assign(numbers_.size(), false);
    memory_->fill(s).store(fills_, std::memory_order_release);
    std::memcpy(memory_->slot(s), payload.bytes().data(), payload.size_bytes());
    last_ = payload;
    last_slot_ = s;
    return s;
  }
  return std::nullopt;
}

std::optional<SlabRef> SlabWriter::share(const protocol::Payload& payload, int reader) {
  POLYDOT_CHECK_LE(payload.size_bytes(), slot_bytes_);
  const auto r = static_cast<std::size_t>(reader);
  look_who_reads(r);
  if (!may_have_more(reader)) return std::nullopt;
  const bool again = last_.owner() != nullptr && last_.bytes().data() == payload.bytes().data() &&
                     last_.size_bytes() == payload.size_bytes() && !slots_[last_slot_].given[r];
  const std::optional<std::size_t> slot = again ? last_slot_ : fill_one(payload);
  if (!slot) return std::nullopt;
  slots_[*slot].given[r] = slots_[*slot].held_by[r] = true;
  SlabRef ref = invitation();
  ref.slot = static_cast<std::uint32_t>(*slot);
  ref.bytes = static_cast<std::uint32_t>(payload.size_bytes());
  ref.fill = slots_[*slot].fill;
  ref.number = ++numbers_[r];
  ref.reader_pid = static_cast<std::int32_t>(pids_[r]);
  return ref;
}

void SlabWriter::take_back(const SlabRef& ref, int reader) {
  slots_[ref.slot].held_by[static_cast<std::size_t>(reader)] = false;
}

bool SlabReader::map(const SlabRef& ref) {
  const std::string path = "/proc/" + std::to_string(ref.pid) + "/fd/" + std::to_string(ref.fd);
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return false;
  OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  SlabHead head;
  // What is not sealed is no slab, and could be cut off while it is read.
  if (!fd.is_open() || ::fcntl(fd.get(), F_GET_SEALS) != kSeals || ::fstat(fd.get(), &file) != 0 ||
      ::pread(fd.get(), &head, sizeof head, 0) != sizeof head || head.token != ref.token)
    return false;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;  // so that products do not overflow
  if (head.slots >= kMost || head.slot_bytes >= kMost || head.readers >= kMost / (head.slots + 1) ||
      static_cast<std::size_t>(file.st_size) != SlabMemory::bytes(head) ||
      head.readers <= static_cast<std::uint64_t>(self_))
    return false;
  std::shared_ptr<SlabMemory> memory = SlabMemory::map(std::move(fd), head, false);
  if (!memory) return false;
  memory_ = std::move(memory);
  last_number_ = 0;
  return true;
}

std::optional<protocol::Payload> SlabReader::read(const SlabRef& ref) {
  if ((!memory_ || memory_->head().token != ref.token) && !map(ref)) return std::nullopt;
  const auto self = static_cast<std::size_t>(self_);
  // Says so to a sender that took us for dead, or for the one before us: what was given to that one is lost.
  const pid_t pid = memory_->mapped_by();
  if (memory_->pid(self) != static_cast<std::uint64_t>(pid))
    memory_->pid(self) = static_cast<std::uint64_t>(pid);
  const SlabHead& head = memory_->head();
  if (ref.bytes == 0 || ref.reader_pid != pid || ref.slot >= head.slots || ref.bytes > head.slot_bytes)
    return std::nullopt;
  // References come in the order in which they were sent: one that is missing does not come any more.
  if (ref.number != last_number_ + 1)
    for (std::size_t s = 0; s < head.slots; ++s) {
      const std::uint64_t fill = memory_->fill(s).load(std::memory_order_acquire);
      if (fill < ref.fill && memory_->held[s] != fill)
        memory_->released(s, self).store(fill, std::memory_order_release);
    }
  last_number_ = ref.number;
  const std::size_t slot = ref.slot;
  if (memory_->fill(slot).load(std::memory_order_acquire) != ref.fill) return std::nullopt;
  memory_->held[slot] = ref.fill;
  const std::byte* first = memory_->slot(slot);
  // Lets go of the slot, then of the mapping.
  std::shared_ptr<const void> lease(first, [memory = memory_, slot, self, fill = ref.fill](const void*) {
    memory->held[slot] = 0;
    memory->released(slot, self).store(fill, std::memory_order_release);
  });
  return protocol::Payload(std::move(lease), {first, ref.bytes});
}

}  // namespace polydot::node
