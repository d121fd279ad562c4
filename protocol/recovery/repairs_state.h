// Private to repairs: one that is under way.
#pragma once

#include "protocol/recovery/repairs.h"

namespace polydot::protocol {

struct Repairs::Open {
  Wanted wanted;
  codes::RoundKey key;
  codes::PeerSet asked;
  codes::PeerSet refused;  // who has nothing to give, and gave nothing
  codes::Shape payload;
  std::int64_t since_ms = 0, next_ask_ms = 0;
  bool begun = false;  // its boundary has come
  codes::PeerSet judged;
  ContributionStore store;
};

}  // namespace polydot::protocol
