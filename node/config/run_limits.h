// What cannot run, said before anything is started: columns that no message can carry, and more memory than
// there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "dnn/optimizers/training_plan.h"
#include "protocol/wire/wire.h"

namespace polydot::node {

// Numbers in a column of a contribution or of a piece of a shard: it travels whole, in one payload.
inline constexpr codes::Index kMostColumnNumbers =
    static_cast<codes::Index>(protocol::WireContext{}.max_payload_bytes / sizeof(float));

// weights: N_out x N_in of each layer, bias included; from the first layer on. Failure: kUsage, names the
// layer.
Outcome check_columns(const codes::ProductCode& code, const std::vector<codes::Shape>& weights);

// Shapes as check_columns wants them.
std::vector<codes::Shape> weights_of(const dnn::NetworkSpec& network);

// What one peer holds while it trains, at least, in bytes. As double: it may be beyond any integer.
struct PeerMemory {
  double own = 0.0;           // data, shards with momentum, activations of a batch
  double contribution = 0.0;  // the largest that it sends in a round
};
PeerMemory memory_of_peer(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                          const dnn::Dataset& train, const dnn::Dataset& test);

// Who runs on this machine. Peers that share memory read each other's contributions where the sender put
// them; those of all others each peer keeps for itself.
struct PeersHere {
  std::int64_t starting = 1;  // that have to find room now
  std::int64_t sharing = 1;   // with themselves, whether they start now or run already
};
// Of the peers that listen at `endpoints`, one of which, or all, are to start here. sockets_only: as
// configured.
PeersHere one_peer_here(const std::vector<std::string>& endpoints, int self, bool sockets_only);
PeersHere all_peers_here(std::int64_t peers, bool sockets_only);

struct MemoryLimits {
  double machine_bytes = 0.0;  // that can be had without taking it from other processes: memory and swap
  double process_bytes = 0.0;  // that a process may map; infinite if nobody set a limit
};
MemoryLimits memory_here();

// peers: of the run, P. Failure: kUsage, with both numbers.
Outcome check_memory(const PeerMemory& peer, codes::Index peers, const PeersHere& here,
                     const MemoryLimits& limits);

// Columns and memory. `code`, `plan`, data: as the peers will have them.
Outcome check_run(const codes::ProductCode& code, const dnn::TrainingPlan& plan, const dnn::Dataset& train,
                  const dnn::Dataset& test, const PeersHere& here);

}  // namespace polydot::node
