// A set of peers (rows of a code), as a value: at most kMaxPeers, four words, so it fits a message header.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <vector>

#include "codes/base/check.h"

namespace polydot::codes {

inline constexpr int kMaxPeers = 256;

class PeerSet {
 public:
  using Words = std::array<std::uint64_t, kMaxPeers / 64>;

  PeerSet() = default;
  explicit PeerSet(const Words& words) : words_(words) {}
  // {0, .., count-1}
  static PeerSet all(int count) {
    PeerSet set;
    for (int p = 0; p < count; ++p) set.insert(p);
    return set;
  }
  static PeerSet of(const std::vector<int>& peers) {
    PeerSet set;
    for (int p : peers) set.insert(p);
    return set;
  }

  void insert(int peer) { word(peer) |= bit(peer); }
  void erase(int peer) { word(peer) &= ~bit(peer); }
  bool contains(int peer) const {
    return peer >= 0 && peer < kMaxPeers && (words_[static_cast<unsigned>(peer) / 64] & bit(peer)) != 0;
  }
  int size() const {
    int count = 0;
    for (std::uint64_t w : words_) count += std::popcount(w);
    return count;
  }
  bool empty() const { return size() == 0; }
  // Every member of *this is in `other`.
  bool subset_of(const PeerSet& other) const { return (*this & other) == *this; }
  std::vector<int> members() const {
    std::vector<int> peers;
    for (int p = 0; p < kMaxPeers; ++p)
      if (contains(p)) peers.push_back(p);
    return peers;
  }
  const Words& words() const { return words_; }

  friend PeerSet operator&(PeerSet a, const PeerSet& b) {
    return a.combine(b, [](auto x, auto y) { return x & y; });
  }
  friend PeerSet operator|(PeerSet a, const PeerSet& b) {
    return a.combine(b, [](auto x, auto y) { return x | y; });
  }
  // Set difference.
  friend PeerSet operator-(PeerSet a, const PeerSet& b) {
    return a.combine(b, [](auto x, auto y) { return x & ~y; });
  }
  friend auto operator<=>(const PeerSet&, const PeerSet&) = default;

 private:
  static std::uint64_t bit(int peer) { return std::uint64_t{1} << (static_cast<unsigned>(peer) % 64); }
  std::uint64_t& word(int peer) {
    POLYDOT_CHECK_LE(0, peer);
    POLYDOT_CHECK_LT(peer, kMaxPeers);
    return words_[static_cast<unsigned>(peer) / 64];
  }
  template <typename Op>
  PeerSet& combine(const PeerSet& other, Op op) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = op(words_[i], other.words_[i]);
    return *this;
  }
  Words words_{};
};

}  // namespace polydot::codes
