// What float32 loses: nothing to speak of with the nested code, everything with the textbook one; and K rows
// that are not K good rows.
#include <gtest/gtest.h>

#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

constexpr double kDeaf = std::numeric_limits<double>::infinity();

class Conditioning : public Seeded {
 protected:
  // The median over rounds of the relative error of a float32 decode, `missing` random peers missing.
  double median_error(const ProductCode& code, PassKind kind, int missing) {
    const int peers = static_cast<int>(code.peers());
    std::vector<double> errors;
    for (int trial = 0; trial < 9; ++trial) {
      const CleanRound round(code, kind, {12 * code.m, 12 * code.n}, 4 * code.d, generator_);
      const PeerSet set = random_set(peers, peers - missing, generator_);
      const SetDecoder decoder = make_set_decoder(round.pass.code, round.pass.sigma, set);
      Matrix product(round.truth.rows(), round.truth.cols());
      scan(round.pass, decoder, decoder, round.views(set), round.payload, round.nu, kDeaf, product);
      errors.push_back((product.cast<double>() - round.truth).norm() / round.truth.norm());
    }
    std::nth_element(errors.begin(), errors.begin() + 4, errors.end());
    return errors[4];
  }
  static double gain(const ProductCode& code, PassKind kind, const PeerSet& set) {
    return gain_of(code.pass(kind).code, code.pass(kind).sigma, set);
  }
};

TEST_F(Conditioning, NestedCodeLosesNoMoreThanFloatDoes) {
  for (const Plan& plan : {Plan{"polydot", {2, 2, 1}, 10},
                           {"polydot", {3, 3, 1}, 20},
                           {"polydot", {4, 4, 1}, 36},
                           {"polydot", {6, 6, 1}, 80},
                           {"polydot", {3, 3, 3}, 44}}) {
    const ProductCode code = make(plan);
    for (PassKind kind : kBothPasses)
      for (int missing : {0, 1, 2}) EXPECT_LE(median_error(code, kind, missing), 8e-7) << text_of(plan);
  }
}

TEST_F(Conditioning, TextbookCodeIsAsBadAsTheDesignSays) {
  struct {
    Plan plan;
    double at_least;
  } const known_bad[] = {{{"monomial", {3, 3, 1}, 16}, 1e-5}, {{"monomial", {4, 4, 1}, 32}, 1e-3}};
  for (const auto& bad : known_bad) {
    const Plan good{"polydot", bad.plan.grid, bad.plan.peers};
    for (PassKind kind : kBothPasses) {
      const double nested = median_error(make(good), kind, 0),
                   textbook = median_error(make(bad.plan), kind, 0);
      EXPECT_GE(textbook, bad.at_least) << text_of(bad.plan);
      EXPECT_LE(nested, 1e-6);
      EXPECT_GE(gain(make(bad.plan), kind, PeerSet::all(static_cast<int>(good.peers))),
                30.0 * gain(make(good), kind, PeerSet::all(static_cast<int>(good.peers))));
    }
  }
}

// The peers from `first` on, `count` of them missing.
PeerSet all_but(Index peers, int first, int count) {
  PeerSet set = PeerSet::all(static_cast<int>(peers));
  for (int p = first; p < first + count; ++p) set.erase(p);
  return set;
}

TEST_F(Conditioning, NeighboursMissingAtTheEdgeAreFarWorseThanScatteredOnes) {
  struct {
    Plan plan;
    PassKind kind;
    int missing;
    double at_least;
  } const rows[] = {{{"polydot", {2, 2, 1}, 10}, PassKind::kBackward, 4, 1e2},
                    {{"polydot", {3, 3, 1}, 20}, PassKind::kForward, 9, 1e6},
                    {{"polydot", {3, 3, 1}, 20}, PassKind::kBackward, 5, 1e5},
                    {{"polydot", {4, 4, 1}, 36}, PassKind::kBackward, 8, 1e9}};
  for (const auto& row : rows) {
    const ProductCode code = make(row.plan);
    std::vector<double> scattered;
    for (int trial = 0; trial < 51; ++trial)
      scattered.push_back(gain(code, row.kind,
                               random_set(static_cast<int>(row.plan.peers),
                                          static_cast<int>(row.plan.peers) - row.missing, generator_)));
    std::nth_element(scattered.begin(), scattered.begin() + 25, scattered.end());
    const double edge = gain(code, row.kind, all_but(row.plan.peers, 0, row.missing));
    EXPECT_GE(edge, row.at_least) << text_of(row.plan);
    EXPECT_GE(edge, 10.0 * scattered[25]) << text_of(row.plan);
    EXPECT_LE(gain(code, row.kind, PeerSet::all(static_cast<int>(row.plan.peers))), 8.0) << text_of(row.plan);
  }
}

}  // namespace
}  // namespace polydot::codes::testing
