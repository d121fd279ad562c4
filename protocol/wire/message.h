// The messages that peers exchange. The grammar has no kind that carries a decoded value: what a peer
// decodes, it decodes for itself. PROTOCOL.md has the wire format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/decode/round_request.h"

namespace polydot::protocol {

// Reference-counted immutable bytes. The owner may be released on any thread. A received payload starts at a
// multiple of 4 and no more (8 mod 16 with libzmq): map it unaligned.
class Payload {
 public:
  Payload() = default;
  Payload(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}
  // Entries [first, first + count) of `values`, sharing its storage: not to be written to any more.
  static Payload of_floats(std::shared_ptr<const std::vector<float>> values, std::size_t first,
                           std::size_t count);
  // A copy; a hello's text has no control characters but newline and tab.
  static Payload of_text(const std::string& text);

  std::span<const std::byte> bytes() const { return bytes_; }
  std::size_t size_bytes() const { return bytes_.size(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  std::string text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

enum class MessageKind : std::uint8_t {
  kHello = 1,  // how the sender is: `code` its mode, where it stands; set: whom it heard; payload: what
               // must be shared, "key = value" lines
  kContribution = 2,   // one slice (a run of columns) of a contribution; payload: float32, column-major
  kRequest = 3,        // please send (again) your contribution to `key`
  kGoodbye = 4,        // I have finished (or leave) after `key.step` steps, with exit code `code`
  kAbstain = 5,        // my shard is lost or being rebuilt: expect nothing from me for `key`
  kRepairRequest = 6,  // send me lines of your shard as of boundary `key.step`; payload: u32 each, none: all
  kPiece = 7,          // those lines: one slice, as a contribution's; `code` and key are the request's
  kBallot = 8,         // which checkpoint to return to (ballot.h); code: which of its messages
  kNoPiece = 9,        // those lines cannot be had from me as of that boundary; `code` and key as in a piece
};

// Of a repair request and its pieces: which states are asked for (code), and of which shard (key.slot).
inline constexpr std::uint32_t kWeightsState = 1, kMomentumState = 2;
inline constexpr std::uint32_t kShardsPerLayer = 16;

// How much a peer has of what it takes to contribute. The code of a hello.
enum class PeerMode : std::uint32_t {
  kNew = 1,    // joining, with no memory: its first life, or its disk was lost
  kRestored,   // back with its disk; knows what it promised, not yet where the others are
  kFollowing,  // decodes every round and contributes to none that needs a shard it lacks
  kActive,
};
inline constexpr std::uint32_t kPeerModes = 4;
inline const char* name_of(PeerMode mode) {
  constexpr const char* kNames[] = {"new", "restored", "following", "active"};
  return kNames[static_cast<std::uint32_t>(mode) - 1];
}

inline constexpr int kEverybody = -1;  // a receiver: all but the sender

// A field that a kind does not use is zero: hello and goodbye name no round (hello: epoch and step, goodbye:
// the step alone), a request and an abstention have nothing but their key.
struct Message {
  MessageKind kind = MessageKind::kHello;
  codes::RoundKey key{};
  // Contribution: the slice covers columns [first_col, first_col + cols) of rows x total_cols entries.
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
  std::uint32_t first_col = 0;
  std::uint32_t total_cols = 0;
  // Contribution: the set that its operand was decoded from. Hello: the peers heard so far.
  codes::PeerSet set{};
  std::uint32_t code = 0;  // hello: PeerMode; goodbye: exit code; repairs: states; ballot: which
  Payload payload{};
  // Which process run of the sending peer this is: a random number, drawn when it starts.
  std::uint64_t incarnation = 0;
  // Contribution, as received, if nobody has read its payload yet (first_reading.h): the checksum that it
  // must turn out to have.
  std::optional<std::uint64_t> unread{};
};

}  // namespace polydot::protocol
