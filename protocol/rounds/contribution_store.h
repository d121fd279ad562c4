// Contributions as they arrive: slice by slice, possibly for rounds that are still to come. Each peer has a
// quota in bytes of its own, so that nobody takes the room of others. What does not fit takes the place of
// later rounds of the same peer; if there are none it is dropped and counted. Its sender can be asked again.
#pragma once

#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/decode/round_request.h"
#include "codes/decode/syndrome.h"
#include "protocol/wire/message.h"

namespace polydot::protocol {

class ContributionStore {
 public:
  // quota_bytes: of each peer, books included (kRowBytes a contribution).
  ContributionStore(int peers, std::size_t quota_bytes)
      : peers_(peers), quota_bytes_(quota_bytes), bytes_(static_cast<std::size_t>(peers)) {}

  // A slice whose payload nobody has read yet.
  struct Unread {
    int peer = 0;
    codes::Index first_col = 0, cols = 0;
    std::uint64_t checksum = 0;  // what it must turn out to have
    Payload payload;
  };

  // Stores one slice. False: dropped (no room, or it contradicts the slices it belongs to).
  // Precondition: the codec has accepted the message.
  bool add(int from, const Message& message);

  // Peers whose contribution to `key` is complete and has this shape.
  codes::PeerSet complete(const codes::RoundKey& key, codes::Shape payload) const;
  // Precondition: peer is in complete(key, payload). Valid until the key is pruned.
  codes::ContributionView view(const codes::RoundKey& key, int peer) const;
  // Of the peers' contributions to `key`, in no order.
  std::vector<Unread> unread(const codes::RoundKey& key, const codes::PeerSet& peers) const;
  // Its checksum was the right one, or it is forgotten, as if it had not arrived.
  void was_read(const codes::RoundKey& key, const Unread& slice, bool right);
  // The set that the sender decoded its operand from.
  codes::PeerSet operand_set(const codes::RoundKey& key, int peer) const;
  // The set that most senders of the first round after `key` decoded the result of `key` from, if any
  // two agree.
  std::optional<codes::PeerSet> most_named_after(const codes::RoundKey& key) const;
  // The highest key that a peer has contributed to, if any is stored.
  std::optional<codes::RoundKey> latest_of(int peer) const;
  // The highest attempt seen for the round of `key`.
  std::uint32_t latest_attempt(const codes::RoundKey& key) const;

  // Forgets everything up to and including all attempts of the round of `key`; everything before it.
  void prune_through(const codes::RoundKey& key);
  void prune_before(const codes::RoundKey& key);
  std::size_t bytes() const { return std::accumulate(bytes_.begin(), bytes_.end(), std::size_t{0}); }
  std::size_t bytes_of(int peer) const { return bytes_[static_cast<std::size_t>(peer)]; }
  std::size_t rounds() const { return rounds_.size(); }

 private:
  struct Slice {
    Payload payload;
    std::optional<std::uint64_t> unread;
  };
  struct Row {
    std::uint32_t rows = 0, total_cols = 0, cols_there = 0;
    codes::Index columns_per_slice = 1;
    codes::PeerSet operand_set;
    std::vector<Slice> slices;
  };
  using Rows = std::map<int, Row>;  // by peer
  using Rounds = std::map<codes::RoundKey, Rows>;

 public:
  // What keeping the books of one contribution costs, however small its payloads are: nodes of the maps too.
  static constexpr std::size_t kRowBytes = sizeof(Row) + sizeof(Slice) + 256;

 private:
  static std::size_t bytes_in(const Row& row);
  bool make_room(int peer, const codes::RoundKey& key, std::size_t bytes);
  void erase_until(Rounds::iterator end);
  const Row* find(const codes::RoundKey& key, int peer) const;

  int peers_;
  std::size_t quota_bytes_;
  std::vector<std::size_t> bytes_;  // by peer
  Rounds rounds_;
};

}  // namespace polydot::protocol
