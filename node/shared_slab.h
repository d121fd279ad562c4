// Large payloads between peers of one host: written once into memory that all of them see, instead of through
// a socket for each (a third of all processor time went there, tools/bench/RESULTS.md). What is sent is a
// SlabRef.
//
// A slab is a sealed memfd of its sender: no name, nothing left behind. Readers map it by /proc/PID/fd/FD, so
// the system lets in who may trace the sender: the same user. In front lie the books (counters that all can
// write to), behind them slots of equal size, read-only for readers. A slot is written again only when each
// process that it was given to has let go of it, or is gone. A slow one holds a bounded number of slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "protocol/message.h"

namespace polydot::node {

// For a payload that is smaller a socket is as quick.
inline constexpr std::size_t kLeastSharedBytes = std::size_t{16} << 10;

// As it travels, bit by bit.
struct SlabRef {
  std::uint64_t token = 0;      // of the slab, random
  std::uint64_t fill = 0;       // which of the slot's fillings; they are counted over all slots
  std::uint64_t number = 0;     // counts the references to one reader
  std::int32_t pid = 0;         // of the sender
  std::int32_t fd = 0;          // of the slab there
  std::int32_t reader_pid = 0;  // the process that it is given to
  std::uint32_t slot = 0;
  std::uint32_t bytes = 0;  // 0: an invitation to map the slab
  std::uint32_t reserved = 0;
};
static_assert(std::has_unique_object_representations_v<SlabRef>);

class SlabMemory;  // mapped memory, shared_slab.cc

// The sender's side. For one thread.
class SlabWriter {
 public:
  // readers: peers are numbered below it. Null where the system has no such memory.
  static std::unique_ptr<SlabWriter> make(std::size_t slot_bytes, int slots, int readers);
  ~SlabWriter();

  // Whether it has mapped the slab, and lives.
  bool is_reading(int reader);
  SlabRef invitation() const;
  // A copy of the payload for `reader`, the same copy for those that are given it one after the other. None:
  // no slot is free, or the reader holds more than its share. Preconditions: is_reading, the payload fits.
  std::optional<SlabRef> share(const protocol::Payload& payload, int reader);
  // It was not sent after all.
  void take_back(const SlabRef& ref, int reader);
  std::size_t slot_bytes() const { return slot_bytes_; }

 private:
  struct Slot {
    std::uint64_t fill = 0;                // 0: never filled
    std::vector<bool> given{}, held_by{};  // by reader: ever, and as far as we know still
  };
  SlabWriter(std::unique_ptr<SlabMemory> memory, std::size_t slot_bytes, int slots, int readers);
  bool holds(std::size_t slot, int reader);
  bool is_free(std::size_t slot);
  // Another process may have taken the place of the last one: what that one held is free.
  void look_who_reads(std::size_t reader);
  // Whether a reader may have one more slot.
  bool may_have_more(int reader);
  std::optional<std::size_t> fill_one(const protocol::Payload& payload);

  std::unique_ptr<SlabMemory> memory_;
  std::size_t slot_bytes_;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> numbers_, pids_;  // by reader
  std::uint64_t fills_ = 0;
  protocol::Payload last_{};  // kept, so that nothing else can lie where it does
  std::size_t last_slot_ = 0;
};

// The receiver's side, of one sender. For one thread; payloads may be released on any, and after it is gone.
class SlabReader {
 public:
  explicit SlabReader(int self) : self_(self) {}
  // Maps the slab if that is a new one. None: an invitation, or it cannot be read or is no slot of it.
  std::optional<protocol::Payload> read(const SlabRef& ref);

 private:
  bool map(const SlabRef& ref);

  int self_;
  std::uint64_t last_number_ = 0;
  std::shared_ptr<SlabMemory> memory_;
};

}  // namespace polydot::node
