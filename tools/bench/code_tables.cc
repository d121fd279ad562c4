#include "tools/bench/code_tables.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "codes/decode/set_decoder.h"
#include "codes/decode/syndrome.h"
#include "codes/kernels/encode.h"
#include "tools/bench/tally.h"

namespace polydot::bench {

namespace {

using codes::MatrixD;
using codes::PassKind;
using codes::PeerSet;
using codes::VectorD;

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.2g}", value) : "-"; }

// All peers without `missing` random ones.
PeerSet random_survivors(Index peers, Index missing, std::mt19937_64& generator) {
  std::vector<int> order(static_cast<std::size_t>(peers));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), generator);
  return PeerSet::of({order.begin() + missing, order.end()});
}

// ---- decode error

struct DecodePlan {
  codes::Grid grid;
  Index peers;
};
constexpr Index kRows = 240, kCols = 240, kBatch = 24;  // divisible by every grid below
constexpr Index kMostErasures = 2;

Matrix gaussian(Index rows, Index cols, std::mt19937_64& generator) {
  std::normal_distribution<float> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

// ||decoded - W X|| / ||W X|| of one round; infinite when the set does not decode.
double decode_error(const codes::ProductCode& code, PassKind kind, Index missing,
                    std::mt19937_64& generator) {
  const codes::Pass& pass = code.pass(kind);
  const Matrix weights = gaussian(kRows, kCols, generator);
  const Matrix operand = gaussian(pass.transposed ? kRows : kCols, kBatch, generator);
  const MatrixD truth = pass.transposed ? MatrixD(weights.cast<double>().transpose() * operand.cast<double>())
                                        : MatrixD(weights.cast<double>() * operand.cast<double>());
  const auto decoder =
      codes::make_set_decoder(pass.code, pass.sigma, random_survivors(code.peers(), missing, generator));
  if (!decoder.decodable) return std::numeric_limits<double>::infinity();
  const codes::Shape payload = codes::contribution_shape(code, pass, {kRows, kCols}, kBatch);
  std::vector<Matrix> contributions;
  std::vector<codes::ContributionView> views;
  for (int p : decoder.peers) {
    Matrix& y = contributions.emplace_back(payload.rows, payload.cols);
    const auto& shard = code.shards[static_cast<std::size_t>(pass.shard)];
    codes::multiply(pass, codes::encode_shard(shard, p, weights), codes::encode_operand(pass, p, operand), 0,
                    payload.rows, y);
  }
  for (const Matrix& y : contributions) views.push_back({{y.data()}, payload.cols});
  Matrix product(truth.rows(), truth.cols());
  codes::scan(pass, decoder, decoder, views, payload, codes::column_scales(pass, operand),
              std::numeric_limits<double>::infinity(), product);
  return (product.cast<double>() - truth).norm() / truth.norm();
}

// The same for a product that nobody coded.
double median_plain_error(int trials, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> errors;
  for (int k = 0; k < trials; ++k) {
    const Matrix weights = gaussian(kRows, kCols, generator), operand = gaussian(kCols, kBatch, generator);
    const MatrixD truth = weights.cast<double>() * operand.cast<double>();
    const Matrix product = weights * operand;
    errors.push_back((product.cast<double>() - truth).norm() / truth.norm());
  }
  return quantile(errors, 0.5);
}

double median_decode_error(const codes::ProductCode& code, PassKind kind, Index missing, int trials,
                           std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> errors;
  for (int k = 0; k < trials; ++k) errors.push_back(decode_error(code, kind, missing, generator));
  return quantile(errors, 0.5);
}

// ---- gain

// 0 .. peers-1 in the order of their reversed bits: how indices are dealt to hosts.
std::vector<int> bit_reversed_order(Index peers) {
  const unsigned size = std::bit_ceil(static_cast<unsigned>(peers));
  const int bits = std::countr_zero(size);
  std::vector<int> order;
  for (unsigned k = 0; k < size; ++k) {
    unsigned reversed = 0;
    for (int b = 0; b < bits; ++b) reversed |= (k >> b & 1u) << (bits - 1 - b);
    if (reversed < static_cast<unsigned>(peers)) order.push_back(static_cast<int>(reversed));
  }
  return order;
}

struct GainRow {
  codes::Grid grid;
  Index peers;
  PassKind pass;
  std::vector<Index> missing;
};

std::vector<GainRow> gain_rows() {
  return {{{2, 2, 1}, 10, PassKind::kBackward, {1, 4}},
          {{3, 3, 1}, 20, PassKind::kForward, {2, 9}},
          {{3, 3, 1}, 20, PassKind::kBackward, {2, 5}},
          {{4, 4, 1}, 36, PassKind::kBackward, {3, 8}},
          {{6, 6, 1}, 80, PassKind::kBackward, {8}}};
}

std::vector<double> random_gains(const codes::LinearCode& code, const VectorD& sigma, Index missing,
                                 int trials, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> gains;
  for (int k = 0; k < trials; ++k)
    gains.push_back(codes::gain_of(code, sigma, random_survivors(code.peers(), missing, generator)));
  return gains;
}

// The gain without `missing` indices that follow each other in bit-reversed order, from the first on, and the
// worst of all such runs.
std::pair<double, double> spread_gains(const codes::Pass& pass, Index missing) {
  const std::vector<int> order = bit_reversed_order(pass.code.peers());
  const PeerSet all = PeerSet::all(static_cast<int>(pass.code.peers()));
  double first = 0.0, worst = 0.0;
  for (std::size_t start = 0; start + static_cast<std::size_t>(missing) <= order.size(); ++start) {
    const auto from = order.begin() + static_cast<std::ptrdiff_t>(start);
    const double gain = codes::gain_of(pass.code, pass.sigma, all - PeerSet::of({from, from + missing}));
    if (start == 0) first = gain;
    worst = std::max(worst, gain);
  }
  return {first, worst};
}

// The fewest shards from which the given share of random sets rebuilds at a gain of at most 30.
Index shards_for_rebuild(const codes::LinearCode& code, const VectorD& sigma, double share, int trials,
                         std::uint64_t seed) {
  constexpr double kRebuildGain = 30.0;
  for (Index count = code.recovery_threshold; count < code.peers(); ++count)
    if (quantile(random_gains(code, sigma, code.peers() - count, trials, seed), share) <= kRebuildGain)
      return count;
  return code.peers();
}

}  // namespace

std::string decode_error_table(const TableOptions& options) {
  const int trials = options.full ? 51 : 5;
  std::string text = fmt::format(
      "Relative decode error in float32 against a double product, {} x {} weights, batch {}, median of {} "
      "rounds, s random erasures:\n\n"
      "| m,n,d | P | K_f, K_b | forward s=0 / 1 / 2 | backward s=0 / 1 / 2 |\n|---|---|---|---|---|\n",
      kRows, kCols, kBatch, trials);
  for (const auto& [grid, peers] :
       {DecodePlan{{2, 2, 1}, 10}, DecodePlan{{3, 3, 1}, 20}, DecodePlan{{4, 4, 1}, 36},
        DecodePlan{{6, 6, 1}, 80}, DecodePlan{{3, 3, 3}, 44}}) {
    const codes::ProductCode code = codes::make_polydot(grid, peers).value();
    text += fmt::format("| {},{},{} | {} | {}, {} |", grid.m, grid.n, grid.d, peers,
                        code.passes[0].code.recovery_threshold, code.passes[1].code.recovery_threshold);
    for (PassKind kind : kBothPasses) {
      for (Index missing = 0; missing <= kMostErasures; ++missing)
        text += (missing == 0 ? " " : " / ") +
                number(median_decode_error(code, kind, missing, trials, options.seed));
      text += " |";
    }
    text += "\n";
  }
  text += fmt::format("\nThe plain float32 product of the same size: {}.\n",
                      number(median_plain_error(trials, options.seed)));
  return text;
}

std::string monomial_table(const TableOptions& options) {
  const int trials = options.full ? 51 : 5;
  std::string text =
      "The monomial form (powers of z and z^n) on the same points, beside the nested form; - where too few "
      "rows are left:\n\n"
      "| m,n,P | form | forward s=0 / 1 | backward s=0 / 1 | gain, nobody missing, forward / backward |\n"
      "|---|---|---|---|---|\n";
  for (const auto& [grid, peers] : {DecodePlan{{3, 3, 1}, 16}, DecodePlan{{4, 4, 1}, 32}})
    for (const char* name : {"monomial", "polydot"}) {
      const codes::ProductCode code = codes::make_code(name, grid, peers).value();
      text += fmt::format("| {},{},{} | {} |", grid.m, grid.n, peers,
                          std::string(name) == "polydot" ? "nested" : name);
      for (PassKind kind : kBothPasses)
        text += fmt::format(" {} / {} |", number(median_decode_error(code, kind, 0, trials, options.seed)),
                            number(median_decode_error(code, kind, 1, trials, options.seed)));
      const PeerSet all = PeerSet::all(static_cast<int>(peers));
      text +=
          fmt::format(" {} / {} |\n", number(codes::gain_of(code.passes[0].code, code.passes[0].sigma, all)),
                      number(codes::gain_of(code.passes[1].code, code.passes[1].sigma, all)));
    }
  return text;
}

std::string gain_table(const TableOptions& options) {
  const int trials = options.full ? 2000 : 100;
  std::string text = fmt::format(
      "Gain ||D diag(sigma)||: {} random sets of erasures; a block of neighbours at the edge; the same "
      "number "
      "of indices that follow each other in bit-reversed order, the first such run and the worst:\n\n"
      "| plan, pass | missing | random, median / p99 | neighbours at the edge | spread: first / worst |\n"
      "|---|---|---|---|---|\n",
      trials);
  for (const GainRow& row : gain_rows()) {
    const codes::ProductCode code = codes::make_polydot(row.grid, row.peers).value();
    const codes::Pass& pass = code.pass(row.pass);
    for (Index missing : row.missing) {
      const auto gains = random_gains(pass.code, pass.sigma, missing, trials, options.seed);
      const PeerSet all = PeerSet::all(static_cast<int>(row.peers));
      const double edge =
          codes::gain_of(pass.code, pass.sigma, all - PeerSet::all(static_cast<int>(missing)));
      const auto [first, worst] = spread_gains(pass, missing);
      text += fmt::format("| {} {} | {} | {} / {} | {} | {} / {} |\n", plan_text(row.grid, row.peers),
                          name_of(row.pass), missing, number(quantile(gains, 0.5)),
                          number(quantile(gains, 0.99)), number(edge), number(first), number(worst));
    }
  }
  return text;
}

std::string rebuild_table(const TableOptions& options) {
  const int trials = options.full ? 2000 : 100;
  std::string text = fmt::format(
      "Rebuilding a matrix from shards alone, {} random sets; then the fewest shards from which half, and 99 "
      "%, of the sets have a gain of at most 30:\n\n"
      "| plan | from mn shards, median / p99 | shards for gain <= 30, half / 99 % |\n|---|---|---|\n",
      trials);
  for (const auto& [grid, peers] :
       {DecodePlan{{2, 2, 1}, 10}, DecodePlan{{3, 3, 1}, 20}, DecodePlan{{4, 4, 1}, 36}}) {
    const codes::ProductCode code = codes::make_polydot(grid, peers).value();
    const codes::LinearCode shards = code.shards.front().as_code();
    const VectorD sigma = shards.generator.rowwise().norm();
    const Index blocks = shards.columns();
    const auto gains = random_gains(shards, sigma, peers - blocks, trials, options.seed);
    const auto beyond = [&](double share) {
      return shards_for_rebuild(shards, sigma, share, trials / 4, options.seed) - blocks;
    };
    text +=
        fmt::format("| {} | {} / {} | mn+{} / mn+{} |\n", plan_text(grid, peers),
                    number(quantile(gains, 0.5)), number(quantile(gains, 0.99)), beyond(0.5), beyond(0.99));
  }
  return text;
}

}  // namespace polydot::bench
