// What peers say about the sets that they decoded their operands from: the word of one decides nothing for
// all, and poor sets of many are borne.
#include <gtest/gtest.h>

#include "codes/decode/set_decoder.h"
#include "tests/protocol/peer_lab.h"

namespace polydot::protocol::testing {
namespace {

constexpr int kPeers = PeerLab::kPeers;

// Usable, and its operands are this much louder than those of everybody.
struct PoorSet {
  PeerSet set;
  double factor = 0.0;
};
PoorSet poor_set(double least) {
  const codes::ProductCode code = codes::make_code("polydot", {2, 2, 1}, kPeers).value();
  const codes::Pass& pass = code.pass(codes::PassKind::kForward);
  codes::DecoderCache cache(pass.code, pass.sigma);
  const double best = cache.get(PeerSet::all(kPeers))->gain;
  PoorSet found{PeerSet::all(kPeers), 1e9};
  for (unsigned bits = 0; bits < 1u << kPeers; ++bits) {
    PeerSet set;
    for (int p = 0; p < kPeers; ++p)
      if ((bits >> p & 1) != 0) set.insert(p);
    const auto decoder = cache.get(set);
    if (!decoder->usable()) continue;
    if (const double factor = decoder->gain / best; factor >= least && factor < found.factor)
      found = {set, factor};
  }
  return found;
}

// Of the peers below `count` every contribution says so; their values are right.
double worst_kappa(int count, const PeerSet& set) {
  PeerLab lab(20);
  lab.alter([&](Letter& letter) {
    if (is(letter, MessageKind::kContribution) && letter.from < count) letter.message.set = set;
  });
  EXPECT_TRUE(lab.until([&] { return lab.all_ended(); })) << count;
  double kappa = 0.0;
  for (int p = 0; p < kPeers; ++p) {
    EXPECT_FALSE(lab.peer(p).failure()) << count << ": " << lab.peer(p).failure()->message;
    EXPECT_EQ(lab.job(p).products.size(), 40u) << count;
    EXPECT_EQ(lab.peer(p).status().rounds_with_findings, 0u) << count;
    kappa = std::max(kappa, lab.peer(p).status().budget.kappa);
  }
  return kappa;
}

TEST(PoorSets, TheWordOfOneChangesLittleAndThatOfManyIsBorne) {
  const PoorSet poor = poor_set(9.0), poorest = poor_set(40.0);
  ASSERT_LT(poor.factor, 40.0);
  ASSERT_LT(poorest.factor, 1e9);
  const double none = worst_kappa(0, {});
  for (const PoorSet& set : {poor, poorest}) {
    const double one = worst_kappa(1, set.set);
    std::cout << "  factor " << set.factor << ": kappa " << none << ", one says so " << one << "\n";
    EXPECT_LE(one, 8.0 * none);
    for (const int many : {2, 3, 4, 5}) worst_kappa(many, set.set);
  }
}

}  // namespace
}  // namespace polydot::protocol::testing
