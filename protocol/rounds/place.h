// Which process holds the place of one other peer. A pure function of what has been heard.
//
// Each run of a peer's process is an *incarnation*: a random number in every header. Only one holds the
// place, and only what it says counts:
//   - the first that is heard, until it was silent for a patience or has said goodbye; but
//   - whoever says in a hello that it hears us comes first: it listens at the address that is listed for this
//     peer, for we send to no other, and only one process can. If another held the place, that one does not
//     listen there (any more).
// So a second process under the same index, bound to another address, changes nothing, whatever it says; and
// one that was killed and started again is taken as soon as it answers. PROTOCOL.md, "Incarnations".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocol/wire/message.h"

namespace polydot::protocol {

class Place {
 public:
  enum class Verdict {
    kHolder,     // of the one that holds the place
    kNewHolder,  // which has just changed: what was heard before is of another process
    kVacated,    // the holder leaves and another claims the place: nobody holds it now, nobody has gone
    kIgnored,    // of another
  };
  // self: of the peer that hears it.
  Place(int self, std::int64_t patience_ms) : self_(self), patience_ms_(patience_ms) {}

  // Of every message, before anything of it is believed.
  Verdict claim(std::int64_t now_ms, const Message& message);

  std::optional<std::uint64_t> holder() const { return holder_; }
  // Another one claims it, and was heard within a patience.
  bool is_claimed_twice(std::int64_t now_ms) const;
  // The other one, once for each holder, when both are known to live: frames of one that has ended may be
  // under way for a while.
  std::optional<std::uint64_t> take_second();

 private:
  struct Claim {
    std::uint64_t incarnation = 0;
    std::int64_t since_ms = 0, last_ms = 0;
  };
  Verdict claim_of_holder(std::int64_t now_ms, bool goodbye);
  bool has_ended(std::uint64_t incarnation) const;
  void note_ended(std::uint64_t incarnation);

  int self_;
  std::int64_t patience_ms_;
  std::optional<std::uint64_t> holder_;
  std::int64_t heard_ms_ = 0;
  bool left_ = false;           // it said goodbye
  std::optional<Claim> claim_;  // of the one that was ignored last
  bool both_live_ = false, said_ = false;
  // The latest that have lost the place to one that was reached, or left: late frames of them do not count.
  std::array<std::optional<std::uint64_t>, 4> ended_{};
  std::size_t next_ended_ = 0;
};

}  // namespace polydot::protocol
