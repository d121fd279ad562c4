// Who is wrong again and again: quarantined for a while, tried again afterwards, and never so many that a
// round could not locate errors any more. A pure function of the rounds it is told of.
//
// Quarantined peers are neither waited for nor used. One that is wrong in half of a window of rounds gets a
// cool-down; it doubles each time, up to a limit.
#pragma once

#include <cstdint>
#include <vector>

#include "codes/base/peer_set.h"

namespace polydot::protocol {

class Offenders {
 public:
  static constexpr std::uint64_t kWindow = 64;          // rounds
  static constexpr std::uint64_t kFirstCoolDown = 256;  // rounds
  static constexpr std::uint64_t kLongestCoolDown = 16384;

  explicit Offenders(int peers) : records_(static_cast<std::size_t>(peers)) {}

  struct Change {
    codes::PeerSet quarantined, released;
  };
  // After each round: who took part, who of these was wrong.
  Change note(const codes::PeerSet& present, const codes::PeerSet& wrong);
  // Those to leave out of a round with these contributions, so that at least `least` are left. Where that
  // needs some of them, the worst offender returns first: its errors are the surest to be located.
  codes::PeerSet excluded(const codes::PeerSet& present, int least) const;
  codes::PeerSet quarantined() const;
  std::uint64_t offences(int peer) const { return records_[static_cast<std::size_t>(peer)].all; }

 private:
  struct Record {
    std::uint64_t recent = 0;  // one bit a round, the last 64
    std::uint64_t all = 0;
    std::uint64_t until = 0;  // round; quarantined before it
    std::uint64_t cool_down = kFirstCoolDown;
  };
  std::vector<Record> records_;
  std::uint64_t rounds_ = 0;
};

}  // namespace polydot::protocol
