// Large payloads between peers of one host: written once into memory that all of them see, instead of through
// a socket for each (a third of all processor time went there, tools/bench/RESULTS.md). What is sent is a
// SlabRef.
//
// A slab (node/transport/slab_memory.h) is two memfds of its sender: no name, nothing left behind. Readers
// map them by /proc/PID/fd/FD, so the system lets in who may trace the sender: the same user. The slots are
// sealed: nobody but the sender can write there. In the books each reader has a row of its own. A slot is
// written again only when each process that it was given to has let go of it, or has ended; also one that
// another has taken the place of. A slow or frozen one holds a bounded number of slots, and the next one
// fewer: some are left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "node/system/process_watch.h"
#include "protocol/wire/message.h"
#include "protocol/wire/wire.h"

namespace polydot::node {

// For a payload that is smaller a socket is as quick.
inline constexpr std::size_t kLeastSharedBytes = std::size_t{16} << 10;

// As it travels, bit by bit.
struct SlabRef {
  std::uint64_t token = 0;        // of the slab, random
  std::uint64_t fill = 0;         // which of the slot's fillings; they are counted over all slots
  std::uint64_t number = 0;       // counts the references to one reader
  std::uint64_t reader_life = 0;  // whom it is given to: the number that the reader has written into its row
  std::uint64_t first_fill = 0;   // no earlier filling was given to that one
  std::int32_t pid = 0;           // of the sender
  std::int32_t slots_fd = 0;      // of the slab there
  std::int32_t books_fd = 0;
  std::uint32_t slot = 0;
  std::uint32_t bytes = 0;  // 0: an invitation to map the slab
  std::uint32_t reserved = 0;
};
static_assert(std::has_unique_object_representations_v<SlabRef>);

// Whose slab it is.
struct SlabSender {
  protocol::ClusterId cluster{};
  int index = 0;
};

class SlabMemory;

// The sender's side. For one thread.
class SlabWriter {
 public:
  // readers: peers are numbered below it, at most 256. slots: at most 1024. Null where the system has no such
  // memory.
  static std::unique_ptr<SlabWriter> make(const SlabSender& sender, std::size_t slot_bytes, int slots,
                                          int readers);
  ~SlabWriter();

  // Whether it has mapped the slab, and lives. If it has ended, all that it held is free.
  bool is_reading(int reader);
  SlabRef invitation() const;
  // A copy of the payload for `reader`, the same copy for those that are given it one after the other. None:
  // no slot is free, or the reader holds more than its share. Preconditions: is_reading, the payload fits.
  std::optional<SlabRef> share(const protocol::Payload& payload, int reader);
  // It was not sent after all.
  void take_back(const SlabRef& ref, int reader);
  std::size_t slot_bytes() const { return slot_bytes_; }

 private:
  struct Hold {
    int reader = 0;
    std::uint64_t life = 0;
  };
  struct Slot {
    std::uint64_t fill = 0;     // 0: never filled
    std::vector<bool> given{};  // by reader: ever
    std::vector<Hold> holds{};  // as far as we know
  };
  // A process that reads, or did and still holds something.
  struct Tenant {
    int reader = 0;
    std::uint64_t life = 0, first_fill = 0;
    ProcessWatch process;
  };
  SlabWriter(std::unique_ptr<SlabMemory> memory, std::size_t slot_bytes, int slots, int readers);
  // Who has the row now; null: nobody.
  const Tenant* look_who_reads(int reader);
  void free_what_is_let_go_of(std::size_t slot);
  void forget(std::uint64_t life);
  // Of processes that have ended: nobody else would notice it.
  void forget_the_dead();
  bool holds_anything(std::uint64_t life) const;
  // Whether a reader may have one more slot.
  bool may_have_more(int reader);
  std::optional<std::size_t> find_free();
  std::optional<std::size_t> fill_one(const protocol::Payload& payload);

  std::unique_ptr<SlabMemory> memory_;
  std::size_t slot_bytes_;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> numbers_;          // by reader
  std::vector<std::optional<Tenant>> tenants_;  // by reader
  std::vector<Tenant> former_;                  // others have taken their places
  std::uint64_t fills_ = 0;
  protocol::Payload last_{};  // kept, so that nothing else can lie where it does
  std::size_t last_slot_ = 0;
};

// The receiver's side, of one sender. For one thread; payloads may be released on any, and after it is gone.
class SlabReader {
 public:
  SlabReader(const SlabSender& sender, int self) : sender_(sender), self_(self) {}
  SlabReader(SlabReader&&) = default;
  SlabReader& operator=(SlabReader&&) = delete;
  ~SlabReader();  // says that it leaves, and lets go of what it has not read
  // Maps the slab if that is a new one. None: an invitation; or it cannot be read, is no slot of a slab by
  // this sender, is for somebody else, or came before.
  std::optional<protocol::Payload> read(const SlabRef& ref);

 private:
  bool map(const SlabRef& ref);
  void claim_row();
  void leave();
  void let_go_of_what_was_lost(const SlabRef& ref);

  SlabSender sender_;
  int self_;
  std::uint64_t life_ = 0;  // random, once there is something to read
  std::uint64_t last_number_ = 0;
  std::shared_ptr<SlabMemory> memory_;
};

}  // namespace polydot::node
