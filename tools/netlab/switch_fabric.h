// The inside of an Ethernet switch: no device, no clock. Frames come in with the time, and go out when due.
//
// A frame passes the link of its sender (serialisation, then loss, delay and jitter, as netem on the sender's
// interface would have it) and the link of its receiver (serialisation). Each link holds back up to kQueue of
// frames per direction and drops what comes beyond that. Frames from one port to another stay in order, as on
// nearly every real path. Nothing is learned: the address of each port is known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <queue>
#include <random>
#include <span>
#include <vector>

#include "tools/netlab/link_options.h"

namespace polydot::netlab {

inline constexpr int kMaxPorts = 250;
inline constexpr Nanoseconds kQueue = 50'000'000;
inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();
inline constexpr std::size_t kWireOverheadBytes = 24;  // preamble, checksum and gap, which take time as well

// Of the host at a port (from 0): locally administered, the port in the last byte.
std::array<std::uint8_t, 6> mac_address(int port);

struct PortCounters {
  std::uint64_t taken = 0;       // frames that came from the host
  std::uint64_t delivered = 0;   // frames that went to the host
  std::uint64_t lost = 0;        // taken from the host, and lost on purpose
  std::uint64_t cut = 0;         // taken from the host, for a port on another side
  std::uint64_t overflowed = 0;  // dropped where a queue of this port's link was full
  friend bool operator==(const PortCounters&, const PortCounters&) = default;
};

struct Delivery {
  int port = 0;
  std::vector<std::byte> frame;
};

class SwitchFabric {
 public:
  // A link for each port, at most kMaxPorts. The same seed and the same frames of a port: the same losses.
  SwitchFabric(std::vector<LinkOptions> links, std::uint64_t seed);

  int ports() const { return static_cast<int>(ports_.size()); }
  // A frame from the host at `from`. now: never before that of an earlier call. A frame without a full header
  // or for an unknown address goes nowhere.
  void take(Nanoseconds now, int from, std::span<const std::byte> frame);
  // When deliver() is worth a call; kNever: not before the next frame.
  Nanoseconds next_due() const { return flights_.empty() ? kNever : flights_.top().due; }
  // The next frame that is due at `now`, if any, in the order of the times at which they are.
  std::optional<Delivery> deliver(Nanoseconds now);

  // Ports on equal sides reach each other, others do not; at first all are on side 0. Frames under way
  // arrive.
  void set_side(int port, std::uint64_t side) { at(port).side = side; }
  const PortCounters& counters(int port) const { return ports_[static_cast<std::size_t>(port)].counters; }

 private:
  struct Port {
    LinkOptions link;
    std::mt19937_64 random;
    std::uint64_t side = 0;
    Nanoseconds up_busy_until = 0, down_busy_until = 0;
    std::vector<Nanoseconds> last_due;  // by receiver: of the last frame from here
    PortCounters counters;
  };
  struct Flight {
    Nanoseconds due = 0;
    std::uint64_t number = 0;  // in the order of their making: equal times keep it
    int to = 0;
    bool on_last_link = false;
    std::vector<std::byte> frame;
  };
  struct LaterFirst {
    bool operator()(const Flight& a, const Flight& b) const {
      return a.due != b.due ? a.due > b.due : a.number > b.number;
    }
  };

  Port& at(int port) { return ports_[static_cast<std::size_t>(port)]; }
  void send(Nanoseconds departs, int from, int to, std::span<const std::byte> frame);

  std::vector<Port> ports_;
  std::priority_queue<Flight, std::vector<Flight>, LaterFirst> flights_;
  std::uint64_t next_number_ = 0;
};

}  // namespace polydot::netlab
