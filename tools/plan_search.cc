#include "tools/plan_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <tuple>

#include "codes/base/peer_set.h"
#include "codes/decode/locate.h"
#include "codes/decode/noise_floor.h"
#include "codes/decode/set_decoder.h"
#include "node/config/host_plan.h"
#include "node/config/run_limits.h"
#include "tools/plan_report.h"

namespace polydot::tools {
namespace {

using codes::Grid;
using codes::Index;
using codes::PeerSet;

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kMostSets = 200;  // of peers left; all there are if they are fewer
constexpr std::size_t kKappaSets = 40;  // of those, for what takes longer to find out
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUsableShare = 0.99;
// Beyond them a grid needs more peers than any plan has to spare, or groups of a batch become too thin.
constexpr Index kMostBlocks = 12, kMostGroups = 4;
constexpr int kMostVerified = 400;

struct Candidate {
  CodeShape shape;
  Prediction cost;
};

// Ways to leave out `missing` of `peers`, or none if there are more than `most`.
std::optional<std::vector<PeerSet>> all_sets_without(Index peers, Index missing, std::size_t most) {
  double ways = 1.0;
  for (Index k = 0; k < missing; ++k) ways *= static_cast<double>(peers - k) / static_cast<double>(k + 1);
  if (ways > static_cast<double>(most) + 0.5) return std::nullopt;
  std::vector<bool> gone(static_cast<std::size_t>(peers), false);
  std::fill(gone.begin(), gone.begin() + missing, true);
  std::vector<PeerSet> sets;
  do {
    PeerSet set;
    for (std::size_t p = 0; p < gone.size(); ++p)
      if (!gone[p]) set.insert(static_cast<int>(p));
    sets.push_back(set);
  } while (std::prev_permutation(gone.begin(), gone.end()));
  return sets;
}

std::vector<PeerSet> sets_without(Index peers, Index missing) {
  if (auto all = all_sets_without(peers, missing, kMostSets)) return *std::move(all);
  std::mt19937_64 generator(kSeed);
  std::vector<int> order(static_cast<std::size_t>(peers));
  std::iota(order.begin(), order.end(), 0);
  std::vector<PeerSet> sets;
  for (std::size_t k = 0; k < kMostSets; ++k) {
    std::shuffle(order.begin(), order.end(), generator);
    sets.push_back(PeerSet::of({order.begin() + missing, order.end()}));
  }
  return sets;
}

bool is_checked(const codes::Pass& pass, Index present) {
  return present > pass.code.columns() || pass.code.recovery_threshold >= pass.code.peers();
}

// 99 % of the values are no larger.
double largest_but_a_hundredth(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double place = kUsableShare * static_cast<double>(values.size());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(place))];
}

double gain_of(const codes::ProductCode& code, const PeerSet& set) {
  double worst = 0.0;
  for (const codes::Pass& pass : code.passes) worst = std::max(worst, quick_gain(pass.code, pass.sigma, set));
  return worst;
}

double gain_of(const codes::ProductCode& code, const std::vector<PeerSet>& sets) {
  std::vector<double> gains;
  for (const PeerSet& set : sets) gains.push_back(gain_of(code, set));
  return largest_but_a_hundredth(std::move(gains));
}

// Weights of variance 2 / inputs and an operand that knows nothing of them, as in plan_report.
codes::LocateLimits limits_of(const Workload& work) {
  Index widest = 1;
  for (const codes::Shape& weights : work.weights()) widest = std::max(widest, weights.cols - 1);
  return {codes::NoiseFloor::kAlarmFactor * kTypicalFloor, std::sqrt(2.0 / static_cast<double>(widest))};
}

// Infinite where a set does not decode or leaves nothing to check with.
double kappa_of(const codes::ProductCode& code, const PeerSet& set, const codes::LocateLimits& limits) {
  double worst = 0.0;
  for (const codes::Pass& pass : code.passes) {
    const codes::SetDecoder decoder = codes::make_set_decoder(pass.code, pass.sigma, set);
    worst = std::max(worst, decoder.usable() ? codes::hidden_error(decoder, limits) : kInfinity);
  }
  return worst;
}

// Of some of the sets, evenly taken.
double kappa_of(const codes::ProductCode& code, const std::vector<PeerSet>& sets,
                const codes::LocateLimits& limits) {
  std::vector<double> kappas;
  const std::size_t stride = (sets.size() + kKappaSets - 1) / kKappaSets;
  for (std::size_t k = 0; k < sets.size(); k += stride) kappas.push_back(kappa_of(code, sets[k], limits));
  return largest_but_a_hundredth(std::move(kappas));
}

// The gain without the worst host, or none if training would have to wait for one.
std::optional<double> gain_without_a_host(const codes::ProductCode& code, Index hosts,
                                          const codes::LocateLimits& limits) {
  const std::vector<std::int64_t> shares(static_cast<std::size_t>(hosts), 1);
  double worst = 0.0;
  for (const std::vector<Index>& indices : node::deal_indices(shares, code.peers())) {
    PeerSet left = PeerSet::all(static_cast<int>(code.peers()));
    for (const Index p : indices) left.erase(static_cast<int>(p));
    if (left.size() <= code.peers() / 2) return std::nullopt;
    for (const codes::Pass& pass : code.passes)
      if (!is_checked(pass, left.size())) return std::nullopt;
    const double gain = gain_of(code, left);
    if (!(gain <= codes::kUsableGain) || !(kappa_of(code, left, limits) <= codes::kLargestHidden))
      return std::nullopt;
    worst = std::max(worst, gain);
  }
  return worst;
}

// All plans of these codes on at most `max_peers` peers, fastest first.
std::vector<Candidate> candidates(const std::vector<std::string>& names, Index max_peers,
                                  const Workload& work, const Hardware& hardware,
                                  const std::function<bool(const CodeShape&)>& wanted) {
  std::vector<Candidate> found;
  for (const std::string& name : names)
    for (Index m = 1; m <= kMostBlocks; ++m)
      for (Index n = 1; n <= kMostBlocks; ++n)
        for (Index d = 1; d <= kMostGroups; ++d) {
          const Grid grid{m, n, d};
          for (Index peers = std::max<Index>(2, codes::fewest_peers(name, grid)); peers <= max_peers; ++peers)
            if (const auto shape = shape_of(name, grid, peers); shape && wanted(*shape))
              found.push_back({*shape, predict(*shape, work, hardware)});
        }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.cost.step_ms, a.cost.memory_bytes) < std::pair(b.cost.step_ms, b.cost.memory_bytes);
  });
  return found;
}

// Whether columns of contributions and of pieces of shards fit into messages.
bool can_be_sent(const CodeShape& shape, const Workload& work) {
  const std::vector<codes::Shape> layers = work.weights();
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (Index s = 0; s < static_cast<Index>(shape.shards.size()); ++s) {
      const codes::Shape shard = shape.shard(s, layers[l]);
      const bool is_used = l > 0 || s == shape.passes[0].shard;
      if (is_used && std::max(shard.rows, shard.cols) > node::kMostColumnNumbers) return false;
    }
  return true;
}

bool fits(const Prediction& cost, const Hardware& hardware) {
  return hardware.memory_bytes == 0.0 || cost.host_memory_bytes <= hardware.memory_bytes;
}

RankedPlan plan_of_shape(const CodeShape& shape, const Workload& work, const Hardware& hardware) {
  RankedPlan plan;
  plan.shape = shape;
  plan.cost = predict(shape, work, hardware);
  for (std::size_t k = 0; k < plan.bounds.size(); ++k) {
    const Index spare = shape.peers - shape.passes[k].threshold;
    plan.bounds[k] = {spare / 2, std::max<Index>(0, spare - 1)};
  }
  return plan;
}

}  // namespace

Index default_max_peers(const Hardware& hardware) {
  constexpr Index kLeast = 24, kMost = 64, kPerCore = 2;
  return std::clamp(kPerCore * hardware.hosts * hardware.cores, kLeast, kMost);
}

bool meets_bounds(const CodeShape& shape, const Wishes& wishes) {
  const Index left = shape.peers - wishes.erased();
  if (left <= shape.peers / 2) return false;
  const bool unchecked_by_nature = shape.name == "uncoded";
  if (unchecked_by_nature) return !wishes.any();
  return wishes.erased() + std::max<Index>(2 * wishes.wrong, 1) <= shape.peers - shape.threshold();
}

std::optional<RankedPlan> verify(const CodeShape& shape, const Wishes& wishes, const Workload& work,
                                 const Hardware& hardware) {
  if (!meets_bounds(shape, wishes)) return std::nullopt;
  const auto code = codes::make_code(shape.name, shape.grid, shape.peers);
  if (!code) return std::nullopt;
  RankedPlan plan = plan_of_shape(shape, work, hardware);
  for (std::size_t k = 0; k < plan.bounds.size(); ++k)
    plan.bounds[k] = codes::error_bounds(code->passes[k].code, code->peers());
  const codes::LocateLimits limits = limits_of(work);
  if (wishes.lose_host) {
    const auto gain = gain_without_a_host(*code, hardware.hosts, limits);
    if (!gain) return std::nullopt;
    plan.host_gain = *gain;
  }
  if (shape.name == "uncoded") {  // it wants everybody, and checks nothing
    plan.gain = gain_of(*code, PeerSet::all(static_cast<int>(shape.peers)));
    return plan;
  }
  const std::vector<PeerSet> sets = sets_without(shape.peers, wishes.erased() + wishes.wrong);
  plan.gain = gain_of(*code, sets);
  if (!(plan.gain <= codes::kUsableGain)) return std::nullopt;
  plan.kappa = kappa_of(*code, sets, limits);
  if (!(plan.kappa <= codes::kLargestHidden)) return std::nullopt;
  return plan;
}

Ranking rank_plans(const Wishes& wishes, const Workload& work, const Hardware& hardware) {
  Ranking ranking;
  ranking.max_peers = wishes.max_peers > 0 ? wishes.max_peers : default_max_peers(hardware);
  const auto meets = [&](const CodeShape& shape) {
    // On one block every code is replication.
    const bool another_name = shape.grid.m * shape.grid.n == 1 && shape.name != "replication";
    return !another_name && meets_bounds(shape, wishes) && can_be_sent(shape, work);
  };
  std::set<std::string> kinds;
  std::set<std::tuple<std::string, Index, Index, Index>> seen;
  int verified = 0;
  for (const Candidate& candidate :
       candidates({"polydot", "mds", "replication", "uncoded"}, ranking.max_peers, work, hardware, meets)) {
    ++ranking.considered;
    if (!fits(candidate.cost, hardware)) {
      ++ranking.too_large;
      continue;
    }
    const CodeShape& shape = candidate.shape;
    // Of each code the fastest is named, also behind the first few.
    const bool wanted = static_cast<Index>(ranking.plans.size()) < wishes.top || !kinds.contains(shape.name);
    const auto grid = std::tuple(shape.name, shape.grid.m, shape.grid.n, shape.grid.d);
    if (!wanted || seen.contains(grid) || verified >= kMostVerified) continue;
    ++verified;
    const auto plan = verify(shape, wishes, work, hardware);
    if (!plan) continue;
    seen.insert(grid);
    kinds.insert(shape.name);
    if (shape.name == "replication" && !ranking.replication) ranking.replication = plan;
    ranking.plans.push_back(*plan);
  }
  const auto uncoded = candidates({"uncoded"}, ranking.max_peers, work, hardware,
                                  [&](const CodeShape& shape) { return can_be_sent(shape, work); });
  for (const Candidate& candidate : uncoded)
    if (!ranking.uncoded && fits(candidate.cost, hardware))
      ranking.uncoded = plan_of_shape(candidate.shape, work, hardware);
  ranking.alone = predict_alone(work, hardware);
  ranking.alone_fits = fits(ranking.alone, hardware);
  return ranking;
}

}  // namespace polydot::tools
