// A seeded simulated network on virtual time. It carries the bytes of the real codec and hands them out at
// addresses of 8 mod 16, as ZeroMQ does. Frames are lost, delayed and (by unequal delays) reordered; nothing
// else happens yet.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "protocol/transport.h"

namespace polydot::simulator {

struct NetworkOptions {
  std::uint64_t seed = 1;
  double loss = 0.0;  // probability that a frame vanishes
  std::int64_t least_delay_ms = 0;
  std::int64_t most_delay_ms = 0;  // uniform in between
  // If any: whether this frame, known by its header, vanishes besides. Asked once for each.
  std::function<bool(int from, int to, std::span<const std::byte> header)> loses;
};

struct NetworkCounters {
  std::uint64_t sent = 0, lost = 0, delivered = 0, reordered = 0;
  std::uint64_t bytes_delivered = 0;
  friend bool operator==(const NetworkCounters&, const NetworkCounters&) = default;
};

class SimNetwork {
 public:
  SimNetwork(int peers, const NetworkOptions& options);

  // The transport of one peer; the network outlives it.
  std::unique_ptr<protocol::Transport> endpoint(int self);

  std::int64_t now_ms() const { return now_ms_; }
  // Never backwards.
  void set_now_ms(std::int64_t now_ms);
  // When the next frame arrives anywhere; INT64_MAX when none is under way.
  std::int64_t next_arrival_ms() const;
  const NetworkCounters& counters() const { return counters_; }

 private:
  friend class SimTransport;
  struct Frame {
    std::uint64_t number = 0;  // in order of sending, for the count of reorderings
    int from = 0;
    std::vector<std::byte> header, payload;
  };
  void send(int from, int to, const protocol::WireFrames& frames);
  std::optional<protocol::Received> receive(int self);

  NetworkOptions options_;
  std::mt19937_64 generator_;
  std::int64_t now_ms_ = 0;
  std::uint64_t next_number_ = 0;
  std::vector<std::multimap<std::int64_t, Frame>> under_way_;  // by receiver; key: arrival
  std::vector<std::vector<std::uint64_t>> last_number_;        // [receiver][sender]
  NetworkCounters counters_;
};

}  // namespace polydot::simulator
