// The shared part of a configuration as the lines that peers compare when they meet
// (protocol/members/agreement.h).
#pragma once

#include "node/config/config.h"
#include "protocol/members/agreement.h"

namespace polydot::node {

// By path, "shared.training.lr" -> "0.01", as TOML writes it. A process may add lines of its own (digests).
protocol::SharedLines shared_lines(const Config& config);

// 64 bits of what decides the weights: the shared lines without those of the cluster (where peers listen, how
// patient they are), and the data.
std::uint64_t plan_digest(const Config& config, std::uint64_t data_digest);

}  // namespace polydot::node
