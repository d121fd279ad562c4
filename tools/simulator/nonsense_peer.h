// A peer that is out of its mind: under the name of one peer it sends well-formed frames, by the real codec,
// that mean nothing. It listens, so that some of what it says is nearly right: keys of rounds at hand, shapes
// that are used, ballots under way; the rest is wild. Nobody else can pose as it, and it as nobody else: it
// is what a broken or careless program may do, not an attack by several.
//
// Two things it does not do before the others have begun, for then everybody ends (PROTOCOL.md, "Join"): it
// says no goodbye, and does not disagree about what must be shared.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/simulator/draw.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::simulator {

// What it sends; as protocol::MessageKind, in that order.
inline constexpr int kNonsenseKinds = 9;

struct NonsenseOptions {
  int self = 0;
  std::uint64_t seed = 1;
  std::array<double, kNonsenseKinds> weights{};  // of each kind of message; 0: none of it
  double interval_ms = 5.0;                      // between two bursts, virtual, exponential
  int burst = 8;                                 // messages, at most
};
// Each kind in about half of the runs, one at least.
NonsenseOptions draw_nonsense(Draw& draw, int self);
std::string to_text(const NonsenseOptions& options);

class NonsensePeer : public NetworkObserver {
 public:
  explicit NonsensePeer(const NonsenseOptions& options) : options_(options), draw_(options.seed) {}

  // In the place of that peer of the cluster, from now to the end. The cluster's network has this observer,
  // or one that hands on to it. The cluster outlives this.
  void start(SimCluster& cluster);
  void on_send(const Frame& frame, std::span<const std::byte> payload) override;

  // Whether what comes from this peer is nonsense by now.
  bool talks_as(int peer) const { return cluster_ != nullptr && peer == options_.self; }
  const std::array<std::uint64_t, kNonsenseKinds>& sent() const { return sent_; }

 private:
  struct Shape {
    std::uint32_t rows = 0, total_cols = 0;
    friend auto operator<=>(const Shape&, const Shape&) = default;
  };
  void schedule();
  void speak();
  protocol::Message draw_message(protocol::MessageKind kind);
  codes::RoundKey draw_key();
  std::uint64_t wild();
  void make_slice(protocol::Message& message);
  protocol::Payload draw_values(std::size_t count);
  void make_ballot(protocol::Message& message);

  NonsenseOptions options_;
  Draw draw_;
  SimCluster* cluster_ = nullptr;
  std::unique_ptr<protocol::Transport> transport_;
  std::array<std::uint64_t, kNonsenseKinds> sent_{};
  // What it has heard.
  std::uint64_t incarnation_ = 0;  // its own, if it was in its right mind before
  codes::RoundKey latest_;
  std::string hello_;
  std::map<std::uint32_t, Shape> shapes_;  // of contributions, by slot
  std::vector<codes::RoundKey> repairs_;   // keys of the last repair requests
  std::vector<std::uint64_t> names_;       // of checkpoints, the last
  std::uint32_t ballot_ = 1;               // the last number
};

}  // namespace polydot::simulator
