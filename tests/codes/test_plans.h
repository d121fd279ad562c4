// Plans that the tests of codes/ run, and whole rounds without errors on them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "codes/decode/round_check.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"

namespace polydot::codes::testing {

inline constexpr PassKind kBothPasses[] = {PassKind::kForward, PassKind::kBackward};

struct Plan {
  const char* name;
  Grid grid;
  Index peers;
};

inline std::string text_of(const Plan& plan) {
  return std::string(plan.name) + "_" + std::to_string(plan.grid.m) + "x" + std::to_string(plan.grid.n) +
         "x" + std::to_string(plan.grid.d) + "_P" + std::to_string(plan.peers);
}
inline void PrintTo(const Plan& plan, std::ostream* out) { *out << text_of(plan); }
inline std::string name_of_plan(const ::testing::TestParamInfo<Plan>& info) { return text_of(info.param); }

// Every factory; m or n of 1, m != n, batch groups, no spare peer, many.
inline const std::vector<Plan> kPlans = {
    {"polydot", {1, 1, 1}, 3},     {"polydot", {2, 2, 1}, 6},     {"polydot", {2, 2, 1}, 10},
    {"polydot", {1, 3, 1}, 8},     {"polydot", {3, 1, 1}, 8},     {"polydot", {1, 1, 3}, 6},
    {"polydot", {1, 3, 2}, 11},    {"polydot", {3, 1, 2}, 11},    {"polydot", {2, 3, 1}, 12},
    {"polydot", {3, 2, 1}, 13},    {"polydot", {2, 2, 2}, 14},    {"polydot", {3, 3, 1}, 20},
    {"polydot", {2, 2, 3}, 20},    {"polydot", {4, 4, 1}, 36},    {"monomial", {1, 1, 1}, 3},
    {"monomial", {2, 2, 1}, 9},    {"monomial", {1, 3, 2}, 10},   {"monomial", {3, 1, 1}, 7},
    {"monomial", {2, 3, 1}, 12},   {"mds", {1, 1, 1}, 2},         {"mds", {2, 2, 1}, 7},
    {"mds", {3, 2, 1}, 8},         {"mds", {2, 5, 1}, 9},         {"mds", {6, 6, 1}, 10},
    {"replication", {1, 1, 1}, 3}, {"replication", {2, 2, 1}, 8}, {"replication", {2, 2, 1}, 10},
    {"replication", {2, 3, 1}, 9}, {"uncoded", {1, 1, 1}, 1},     {"uncoded", {2, 2, 1}, 4},
    {"uncoded", {2, 3, 1}, 6},
};

inline bool is_polynomial(const Plan& plan) {
  const std::string name = plan.name;
  return name == "polydot" || name == "monomial" || name == "mds";
}

inline ProductCode make(const Plan& plan) {
  Result<ProductCode> code = make_code(plan.name, plan.grid, plan.peers);
  if (!code.ok()) std::cerr << code.failure().message << std::endl;
  return std::move(code).value();
}

// A seeded generator that says its seed, once a test.
class Seeded : public ::testing::Test {
 protected:
  explicit Seeded(std::uint64_t seed = 20240611) : generator_(seed) {
    std::cout << "seed " << seed << std::endl;
  }
  int random_int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator_); }

  std::mt19937_64 generator_;
};

inline Matrix random_matrix(Index rows, Index cols, std::mt19937_64& generator) {
  std::normal_distribution<float> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

inline PeerSet random_set(int peers, int size, std::mt19937_64& generator) {
  std::vector<int> pool(static_cast<std::size_t>(peers));
  for (int p = 0; p < peers; ++p) pool[static_cast<std::size_t>(p)] = p;
  std::shuffle(pool.begin(), pool.end(), generator);
  pool.resize(static_cast<std::size_t>(size));
  return PeerSet::of(pool);
}

// Every set of at least `smallest` peers, or `budget` random ones when there are more.
inline std::vector<PeerSet> sets_of_at_least(int smallest, int peers, int budget,
                                             std::mt19937_64& generator) {
  std::vector<PeerSet> sets;
  if (peers <= 10) {
    for (std::uint64_t word = 0; word < std::uint64_t{1} << peers; ++word)
      if (std::popcount(word) >= smallest) sets.emplace_back(PeerSet::Words{word, 0, 0, 0});
    return sets;
  }
  for (int k = 0; k < budget; ++k)
    sets.push_back(
        random_set(peers, std::uniform_int_distribution<int>(smallest, peers)(generator), generator));
  return sets;
}

// A round without errors.
struct CleanRound {
  CleanRound(const ProductCode& code, PassKind kind, Shape weight_shape, Index batch_size,
             std::mt19937_64& generator)
      : pass(code.pass(kind)),
        weights(random_matrix(weight_shape.rows, weight_shape.cols, generator)),
        operand(
            random_matrix(pass.transposed ? weight_shape.rows : weight_shape.cols, batch_size, generator)),
        payload(contribution_shape(code, pass, weight_shape, batch_size)),
        nu(column_scales(pass, operand)) {
    const MatrixD w = weights.cast<double>(), x = operand.cast<double>();
    truth = pass.transposed ? MatrixD(w.transpose() * x) : MatrixD(w * x);
    for (Index p = 0; p < code.peers(); ++p) {
      contributions.emplace_back(payload.rows, payload.cols);
      multiply(pass, encode_shard(code.shards[static_cast<std::size_t>(pass.shard)], p, weights),
               encode_operand(pass, p, operand), 0, payload.rows, contributions.back());
    }
  }

  std::vector<ContributionView> views(const PeerSet& set) const {
    std::vector<ContributionView> result;
    for (int p : set.members())
      result.push_back({{contributions[static_cast<std::size_t>(p)].data()}, payload.cols});
    return result;
  }
  // The largest deviation from the truth, columns whitened, over the largest whitened value of the truth.
  double error_of(const Matrix& product) const {
    double worst = 0.0, largest = 0.0;
    for (Index c = 0; c < truth.cols(); ++c) {
      const double scale = nu(c % nu.size());
      const VectorD off = (product.col(c).cast<double>() - truth.col(c)) / scale;
      if (!off.allFinite()) return std::numeric_limits<double>::infinity();
      worst = std::max(worst, off.cwiseAbs().maxCoeff());
      largest = std::max(largest, truth.col(c).cwiseAbs().maxCoeff() / scale);
    }
    return worst / largest;
  }
  RoundQuestion question(const PeerSet& present, double threshold) const {
    RoundQuestion q;
    q.pass = &pass;
    q.payload = payload;
    q.result_rows = truth.rows();
    q.batch = truth.cols();
    q.nu = nu;
    q.threshold = threshold;
    q.gate = std::numeric_limits<double>::infinity();
    q.present = present;
    q.contributions = views(present);
    return q;
  }

  Pass pass;
  Matrix weights, operand;
  Shape payload;
  VectorD nu;
  MatrixD truth;
  std::vector<Matrix> contributions;
};

}  // namespace polydot::codes::testing
