// Which 64-bit numbers there were already; 8 bytes each, at most two thirds of the table full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace polydot::protocol::testing {

inline std::uint64_t mix(std::uint64_t x) {  // SplitMix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class VisitedSet {
 public:
  // False: it was there.
  bool insert(std::uint64_t hash) {
    if (hash == 0) hash = 1;  // 0 is an empty place
    if (3 * (count_ + 1) > 2 * table_.size()) grow();
    std::uint64_t& place = find(hash);
    if (place == hash) return false;
    place = hash;
    ++count_;
    return true;
  }

 private:
  std::uint64_t& find(std::uint64_t hash) {
    std::size_t at = hash & (table_.size() - 1);
    while (table_[at] != 0 && table_[at] != hash) at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }
  void grow() {
    const std::vector<std::uint64_t> old =
        std::exchange(table_, std::vector<std::uint64_t>(2 * table_.size()));
    for (const std::uint64_t hash : old)
      if (hash != 0) find(hash) = hash;
  }

  std::size_t count_ = 0;
  std::vector<std::uint64_t> table_ = std::vector<std::uint64_t>(1 << 12);
};

}  // namespace polydot::protocol::testing
