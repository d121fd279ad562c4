// The seam to the outside world: ZeroMQ (node/transport/zmq_transport.h) or a seeded simulated network on
// virtual time (tools/simulator). Both carry the bytes of the real codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/wire/wire.h"

namespace polydot::protocol {

struct Received {
  int from = 0;  // as the transport knows it, never as the payload says
  std::vector<std::byte> header;
  Payload payload;  // starts at a multiple of alignof(float)
  // It lies where the sender has put it, and nobody has to wait for it: better read when it is used than now.
  // What comes through a link is better read while there is more to come.
  bool read_later = false;
  std::uint64_t incarnation =
      0;  // of the sender, as its connection says: a frame that says another is refused
};

struct TransportCounters {
  std::uint64_t bytes_sent = 0;  // headers and payloads handed over, whichever way they go
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_dropped = 0;  // a receiver was not there, or did not take what it was sent
  std::uint64_t frames_refused = 0;  // arrived from a stranger, or not as one header and one payload
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Never blocks: what a slow receiver does not take is dropped and counted. It can ask again.
  virtual void send(int to, const WireFrames& frames) = 0;
  // The next frame, if one is there.
  virtual std::optional<Received> receive() = 0;
  // Sleeps until a frame is there or `timeout_ms` is over.
  virtual void wait(std::int64_t timeout_ms) = 0;
  virtual TransportCounters counters() const = 0;
};

}  // namespace polydot::protocol
