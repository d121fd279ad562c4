#include "node/run_limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include <fmt/format.h>

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

double memory_of_peer(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                      const dnn::Dataset& train, const dnn::Dataset& test) {
  const Index batch = std::min(plan.batch, train.count());
  const double states = plan.optimizer.momentum != 0 ? 2.0 : 1.0;
  const std::vector<Shape> weights = weights_of(plan.network);
  double bytes = data_bytes(train) + data_bytes(test), largest_round = 0.0;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    for (std::size_t s = 0; s < code.shards.size(); ++s) {
      const Shape shard = codes::shard_shape(code.shards[s], weights[l].rows, weights[l].cols);
      bytes += kFloatBytes * states * count(shard.rows) * count(shard.cols);
    }
    bytes += kFloatBytes * (count(weights[l].cols) + 2.0 * count(weights[l].rows)) * count(batch);
    for (const PassKind pass : {PassKind::kForward, PassKind::kBackward}) {
      if (pass == PassKind::kBackward && l == 0) continue;
      const Shape payload = codes::contribution_shape(code, code.pass(pass), weights[l], batch);
      largest_round = std::max(largest_round, count(payload.rows) * count(payload.cols));
    }
  }
  return bytes + 2.0 * count(code.peers()) * kFloatBytes * largest_round;
}

MemoryLimits memory_here() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  MemoryLimits limits{kInfinity, kInfinity};
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0)
    limits.machine_bytes = static_cast<double>(pages) * static_cast<double>(page_bytes);
  rlimit mapped{};
  if (getrlimit(RLIMIT_AS, &mapped) == 0 && mapped.rlim_cur != RLIM_INFINITY)
    limits.process_bytes = static_cast<double>(mapped.rlim_cur);
  return limits;
}

Outcome check_memory(double peer_bytes, std::int64_t peers_here, const MemoryLimits& limits) {
  if (peer_bytes > limits.process_bytes)
    return usage_failure(
        fmt::format("a peer of this network needs at least {:.1f} GB of memory, and a process "
                    "may have {:.1f} GB (ulimit -v)",
                    peer_bytes / kGiga, limits.process_bytes / kGiga));
  const double all = peer_bytes * static_cast<double>(peers_here);
  if (all > limits.machine_bytes)
    return usage_failure(
        fmt::format("{} of this network need{} at least {:.1f} GB of memory, and this machine has {:.1f} GB; "
                    "take a larger "
                    "grid, fewer units, or more machines",
                    peers_here == 1 ? "a peer" : fmt::format("{} peers", peers_here),
                    peers_here == 1 ? "s" : "", all / kGiga, limits.machine_bytes / kGiga));
  return Unit{};
}

Outcome check_run(const codes::ProductCode& code, const dnn::TrainingPlan& plan, const dnn::Dataset& train,
                  const dnn::Dataset& test, std::int64_t peers_here) {
  if (Outcome fits = check_columns(code, weights_of(plan.network)); !fits) return fits;
  return check_memory(memory_of_peer(code, plan, train, test), peers_here, memory_here());
}

}  // namespace polydot::node
