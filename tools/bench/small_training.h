// The laboratory of `stages` and `clean`: a small network, 49-24-16-10, that ten simulated peers (2x2) train
// on the embedded digits, shrunk to 7x7.
#pragma once

#include <cstdint>

#include "dnn/data/dataset.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::bench {

inline constexpr int kSmallPeers = 10;
inline constexpr codes::Index kSmallLayers = 3;

const dnn::Dataset& small_train_data();
const dnn::Dataset& small_test_data();
// Momentum 0.9, batch 32, no evaluation but the one at the end.
simulator::ClusterOptions small_training(std::uint64_t steps, std::uint64_t seed);

// Of all layers together, decoded from these peers' shards, to `wanted`: the relative Frobenius norm.
double weight_difference(const simulator::SimCluster& cluster, const codes::PeerSet& from,
                         const std::vector<codes::Matrix>& wanted);

}  // namespace polydot::bench
