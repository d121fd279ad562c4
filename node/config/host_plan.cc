#include "node/config/host_plan.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "node/text/config_words.h"

namespace polydot::node {
namespace {

constexpr std::int64_t kMaxShare = 1000;

struct HostAndNumber {
  std::string_view host;
  std::optional<std::string_view> number;
};

// Splits at the last colon that is not inside brackets. nullopt: no host, or more colons than a name can
// have.
std::optional<HostAndNumber> split_host(std::string_view text) {
  HostAndNumber parts{text, std::nullopt};
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket))
    parts = {text.substr(0, colon), text.substr(colon + 1)};
  const bool bracketed = parts.host.starts_with('[') && parts.host.ends_with(']') && parts.host.size() > 2;
  if (parts.host.empty() || parts.host.find_first_of(" \t/\"") != std::string_view::npos) return std::nullopt;
  if (!bracketed && parts.host.find_first_of(":[]") != std::string_view::npos) return std::nullopt;
  return parts;
}

std::optional<std::int64_t> number_between(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    return std::nullopt;
  return value;
}

}  // namespace

Result<std::vector<HostShare>> parse_hosts(std::string_view text) {
  std::vector<HostShare> hosts;
  std::set<std::string_view> seen;
  for (const std::string_view piece : split(text, ',')) {
    const auto parts = split_host(piece);
    const auto share = !parts           ? std::nullopt
                       : !parts->number ? std::optional<std::int64_t>(1)
                                        : number_between(*parts->number, 1, kMaxShare);
    if (!share) {
      return usage_failure(fmt::format(
          "--hosts: '{}' must be HOST or HOST:SHARE with a share from 1 to {}, IPv6 addresses in brackets",
          piece, kMaxShare));
    }
    if (!seen.insert(parts->host).second)
      return usage_failure(
          fmt::format("--hosts: {} is listed twice; write {}:2 for two shares", parts->host, parts->host));
    hosts.push_back({std::string(parts->host), *share});
  }
  return hosts;
}

std::vector<codes::Index> bit_reversed_order(codes::Index peers) {
  POLYDOT_CHECK_LE(1, peers);
  const auto size = std::bit_ceil(static_cast<std::uint64_t>(peers));
  const int bits = std::countr_zero(size);
  std::vector<codes::Index> order;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::uint64_t reversed = 0;
    for (int b = 0; b < bits; ++b) reversed |= (i >> b & 1) << (bits - 1 - b);
    if (reversed < static_cast<std::uint64_t>(peers)) order.push_back(static_cast<codes::Index>(reversed));
  }
  return order;
}

std::vector<codes::Index> proportional_counts(const std::vector<std::int64_t>& shares, codes::Index peers) {
  const std::int64_t total = std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
  POLYDOT_CHECK_LT(0, total);
  std::vector<codes::Index> counts;
  for (const std::int64_t share : shares) counts.push_back(peers * share / total);

  std::vector<std::size_t> by_remainder(shares.size());
  std::iota(by_remainder.begin(), by_remainder.end(), std::size_t{0});
  std::stable_sort(by_remainder.begin(), by_remainder.end(), [&](std::size_t a, std::size_t b) {
    return peers * shares[a] % total > peers * shares[b] % total;
  });
  const codes::Index left = peers - std::accumulate(counts.begin(), counts.end(), codes::Index{0});
  for (codes::Index i = 0; i < left; ++i) ++counts[by_remainder[static_cast<std::size_t>(i)]];
  return counts;
}

std::vector<std::vector<codes::Index>> deal_indices(const std::vector<std::int64_t>& shares,
                                                    codes::Index peers) {
  const auto order = bit_reversed_order(peers);
  auto next = order.begin();
  std::vector<std::vector<codes::Index>> hands;
  for (const codes::Index count : proportional_counts(shares, peers)) {
    hands.emplace_back(next, next + count);
    std::sort(hands.back().begin(), hands.back().end());
    next += count;
  }
  return hands;
}

Result<HostPlan> plan_hosts(const std::vector<HostShare>& hosts, codes::Index peers) {
  std::vector<std::int64_t> shares;
  for (const HostShare& host : hosts) shares.push_back(host.share);
  HostPlan plan{hosts, deal_indices(shares, peers),
                std::vector<std::string>(static_cast<std::size_t>(peers))};
  for (std::size_t h = 0; h < hosts.size(); ++h) {
    if (plan.indices[h].empty()) {
      return usage_failure(fmt::format("--hosts: {} would get none of {} peers; raise --peers or its share",
                                       hosts[h].host, peers));
    }
    for (const codes::Index k : plan.indices[h])
      plan.endpoints[static_cast<std::size_t>(k)] = fmt::format("{}:{}", hosts[h].host, kFirstPort + k);
  }
  return plan;
}

}  // namespace polydot::node
