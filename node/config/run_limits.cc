#include "node/config/run_limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "node/config/endpoint.h"

namespace polydot::node {

namespace {

using codes::Index;
using codes::PassKind;
using codes::Shape;

constexpr double kFloatBytes = sizeof(float);
constexpr double kGiga = 1e9;

double count(Index number) { return static_cast<double>(number); }

// The first layer passes nothing back: a shard for that alone is not used there.
bool is_used(const codes::ProductCode& code, std::size_t layer, std::size_t shard) {
  return layer > 0 || static_cast<Index>(shard) == code.pass(PassKind::kForward).shard;
}

double data_bytes(const dnn::Dataset& data) {
  return count(data.count()) * count(data.features()) * (data.holds_bytes() ? 1.0 : kFloatBytes);
}

}  // namespace

Outcome check_columns(const codes::ProductCode& code, const std::vector<Shape>& weights) {
  for (std::size_t l = 0; l < weights.size(); ++l)
    for (std::size_t s = 0; s < code.shards.size(); ++s) {
      if (!is_used(code, l, s)) continue;
      const Shape shard = codes::shard_shape(code.shards[s], weights[l].rows, weights[l].cols);
      // Contributions have columns of the one length, pieces of shards of the other.
      const Index longest = std::max(shard.rows, shard.cols);
      if (longest <= kMostColumnNumbers) continue;
      return usage_failure(
          fmt::format("layer {} ({} outputs): a peer's part of its weights has columns of {} numbers, and at "
                      "most {} fit into a message; take a larger grid, or fewer units",
                      l, weights[l].rows, longest, kMostColumnNumbers));
    }
  return Unit{};
}

std::vector<Shape> weights_of(const dnn::NetworkSpec& network) {
  std::vector<Shape> shapes;
  for (const dnn::Dense& dense : network.layers()) shapes.push_back({dense.outputs, dense.inputs + 1});
  return shapes;
}

PeerMemory memory_of_peer(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                          const dnn::Dataset& train, const dnn::Dataset& test) {
  const Index batch = std::min(plan.batch, train.count());
  const double states = plan.optimizer.momentum != 0 ? 2.0 : 1.0;
  const std::vector<Shape> weights = weights_of(plan.network);
  PeerMemory memory{data_bytes(train) + data_bytes(test), 0.0};
  for (std::size_t l = 0; l < weights.size(); ++l) {
    for (std::size_t s = 0; s < code.shards.size(); ++s) {
      const Shape shard = codes::shard_shape(code.shards[s], weights[l].rows, weights[l].cols);
      memory.own += kFloatBytes * states * count(shard.rows) * count(shard.cols);
    }
    memory.own += kFloatBytes * (count(weights[l].cols) + 2.0 * count(weights[l].rows)) * count(batch);
    for (const PassKind pass : {PassKind::kForward, PassKind::kBackward}) {
      if (pass == PassKind::kBackward && l == 0) continue;
      const Shape payload = codes::contribution_shape(code, code.pass(pass), weights[l], batch);
      memory.contribution =
          std::max(memory.contribution, kFloatBytes * count(payload.rows) * count(payload.cols));
    }
  }
  return memory;
}

PeersHere one_peer_here(const std::vector<std::string>& endpoints, int self, bool sockets_only) {
  PeersHere here;
  const auto own = parse_endpoint(endpoints[static_cast<std::size_t>(self)]);
  if (sockets_only || !own) return here;
  for (std::size_t p = 0; p < endpoints.size(); ++p) {
    if (static_cast<int>(p) == self) continue;
    const auto other = parse_endpoint(endpoints[p]);
    if (!other) continue;
    const bool local = other->scheme == Endpoint::Scheme::kIpc || other->host == own->host;
    here.sharing += local ? 1 : 0;
  }
  return here;
}

PeersHere all_peers_here(std::int64_t peers, bool sockets_only) { return {peers, sockets_only ? 1 : peers}; }

MemoryLimits memory_here() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  MemoryLimits limits{kInfinity, kInfinity};
  std::ifstream file("/proc/meminfo");  // lines of "Name:   number kB"
  double kibibytes = 0.0, sum = 0.0;
  bool says_what_is_left = false;
  for (std::string name, unit; file >> name >> kibibytes && std::getline(file, unit);) {
    if (name != "MemAvailable:" && name != "SwapFree:") continue;
    says_what_is_left |= name == "MemAvailable:";
    sum += kibibytes * 1024.0;
  }
  if (says_what_is_left) limits.machine_bytes = sum;
  rlimit mapped{};
  if (getrlimit(RLIMIT_AS, &mapped) == 0 && mapped.rlim_cur != RLIM_INFINITY)
    limits.process_bytes = static_cast<double>(mapped.rlim_cur);
  return limits;
}

Outcome check_memory(const PeerMemory& peer, Index peers, const PeersHere& here, const MemoryLimits& limits) {
  // Shared or not, a process maps a round of everybody's.
  const double mapped = peer.own + peer.contribution * count(peers);
  if (mapped > limits.process_bytes)
    return usage_failure(
        fmt::format("a peer of this network needs at least {:.1f} GB of memory, and a process "
                    "may have {:.1f} GB (ulimit -v)",
                    mapped / kGiga, limits.process_bytes / kGiga));
  // Its own contribution, and what is kept of those that cannot be read at their sender.
  const double kept = 1.0 + count(peers - here.sharing);
  const double all = (peer.own + peer.contribution * kept) * static_cast<double>(here.starting);
  if (all > limits.machine_bytes)
    return usage_failure(
        fmt::format("{} of this network need{} at least {:.1f} GB of memory, and this machine has {:.1f} GB "
                    "left; take a larger grid, fewer units, or more machines",
                    here.starting == 1 ? "a peer" : fmt::format("{} peers", here.starting),
                    here.starting == 1 ? "s" : "", all / kGiga, limits.machine_bytes / kGiga));
  return Unit{};
}

Outcome check_run(const codes::ProductCode& code, const dnn::TrainingPlan& plan, const dnn::Dataset& train,
                  const dnn::Dataset& test, const PeersHere& here) {
  if (Outcome fits = check_columns(code, weights_of(plan.network)); !fits) return fits;
  return check_memory(memory_of_peer(code, plan, train, test), code.peers(), here, memory_here());
}

}  // namespace polydot::node
