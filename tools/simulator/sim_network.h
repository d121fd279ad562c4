// A seeded simulated network on virtual time. It carries the bytes of the real codec and hands them out at
// addresses of 8 mod 16, as ZeroMQ does. Frames are lost, delayed, repeated, damaged and (by unequal delays)
// reordered; links are clogged or cut; peers go down and come back, with what was sent before still under
// way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "protocol/wire/transport.h"

namespace polydot::simulator {

// Sees what goes over the network; the bytes are valid during the call.
class NetworkObserver {
 public:
  struct Frame {
    std::int64_t at_ms = 0;
    int from = 0, to = 0;
    std::span<const std::byte> header;
    std::size_t payload_bytes = 0;
    bool intact = true;  // false: a bit of it was flipped on the way
  };
  virtual ~NetworkObserver() = default;
  virtual void on_send(const Frame&, std::span<const std::byte> /*payload*/) {}
  virtual void on_deliver(const Frame&) {}
};

struct NetworkOptions {
  std::uint64_t seed = 1;
  double loss = 0.0;  // probability that a frame vanishes
  std::int64_t least_delay_ms = 0;
  std::int64_t most_delay_ms = 0;  // uniform in between
  double straggling = 0.0;         // probability that a frame takes up to straggle_ms longer
  std::int64_t straggle_ms = 0;
  double duplication = 0.0;           // that it arrives twice, each time with a delay of its own
  double corruption = 0.0;            // that one of its bits is flipped
  bool frames_outlive_sender = true;  // what a peer that went down had sent before still arrives
  std::size_t max_queue_bytes = std::size_t{64} << 20;  // under way to one receiver; what is more is dropped
  // If any: whether this frame, known by its header, vanishes besides. Asked once for each.
  std::function<bool(int from, int to, std::span<const std::byte> header)> loses;
  NetworkObserver* observer = nullptr;  // not owned
};

struct NetworkCounters {
  std::uint64_t sent = 0, lost = 0, delivered = 0, reordered = 0;
  std::uint64_t straggled = 0, duplicated = 0, corrupted = 0;
  std::uint64_t clogged = 0;  // held back by a clogged link
  std::uint64_t cut = 0;      // lost on a link that was cut
  std::uint64_t unheard = 0;  // lost because the receiver, or the sender, was down
  std::uint64_t overflowed = 0;
  std::uint64_t bytes_delivered = 0, largest_queue_bytes = 0;
  friend bool operator==(const NetworkCounters&, const NetworkCounters&) = default;
};

class SimNetwork {
 public:
  SimNetwork(int peers, const NetworkOptions& options);

  // The transport of one peer's process; the network outlives it. elsewhere: it is not at the address of that
  // peer, so it hears nothing, and is heard whether the peer is up or down.
  std::unique_ptr<protocol::Transport> endpoint(int self, std::uint64_t incarnation = 0,
                                                bool elsewhere = false);

  std::int64_t now_ms() const { return now_ms_; }
  // Never backwards.
  void set_now_ms(std::int64_t now_ms);
  // When the next frame arrives anywhere, or at one peer; INT64_MAX when none is under way.
  std::int64_t next_arrival_ms() const;
  std::int64_t next_arrival_ms(int self) const;

  // From now until then the link loses everything that is sent.
  void cut(int from, int to, std::int64_t until_ms);
  // From now until then the link delivers nothing; then all at once.
  void clog(int from, int to, std::int64_t until_ms);
  // Down: what is under way to this peer is lost, and all that is sent to it or by it.
  void set_up(int peer, bool up);
  // From now on; links that are cut or clogged stay so.
  void set_perfect() {
    options_.loss = options_.straggling = options_.duplication = options_.corruption = 0.0;
  }

  const NetworkCounters& counters() const { return counters_; }

 private:
  friend class SimTransport;
  struct Sender {
    int index = 0;
    std::uint64_t incarnation = 0;
    bool elsewhere = false;
  };
  struct Frame {
    std::uint64_t number = 0;  // in order of sending, for the count of reorderings
    int from = 0;
    std::uint64_t incarnation = 0;  // of the sender
    bool intact = true;
    std::vector<std::byte> header, payload;
    std::size_t bytes() const { return header.size() + payload.size(); }
  };
  struct Inbox {
    std::multimap<std::int64_t, Frame> under_way;  // by arrival
    std::size_t bytes = 0;
    bool up = true;
  };
  struct Link {
    std::int64_t cut_until_ms = 0, clogged_until_ms = 0;
    std::uint64_t last_number = 0;  // delivered
  };
  void send(const Sender& sender, int to, const protocol::WireFrames& frames);
  void put_under_way(const Sender& sender, int to, const protocol::WireFrames& frames);
  void flip_a_bit(Frame& frame);
  std::optional<protocol::Received> receive(int self);
  bool chance(double probability);
  Inbox& inbox(int peer) { return inboxes_[static_cast<std::size_t>(peer)]; }
  Link& link(int from, int to) {
    return links_[static_cast<std::size_t>(from) * inboxes_.size() + static_cast<std::size_t>(to)];
  }

  NetworkOptions options_;
  std::mt19937_64 generator_;
  std::int64_t now_ms_ = 0;
  std::uint64_t next_number_ = 0;
  std::vector<Inbox> inboxes_;  // by receiver
  std::vector<Link> links_;     // [sender][receiver]
  NetworkCounters counters_;
};

}  // namespace polydot::simulator
