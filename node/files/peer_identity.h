// Whose files these are. Those of another run, plan or peer must not be taken for ours.
#pragma once

#include <cstdint>

#include "protocol/wire/wire.h"

namespace polydot::node {

struct PeerIdentity {
  protocol::ClusterId run{};
  std::uint64_t plan_digest = 0;  // config_agreement.h
  int peer = 0, peers = 1;
  friend bool operator==(const PeerIdentity&, const PeerIdentity&) = default;
};

}  // namespace polydot::node
