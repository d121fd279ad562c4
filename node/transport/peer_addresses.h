// At which address each peer of a list is, as names lead there: asked at the start, and again while a peer is
// not heard, for a name may not be known yet, or lead elsewhere now.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/config/endpoint.h"
#include "node/transport/name_lookup.h"

namespace polydot::node {

class PeerAddresses {
 public:
  using Clock = std::chrono::steady_clock;
  // Called with each address that is new, or the next one to try of several.
  using OnAddress = std::function<void(int peer, const Resolved& now)>;
  // A line for the user: who has no address yet, whose address is another one now.
  using OnLine = std::function<void(const std::string&)>;

  // listed: of all peers by index; self: is not asked for.
  PeerAddresses(std::vector<Endpoint> listed, int self);

  // Asks for all names, and takes what is known within `most`: addresses at once, names soon.
  void begin(std::chrono::milliseconds most, const OnAddress& on_address, const OnLine& on_line);
  // Its messages arrive, from this address. From another one than it is dialled at (of one host any loopback
  // address will do) they say nothing about where it is to be dialled.
  void heard(int peer, std::string_view address);
  // Somebody came from an address that is nobody's: perhaps one of those that are not heard has it now.
  void hurry();
  // The same of a message that says it is from `peer`. True, once: its name has been asked for since, and
  // does not lead there, so the list is wrong.
  bool note_misplaced(int peer, Clock::time_point now);
  // Now and then. Takes answers, and asks again for who has not been heard since it was last asked for:
  // after 1 s, twice as long each time up to 4 s.
  void look(Clock::time_point now, const OnAddress& on_address, const OnLine& on_line);
  // What is known of it; none yet: null.
  const Resolved* address(int peer) const;

 private:
  struct Peer {
    Endpoint listed{};
    std::optional<Resolved> known{};
    NameLookup lookup{};
    bool heard = false;  // since it was last looked at
    bool said_unknown = false, said_misplaced = false;
    std::optional<Clock::time_point> misplaced{};  // since when, at the address that is known
    std::chrono::milliseconds pause{1000};
    Clock::time_point asked{}, next{};
  };
  void take(int index, const OnAddress& on_address, const OnLine& on_line);
  void ask(Peer& peer, Clock::time_point now);

  std::vector<Peer> peers_;
  int self_;
  Clock::time_point next_look_{};
};

}  // namespace polydot::node
