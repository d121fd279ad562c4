// Which peers run on which host. Evaluation points of neighbouring indices are neighbours, and a set of
// survivors that lacks a run of neighbours decodes badly; so the indices of one host are spread: indices are
// taken in bit-reversed order and dealt to the hosts in runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codes/base/matrix.h"
#include "codes/base/result.h"

namespace polydot::node {

inline constexpr int kFirstPort = 29400;  // peer k listens at kFirstPort + k

struct HostShare {
  std::string host;
  std::int64_t share = 1;  // of the peers, relative to the other hosts'
  friend bool operator==(const HostShare&, const HostShare&) = default;
};
// "a,b,c:2": c takes two shares. IPv6 addresses stand in brackets. Failure: kUsage (empty or repeated host, a
// share that is not 1 to 1000).
Result<std::vector<HostShare>> parse_hosts(std::string_view text);

// 0 .. peers-1 in the order of their reversed bits: 0, 4, 2, 6, 1, 5, 3, 7 for eight.
std::vector<codes::Index> bit_reversed_order(codes::Index peers);

// How many of `peers` each host takes: its quota peers share / (sum of shares), rounded down, and one more
// for the largest remainders. Precondition: shares are positive.
std::vector<codes::Index> proportional_counts(const std::vector<std::int64_t>& shares, codes::Index peers);

// The indices of each host, in increasing order; every index is dealt exactly once.
std::vector<std::vector<codes::Index>> deal_indices(const std::vector<std::int64_t>& shares,
                                                    codes::Index peers);

struct HostPlan {
  std::vector<HostShare> hosts;
  std::vector<std::vector<codes::Index>> indices;  // by host
  std::vector<std::string> endpoints;              // by index: host:port
};
// Failure: kUsage if a host would get no peer at all.
Result<HostPlan> plan_hosts(const std::vector<HostShare>& hosts, codes::Index peers);

}  // namespace polydot::node
