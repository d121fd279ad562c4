// The memory of a slab (node/transport/shared_slab.h): two memfds of the sender, neither with a name.
//
//   slots   the head, which filling each slot has, and the slots: sealed, so that no process but the sender,
//           and it only by the mapping that it has, can ever write to it, and nobody can cut it off
//   books   the token, then a row for each reader, of whole pages: who reads, and the last filling of each
//           slot that it has let go of. A reader maps its own row and no other
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "node/system/owned_fd.h"

namespace polydot::node {

using SlabCounter = std::atomic<std::uint64_t>;
static_assert(SlabCounter::is_always_lock_free);

// As it lies in front of the slots.
struct SlabHead {
  std::uint64_t token = 0;                  // random
  std::uint64_t cluster[2] = {};            // of the sender
  std::uint64_t sender = 0;                 // its index
  std::uint64_t slots = 0, slot_bytes = 0;  // slot_bytes: whole pages
  std::uint64_t readers = 0;                // rows of the books
};

// Where the two lie: of the process `pid`.
struct SlabPlace {
  pid_t pid = 0;
  int slots_fd = -1, books_fd = -1;
};

class SlabMemory {
 public:
  static constexpr std::uint64_t kMostSlots = 1024, kMostReaders = 256;
  static constexpr std::size_t kPage = 4096;
  static constexpr std::uint64_t kMostSlotBytes = std::uint64_t{1} << 30;

  // The sender's: all rows, and slots that it can write to. Null: the system has no such memory, or no more.
  static std::unique_ptr<SlabMemory> make(const SlabHead& head);
  // A reader's: its own row, and slots that can be read. Null: there is no slab with this token by this
  // sender of this user, or none that is sealed, of a size that fits, and with a row for `self`.
  static std::shared_ptr<SlabMemory> map(const SlabPlace& place, const SlabHead& expected, int self);
  SlabMemory(const SlabMemory&) = delete;
  SlabMemory& operator=(const SlabMemory&) = delete;
  ~SlabMemory();

  const SlabHead& head() const { return head_; }
  SlabPlace place() const { return {pid_, slots_fd_.get(), books_fd_.get()}; }
  pid_t mapped_by() const { return pid_; }
  SlabCounter& fill(std::size_t slot);
  std::byte* slot(std::size_t slot) { return slots_ + front_bytes(head_) + slot * head_.slot_bytes; }
  // Makes sure that so many bytes of a slot can be written to. False: the system has no memory left.
  bool reserve(std::size_t slot, std::size_t bytes);
  // A row; a reader has but its own, whatever is asked for.
  SlabCounter& pid(std::size_t reader) { return row(reader)[0]; }
  SlabCounter& life(std::size_t reader) { return row(reader)[1]; }
  SlabCounter& released(std::size_t slot, std::size_t reader) { return row(reader)[2 + slot]; }

  std::vector<SlabCounter> held;  // a reader's: the filling of each slot that it has in use

 private:
  explicit SlabMemory(const SlabHead& head);
  static std::size_t front_bytes(const SlabHead& head);
  static std::size_t slots_bytes(const SlabHead& head) {
    return front_bytes(head) + head.slots * head.slot_bytes;
  }
  static std::size_t row_bytes(const SlabHead& head);
  static std::size_t books_bytes(const SlabHead& head);
  bool map_slots(int fd, int protection);
  bool map_books(int fd, std::size_t from, std::size_t bytes);
  SlabCounter* row(std::size_t reader);

  SlabHead head_;
  pid_t pid_;                            // asked for once: it is a call of the system
  OwnedFd slots_fd_{-1}, books_fd_{-1};  // the sender's
  std::byte* slots_ = nullptr;
  std::byte* books_ = nullptr;  // what is mapped of them
  std::size_t mapped_books_ = 0;
  bool is_reader_ = false;
  std::vector<std::size_t> reserved_;  // by slot: bytes
};

}  // namespace polydot::node
