#include "tools/plan_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codes/base/linear_algebra.h"
#include "codes/decode/locate.h"
#include "codes/decode/noise_floor.h"
#include "codes/decode/set_decoder.h"
#include "node/config/config_values.h"
#include "node/config/host_plan.h"
#include "node/config/run_limits.h"

namespace polydot::tools {
namespace {

using codes::Index;
using codes::MatrixD;
using codes::PassKind;
using codes::PeerSet;
using codes::VectorD;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFloatBytes = sizeof(float);
constexpr std::uint64_t kSeed = 1;
// Large grids want this share of the peers to spare, from so many peers on (codes/CODES.md, gain).
constexpr double kSpareShare = 0.3;
constexpr Index kLargeCluster = 36;

int random_set_count(Index peers) { return peers <= 64 ? 1000 : 300; }

std::vector<codes::Shape> weight_shapes(const PlanRequest& request) {
  std::vector<codes::Shape> shapes;
  Index in = request.inputs;
  const auto add = [&](Index out) {
    shapes.push_back({out, in + 1});  // the bias is one more column
    in = out;
  };
  for (const std::int64_t units : request.shared.hidden) add(units);
  add(request.classes);
  return shapes;
}

std::string title_of(const PlanRequest& request) {
  std::vector<Index> units = {request.inputs};
  units.insert(units.end(), request.shared.hidden.begin(), request.shared.hidden.end());
  units.push_back(request.classes);
  return fmt::format("{} on grid {}, {} peers; network {}, batch {}", request.shared.code,
                     node::grid_text(request.shared.grid), request.shared.peers, fmt::join(units, "-"),
                     request.shared.batch);
}

double smaller_than_share(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(place))];
}

SetReport report_set(const codes::Pass& pass, double gain, Index present) {
  const codes::LinearCode& code = pass.code;
  const bool checked = present > code.columns() || code.recovery_threshold >= code.peers();
  return {gain, checked && gain <= codes::kUsableGain};
}

void measure_random_sets(const codes::Pass& pass, Index missing, PassReport& report) {
  std::mt19937_64 generator(kSeed);
  std::vector<int> order(static_cast<std::size_t>(pass.code.peers()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> gains;
  for (int k = 0; k < random_set_count(pass.code.peers()); ++k) {
    std::shuffle(order.begin(), order.end(), generator);
    gains.push_back(quick_gain(pass.code, pass.sigma, PeerSet::of({order.begin() + missing, order.end()})));
  }
  const Index present = pass.code.peers() - missing;
  report.random_median = report_set(pass, smaller_than_share(gains, 0.5), present);
  report.random_p99 = report_set(pass, smaller_than_share(gains, 0.99), present);
}

PassReport report_pass(const codes::Pass& pass, Index random_missing, double floor, double signal) {
  const Index peers = pass.code.peers();
  const PeerSet all = PeerSet::all(static_cast<int>(peers));
  const codes::SetDecoder decoder = codes::make_set_decoder(pass.code, pass.sigma, all);
  PassReport report;
  report.recovery_threshold = pass.code.recovery_threshold;
  report.bounds = codes::error_bounds(pass.code, peers);
  report.complete = report_set(pass, decoder.gain, peers);
  report.kappa = codes::hidden_error(decoder, {codes::NoiseFloor::kAlarmFactor * floor, signal});
  measure_random_sets(pass, random_missing, report);
  double worst = 0.0;
  for (int p = 0; p < static_cast<int>(peers); ++p)
    worst = std::max(worst, quick_gain(pass.code, pass.sigma, all - PeerSet::of({p})));
  report.worst_peer = report_set(pass, worst, peers - 1);
  return report;
}

std::vector<HostReport> report_hosts(const codes::ProductCode& code, Index hosts) {
  std::vector<HostReport> reports;
  if (hosts == 0) return reports;
  const std::vector<std::int64_t> shares(static_cast<std::size_t>(hosts), 1);
  for (const std::vector<Index>& indices : node::deal_indices(shares, code.peers())) {
    HostReport report{indices, {}};
    PeerSet left = PeerSet::all(static_cast<int>(code.peers()));
    for (const Index p : indices) left.erase(static_cast<int>(p));
    for (std::size_t k = 0; k < code.passes.size(); ++k) {
      const codes::Pass& pass = code.passes[k];
      report.without[k] = report_set(pass, quick_gain(pass.code, pass.sigma, left), left.size());
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

// One round of one layer: bytes to each other peer, and arithmetic.
struct RoundCost {
  double payload_bytes = 0.0, product = 0.0, coding = 0.0;
};
RoundCost round_cost(const codes::ProductCode& code, PassKind kind, codes::Shape weights, Index batch) {
  const codes::Pass& pass = code.pass(kind);
  const codes::Shape shard =
      codes::shard_shape(code.shards[static_cast<std::size_t>(pass.shard)], weights.rows, weights.cols);
  const codes::Shape payload = codes::contribution_shape(code, pass, weights, batch);
  const double entries = static_cast<double>(payload.size());
  const Index operand_rows = pass.transposed ? weights.rows : weights.cols;
  const Index transform_rows =
      pass.code.wanted() + std::max<Index>(0, code.peers() - pass.code.columns());  // decode and check
  return {kFloatBytes * entries, 2.0 * static_cast<double>(shard.size()) * static_cast<double>(payload.cols),
          2.0 * static_cast<double>(operand_rows * batch) +
              2.0 * entries * static_cast<double>(transform_rows * code.peers())};
}

PlanCost cost_of(const codes::ProductCode& code, const PlanRequest& request) {
  const Index batch = request.shared.batch;
  const double others = static_cast<double>(code.peers() - 1);
  PlanCost cost;
  double work = 0.0, plain_work = 0.0, coding = 0.0;
  bool first = true;
  for (const codes::Shape& weights : weight_shapes(request)) {
    const double plain = 2.0 * static_cast<double>(weights.size() * batch);
    for (const PassKind kind : {PassKind::kForward, PassKind::kBackward}) {
      if (kind == PassKind::kBackward && first) continue;  // the first layer passes nothing back
      const RoundCost round = round_cost(code, kind, weights, batch);
      cost.sent_bytes += others * round.payload_bytes;
      work += round.product;
      coding += round.coding;
      plain_work += plain;
    }
    for (const codes::ShardCode& shard : code.shards) {
      const double size = static_cast<double>(codes::shard_shape(shard, weights.rows, weights.cols).size());
      cost.memory_bytes += 2.0 * kFloatBytes * size;  // weights and momentum
      work += 2.0 * size * static_cast<double>(batch);
      coding += 2.0 * static_cast<double>((weights.rows + weights.cols) * batch);
    }
    plain_work += plain;  // the update
    first = false;
  }
  cost.arithmetic = work / plain_work;
  cost.coding_overhead = coding / work;
  return cost;
}

bool has_points(const PlanRequest& request) {
  return request.shared.code != "replication" && request.shared.code != "uncoded";
}
bool is_polynomial(const PlanRequest& request) {
  return request.shared.code == "polydot" || request.shared.code == "monomial";
}

Index spare_of(const PlanReport& report) {
  return report.peers - std::max(report.passes[0].recovery_threshold, report.passes[1].recovery_threshold);
}

// The two-sided MDS code that tolerates as many independent errors on as many peers, if it needs fewer bytes.
std::optional<std::string> advise_mds(const PlanRequest& request, const PlanReport& report) {
  if (!is_polynomial(request)) return std::nullopt;
  const Index q = report.peers - spare_of(report);
  const auto mds = codes::make_two_sided_mds({q, q, 1}, report.peers);
  if (!mds) return std::nullopt;
  const PlanCost cost = cost_of(*mds, request);
  if (cost.sent_bytes >= report.cost.sent_bytes) return std::nullopt;
  const auto change = [](double now, double before, const char* less = "less") {
    const double percent = 100.0 * (now / before - 1.0);
    return fmt::format("{:.0f} % {}", std::abs(percent), percent < 0.0 ? less : "more");
  };
  return fmt::format(
      "on slow links consider --code mds --grid {0}x{0}: the same tolerance with {1} bytes, {2} memory and "
      "{3} arithmetic",
      q, change(cost.sent_bytes, report.cost.sent_bytes, "fewer"),
      change(cost.memory_bytes, report.cost.memory_bytes), change(cost.arithmetic, report.cost.arithmetic));
}

std::optional<std::string> advise_hosts(const PlanRequest& request, const PlanReport& report) {
  if (report.hosts.empty()) {
    if (!has_points(request)) return std::nullopt;
    return "spread the hosts: indices of one host must lie far apart (polydot init does it; --hosts H shows)";
  }
  std::vector<std::size_t> fatal;
  for (std::size_t h = 0; h < report.hosts.size(); ++h)
    if (const auto& without = report.hosts[h].without; !without[0].usable || !without[1].usable)
      fatal.push_back(h + 1);
  if (fatal.empty()) return "any one host may be lost: what is left still decodes and is checked";
  return fmt::format("training waits while {} {} is missing: {}",
                     fatal.size() == 1 ? "host" : "any one of hosts", fmt::join(fatal, ", "),
                     has_points(request) ? "take more hosts, or more peers on this grid"
                                         : "let no host hold all copies of a block");
}

std::vector<std::string> advise(const PlanRequest& request, const PlanReport& report) {
  std::vector<std::string> lines;
  const Index spare = spare_of(report), threshold = report.peers - spare;
  if (spare == 0)
    lines.push_back("no contribution to spare: nothing is checked and nobody may be missing");
  else if (spare == 1)
    lines.push_back("one contribution to spare: errors are detected, but nobody can be located");
  const double share = static_cast<double>(spare) / static_cast<double>(report.peers);
  if (is_polynomial(request) && report.peers >= kLargeCluster && share < kSpareShare)
    lines.push_back(fmt::format("(P-K)/P = {:.2f}: from {} peers on take 0.30 or more, {} peers on this grid",
                                share, kLargeCluster,
                                std::ceil(static_cast<double>(threshold) / (1.0 - kSpareShare))));
  const auto& [forward, backward] = report.passes;
  const double complete = std::max(forward.complete.gain, backward.complete.gain);
  if (complete > codes::kUsableGain)
    lines.push_back(
        fmt::format("a gain of {:.0e} with everybody there: float32 cannot use this plan", complete));
  else if (spare > 0 && !(forward.random_p99.usable && backward.random_p99.usable))
    lines.push_back(fmt::format("with {} of {} peers missing, rounds may have to wait for them",
                                report.random_missing, report.peers));
  if (const auto line = advise_hosts(request, report)) lines.push_back(*line);
  if (const auto line = advise_mds(request, report)) lines.push_back(*line);
  return lines;
}

std::string gain_text(const SetReport& set) {
  if (!std::isfinite(set.gain)) return "no decode";
  return fmt::format("{:.3g}{}", set.gain, set.usable ? "" : " (waits)");
}

std::string kappa_text(double kappa) {
  return std::isfinite(kappa) ? fmt::format("{:.1e}", kappa) : "unchecked";
}

}  // namespace

double quick_gain(const codes::LinearCode& code, const VectorD& sigma, const PeerSet& set) {
  const std::vector<int> peers = set.members();
  const Index rows = static_cast<Index>(peers.size()), columns = code.columns();
  if (code.recovery_threshold != columns) return codes::gain_of(code, sigma, set);  // not every K rows alike
  if (rows < columns) return kInfinity;
  MatrixD v(rows, columns);
  for (Index r = 0; r < rows; ++r) {
    const int peer = peers[static_cast<std::size_t>(r)];
    v.row(r) = code.generator.row(peer) / sigma(peer);
  }
  // D = F pinv(V) = F R^-1 Q', and Q does not change the norm.
  const MatrixD triangle = codes::triangular_factor(v);
  const VectorD diagonal = triangle.diagonal().cwiseAbs();
  if (diagonal.minCoeff() <= 1e-13 * diagonal.maxCoeff()) return codes::gain_of(code, sigma, set);
  const MatrixD x = codes::solve_transposed(triangle, code.extractor);
  return std::sqrt(codes::largest_eigenvalue(x.transpose() * x));
}

Result<PlanReport> make_plan_report(const PlanRequest& request) {
  const auto code = codes::make_code(request.shared.code, request.shared.grid, request.shared.peers);
  if (!code) return code.failure();
  const std::vector<codes::Shape> layers = weight_shapes(request);
  if (Outcome fits = node::check_columns(*code, layers); !fits) return fits.failure();
  PlanReport report;
  report.title = title_of(request);
  report.peers = code->peers();
  report.random_missing = std::max<Index>(1, report.peers / 10);
  report.floor = kTypicalFloor;
  // Weights of variance 2 / inputs and an operand that knows nothing of them; the widest layer is the worst.
  Index widest = 1;
  for (const codes::Shape& weights : layers) {
    widest = std::max(widest, weights.cols - 1);
    report.plain_memory_bytes += 2.0 * kFloatBytes * static_cast<double>(weights.size());
  }
  report.signal = std::sqrt(2.0 / static_cast<double>(widest));
  for (std::size_t k = 0; k < report.passes.size(); ++k)
    report.passes[k] = report_pass(code->passes[k], report.random_missing, report.floor, report.signal);
  report.hosts = report_hosts(*code, request.hosts);
  report.cost = cost_of(*code, request);
  report.advice = advise(request, report);
  return report;
}

std::string text_of(const PlanReport& report) {
  std::string text = report.title + "\n\n";
  const auto row = [&](const std::string& label, const std::string& forward, const std::string& backward) {
    text += fmt::format("{:<52}{:>18}{:>18}\n", label, forward, backward);
  };
  const auto both = [&](const std::string& label, auto value) {
    row(label, value(report.passes[0]), value(report.passes[1]));
  };
  row("", "forward", "backward");
  both("recovery threshold K", [](const auto& p) { return fmt::to_string(p.recovery_threshold); });
  both("wrong peers an entry, any values", [](const auto& p) { return fmt::to_string(p.bounds.any); });
  both("wrong peers an entry, independent errors",
       [](const auto& p) { return fmt::to_string(p.bounds.independent); });
  both("gain, nobody missing", [](const auto& p) { return gain_text(p.complete); });
  both("gain, one peer missing, the worst", [](const auto& p) { return gain_text(p.worst_peer); });
  const std::string random =
      fmt::format("gain, {} of {} peers missing at random", report.random_missing, report.peers);
  both(random + ", median", [](const auto& p) { return gain_text(p.random_median); });
  both(random + ", p99", [](const auto& p) { return gain_text(p.random_p99); });
  for (std::size_t h = 0; h < report.hosts.size(); ++h) {
    const HostReport& host = report.hosts[h];
    row(fmt::format("gain, host {} missing: {}", h + 1, fmt::join(host.indices, " ")),
        gain_text(host.without[0]), gain_text(host.without[1]));
  }
  both("kappa: what could hide in a clean round (*)", [](const auto& p) { return kappa_text(p.kappa); });

  const auto line = [&](const std::string& label, const std::string& value) {
    text += fmt::format("{:<52}{}\n", label, value);
  };
  text += "\n";
  const double peers = static_cast<double>(report.peers);
  line("memory per peer, weights + momentum",
       fmt::format("{:.0f} bytes, {:.3g} of the plain network", report.cost.memory_bytes,
                   report.cost.memory_bytes / report.plain_memory_bytes));
  line("sent per peer and step", fmt::format("{:.0f} bytes", report.cost.sent_bytes));
  line("received per peer and step", fmt::format("{:.0f} bytes", report.cost.sent_bytes));
  line("arithmetic per peer", fmt::format("{:.3g} of the uncoded network's, {:.3g} over all peers",
                                          report.cost.arithmetic, report.cost.arithmetic * peers));
  line("to encode, check and decode", fmt::format("{:.0f} % more", 100.0 * report.cost.coding_overhead));
  text += "\n";
  for (const std::string& advice : report.advice) text += "- " + advice + "\n";
  text += fmt::format(
      "\n(*) the largest error of one peer, relative to the signal, that stays below the alarm: at a noise "
      "floor\n"
      "    of {:.0e} (training settles between 5e-7 and 5e-6) and a signal of {:.2g}, both whitened.\n",
      report.floor, report.signal);
  return text;
}

}  // namespace polydot::tools
