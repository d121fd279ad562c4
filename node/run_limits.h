// What cannot run, said before anything is started: columns that no message can carry, and more memory than
// there is.
#pragma once

#include <cstdint>
#include <vector>

#include "codes/product_code.h"
#include "codes/result.h"
#include "dnn/training_plan.h"
#include "protocol/wire.h"

namespace polydot::node {

// Numbers in a column of a contribution or of a piece of a shard: it travels whole, in one payload.
inline constexpr codes::Index kMostColumnNumbers =
    static_cast<codes::Index>(protocol::WireContext{}.max_payload_bytes / sizeof(float));

// weights: N_out x N_in of each layer, bias included; from the first layer on. Failure: kUsage, names the
// layer.
Outcome check_columns(const codes::ProductCode& code, const std::vector<codes::Shape>& weights);

// Shapes as check_columns wants them.
std::vector<codes::Shape> weights_of(const dnn::NetworkSpec& network);

// What one peer holds while it trains, at least, in bytes: data, shards with momentum, activations of a
// batch, contributions of two rounds from everybody. As double: it may be beyond any integer.
double memory_of_peer(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                      const dnn::Dataset& train, const dnn::Dataset& test);

struct MemoryLimits {
  double machine_bytes = 0.0;  // physical
  double process_bytes = 0.0;  // that a process may map; infinite if nobody set a limit
};
MemoryLimits memory_here();

// peers_here: that are to run on this machine. Failure: kUsage, with both numbers.
Outcome check_memory(double peer_bytes, std::int64_t peers_here, const MemoryLimits& limits);

// Both, for peers that are to run here. `code`, `plan`, data: as the peers will have them.
Outcome check_run(const codes::ProductCode& code, const dnn::TrainingPlan& plan, const dnn::Dataset& train,
                  const dnn::Dataset& test, std::int64_t peers_here);

}  // namespace polydot::node
