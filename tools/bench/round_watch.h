// What one peer says of its rounds, kept for scoring.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "protocol/health/status.h"

namespace polydot::bench {

// A peer that was located in a product or in a scrub.
struct Named {
  codes::RoundKey key;
  codes::Index layer = 0;
  protocol::RoundPart part = protocol::RoundPart::kProduct;
  int peer = 0, finder = 0;
  double size_over_floor = 0.0;
};

using StepSlot = std::pair<std::uint64_t, std::uint32_t>;
using ProductBook = std::map<StepSlot, codes::Matrix>;

// A training round that was judged: whose contributions there were, and whether its product was delivered.
struct Judged {
  codes::RoundKey key;
  codes::PeerSet present;
  bool delivered = false;
};

// A decoded product that is not what the clean run decoded.
struct WrongProduct {
  StepSlot at;
  int peer = 0;
  double difference = 0.0;  // relative, Frobenius
};

class RoundWatch : public protocol::PeerObserver {
 public:
  static constexpr double kTolerance = 1e-4;
  static constexpr double kCommittedWrong = 1e-3;  // of the signal: what counts as committed wrong

  // kept: training products are written down there; compared: they are compared with these. Either may be
  // null.
  RoundWatch(int self, ProductBook* kept, const ProductBook* compared)
      : self_(self), kept_(kept), compared_(compared) {}
  void on_round(const protocol::RoundReport& report) override;
  void on_event(const protocol::PeerEvent& event) override { events.push_back(event); }

  std::vector<Named> named;
  std::vector<Judged> judged;
  std::vector<WrongProduct> wrong_products;
  std::vector<protocol::PeerEvent> events;
  double largest_difference = 0.0;  // of a product that is not wrong

 private:
  void note(const protocol::RoundReport& report, protocol::RoundPart part,
            const codes::RoundVerdict& verdict);
  void compare(const protocol::RoundReport& report, const codes::Matrix& product);

  int self_;
  ProductBook* kept_;
  const ProductBook* compared_;
};

}  // namespace polydot::bench
