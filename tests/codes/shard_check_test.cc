// Scrubs and pieces: right shards pass at any scale, wrong lines are located, and a peer's own lines come out
// of the others'.
#include "codes/decode/shard_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "codes/decode/noise_floor.h"
#include "codes/decode/shard_part.h"
#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

// As a peer's is before anything is learned.
constexpr double kScrubThreshold = 64 * 0x1p-24;
constexpr int kTrials = 12;

// A column of one number a line, or some lines as columns, of every peer.
struct Pieces {
  Shape shape;
  std::vector<Matrix> of;  // by peer

  std::vector<ContributionView> views(const PeerSet& set) const {
    std::vector<ContributionView> result;
    for (int p : set.members()) result.push_back({{of[static_cast<std::size_t>(p)].data()}, shape.cols});
    return result;
  }
  Pieces scaled(float factor) const {
    Pieces result = *this;
    for (Matrix& one : result.of) one *= factor;
    return result;
  }
};

TEST(RebuiltShards, EachPieceThatCountsIsChecked) {
  const ProductCode polydot = make({"polydot", {2, 2, 1}, 10});
  const Pass pass = shard_pass(polydot.shards[0]);
  DecoderCache cache(pass.code, pass.sigma);
  EXPECT_EQ(hidden_in_piece(pass, 0, PeerSet::of({1, 3}), cache), std::numeric_limits<double>::infinity());
  // m n = 4 decode; with a fifth they are checked.
  EXPECT_EQ(hidden_in_piece(pass, 0, PeerSet::of({1, 3, 5, 7}), cache),
            std::numeric_limits<double>::infinity());
  EXPECT_FALSE(can_be_rebuilt(pass, 0, PeerSet::of({1, 3, 5, 7}), cache));
  EXPECT_TRUE(can_be_rebuilt(pass, 0, PeerSet::of({1, 3, 5, 7, 9}), cache));
  EXPECT_LT(hidden_in_piece(pass, 0, PeerSet::all(10), cache),
            hidden_in_piece(pass, 0, PeerSet::of({1, 3, 5, 7, 9}), cache));
}

TEST(RebuiltShards, OfACopyThereMustBeTwo) {
  const ProductCode copies = make({"replication", {2, 1, 1}, 8});
  const Pass pass = shard_pass(copies.shards[0]);
  DecoderCache cache(pass.code, pass.sigma);
  PeerSet same, other;
  for (int p = 1; p < 8; ++p)
    (pass.code.generator.row(p) == pass.code.generator.row(0) ? same : other).insert(p);
  ASSERT_EQ(same.size(), 3);
  const int one = same.members().front();
  EXPECT_TRUE(can_be_rebuilt(pass, 0, same | PeerSet::of({other.members().front()}), cache));
  EXPECT_FALSE(can_be_rebuilt(pass, 0, other | PeerSet::of({one}), cache));
  EXPECT_TRUE(can_be_rebuilt(pass, other.members().front(), other | PeerSet::of({one}), cache));
}

class ShardCheck : public Seeded, public ::testing::WithParamInterface<Plan> {
 protected:
  // Every shard code of the plan, with random weights.
  template <typename Body>
  void for_each_shard(Body body) {
    for (std::size_t s = 0; s < code_.shards.size(); ++s) {
      SCOPED_TRACE("shard " + std::to_string(s));
      pass_ = shard_pass(code_.shards[s]);
      cache_ = std::make_unique<DecoderCache>(pass_.code, pass_.sigma);
      by_columns_ = first_pass(code_, static_cast<Index>(s)).transposed;
      // Padding in the last blocks. Not with replication, where a line of it is zero at a few peers.
      const bool padding = code_.name != "replication";
      const Matrix weights = random_matrix(padding ? 37 : 36, padding ? 29 : 30, generator_);
      shards_.clear();
      for (int p = 0; p < peers(); ++p) shards_.push_back(encode_shard(code_.shards[s], p, weights));
      body();
    }
  }
  int peers() const { return static_cast<int>(code_.peers()); }
  Index lines() const { return by_columns_ ? shards_[0].cols() : shards_[0].rows(); }
  PeerSet everybody() const { return PeerSet::all(peers()); }
  Index bound() const { return error_bounds(pass_.code, peers()).any; }

  Pieces scrub() {
    const Index inner = by_columns_ ? shards_[0].rows() : shards_[0].cols();
    Matrix signs(inner, 1);
    for (float& sign : signs.reshaped()) sign = random_int(0, 1) != 0 ? 1.0f : -1.0f;
    Pieces pieces{{lines(), 1}, {}};
    for (const Matrix& shard : shards_)
      pieces.of.push_back(by_columns_ ? Matrix(shard.transpose() * signs) : Matrix(shard * signs));
    return pieces;
  }
  // Every line, or `count` random ones.
  Pieces piece(Index count) {
    std::vector<Index> some(static_cast<std::size_t>(lines()));
    for (std::size_t k = 0; k < some.size(); ++k) some[k] = static_cast<Index>(k);
    std::shuffle(some.begin(), some.end(), generator_);
    some.resize(static_cast<std::size_t>(count));
    Pieces pieces{{by_columns_ ? shards_[0].rows() : shards_[0].cols(), count}, {}};
    for (const Matrix& shard : shards_) {
      Matrix one(pieces.shape.rows, count);
      for (Index k = 0; k < count; ++k) {
        const Index line = some[static_cast<std::size_t>(k)];
        if (by_columns_)
          one.col(k) = shard.col(line);
        else
          one.col(k) = shard.row(line).transpose();
      }
      pieces.of.push_back(one);
    }
    return pieces;
  }
  ShardQuestion question(const Pieces& pieces, double threshold, const PeerSet& present) {
    return {&pass_, pieces.shape, threshold, present, pieces.views(present)};
  }
  RoundVerdict check(const Pieces& pieces, double threshold = kScrubThreshold) {
    return check_shards(question(pieces, threshold, everybody()), *cache_);
  }
  // How large one peer's values are where its coefficients do not cancel.
  float loud(const Pieces& pieces, int peer) {
    const double scale = piece_scale(question(pieces, kScrubThreshold, everybody()), 0);
    return static_cast<float>(pass_.sigma(peer) * scale);
  }
  std::set<int> some_peers(Index count) {
    const std::vector<int> members = random_set(peers(), static_cast<int>(count), generator_).members();
    return {members.begin(), members.end()};
  }

  const ProductCode code_ = make(GetParam());
  Pass pass_;
  std::unique_ptr<DecoderCache> cache_;
  std::vector<Matrix> shards_;
  bool by_columns_ = false;
};

std::set<int> blamed(const RoundVerdict& verdict) {
  std::set<int> peers;
  for (const Finding& finding : verdict.findings) peers.insert(finding.peer);
  return peers;
}

TEST_P(ShardCheck, RightShardsAreCleanAtAnyScale) {
  for_each_shard([&] {
    for (int trial = 0; trial < kTrials; ++trial)
      for (const float scale : {1.0f, 1e-12f, 1e12f}) {
        SCOPED_TRACE(scale);
        EXPECT_TRUE(check(scrub().scaled(scale)).clean());
        EXPECT_TRUE(check(piece(lines()).scaled(scale), kPieceThreshold).clean());
        EXPECT_TRUE(check(piece(1 + trial % lines()).scaled(scale), kPieceThreshold).clean());
      }
  });
}

TEST_P(ShardCheck, WrongLinesAreLocatedExactly) {
  for_each_shard([&] {
    for (int trial = 0; trial < kTrials; ++trial)
      for (Index wrong_peers = 1; wrong_peers <= bound(); ++wrong_peers) {
        const Pieces right = scrub();
        Pieces pieces = right;
        std::map<int, std::set<Index>> wrong;
        for (int p : some_peers(wrong_peers))
          for (int k = 0; k <= trial % 2; ++k) {
            const Index line = random_int(0, static_cast<int>(lines()) - 1);
            const float size = std::uniform_real_distribution<float>(2.0f, 5.0f)(generator_);
            if (wrong[p].insert(line).second)
              pieces.of[static_cast<std::size_t>(p)](line, 0) += size * loud(right, p);
          }
        for (const float scale : {1.0f, 1e-12f, 1e12f}) {
          const RoundVerdict verdict = check(pieces.scaled(scale));
          ASSERT_EQ(verdict.state, RoundState::kChecked) << verdict.reason << " scale " << scale;
          std::map<int, std::set<Index>> found;
          for (const Finding& finding : verdict.findings)
            found[finding.peer] = {finding.rows.begin(), finding.rows.end()};
          ASSERT_EQ(found, wrong) << "scale " << scale;
        }
      }
  });
}

// What a peer that is named computes again may be rounded otherwise: that alone never clears its shard. Only
// a value that has come right does, whatever was sent.
TEST_P(ShardCheck, AScrubComputedAgainAccusesTheShardByItsDistanceFromTheCode) {
  for_each_shard([&] {
    if (bound() == 0) return;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (int trial = 0; trial < kTrials; ++trial)
      for (const float size : {1e-3f, 1.0f, 1e20f, kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
        SCOPED_TRACE(size);
        const Pieces right = scrub();
        Pieces pieces = right;
        const int self = *some_peers(1).begin();
        const Index stays = random_int(0, static_cast<int>(lines()) - 1);
        const Index passes = (stays + 1) % lines();
        Matrix& sent = pieces.of[static_cast<std::size_t>(self)];
        sent(stays, 0) += size * loud(right, self);
        sent(passes, 0) += size * loud(right, self);
        const RoundVerdict verdict = check(pieces);
        ASSERT_EQ(verdict.findings.size(), 1u);
        ASSERT_EQ(verdict.findings[0].rows,
                  (std::vector<Index>{std::min(stays, passes), std::max(stays, passes)}));
        Matrix again = sent;
        again(passes, 0) = right.of[static_cast<std::size_t>(self)](passes, 0);
        for (const float rounding : {0.0f, 1e-6f, -1e-6f}) {
          Matrix rounded = again;
          rounded(stays, 0) += rounding * loud(right, self);
          rounded(passes, 0) += rounding * loud(right, self);
          EXPECT_EQ(rows_still_wrong(pass_, self, verdict, verdict.findings[0].rows, sent, rounded),
                    std::vector<Index>{stays});
        }
      }
  });
}

TEST_P(ShardCheck, WhoGivesWrongPiecesIsLocated) {
  for_each_shard([&] {
    for (int trial = 0; trial < kTrials; ++trial)
      for (Index wrong_peers = 1; wrong_peers <= bound(); ++wrong_peers) {
        Pieces pieces = piece(1 + trial % 3);
        const Pieces right = pieces;
        const std::set<int> wrong = some_peers(wrong_peers);
        for (int p : wrong) {
          Matrix& one = pieces.of[static_cast<std::size_t>(p)];
          one(random_int(0, static_cast<int>(one.rows()) - 1), trial % one.cols()) += 3.0f * loud(right, p);
        }
        const RoundVerdict verdict = check(pieces, kPieceThreshold);
        ASSERT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
        ASSERT_EQ(blamed(verdict), wrong);
      }
  });
}

TEST_P(ShardCheck, ValuesThatAreHugeOrNoNumbersAreLocated) {
  if (error_bounds(shard_pass(code_.shards[0]).code, peers()).any == 0) GTEST_SKIP() << "detects only";
  for_each_shard([&] {
    for (const float value :
         {1e30f, -3e38f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
      for (const bool whole : {false, true}) {
        SCOPED_TRACE(::testing::Message() << value << (whole ? ", whole" : ", one"));
        for (Pieces pieces : {scrub(), piece(2)}) {
          const int victim = random_int(0, peers() - 1);
          Matrix& one = pieces.of[static_cast<std::size_t>(victim)];
          if (whole)
            one.setConstant(value);
          else
            one(random_int(0, static_cast<int>(one.rows()) - 1), 0) = value;
          const RoundVerdict verdict = check(pieces);
          EXPECT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
          EXPECT_EQ(blamed(verdict), std::set<int>{victim});
        }
      }
  });
}

TEST_P(ShardCheck, AMomentumThatIsZeroEverywhereIsRight) {
  for_each_shard([&] {
    const Pieces zero = scrub().scaled(0.0f);
    EXPECT_TRUE(check(zero).clean());
    // As the columns of a piece, behind those of the weights.
    Pieces both = piece(2);
    for (Matrix& one : both.of) one.rightCols(1).setZero();
    EXPECT_TRUE(check(both, kPieceThreshold).clean());
  });
}

TEST_P(ShardCheck, AMinorityThatIsNotZeroIsLocated) {
  for_each_shard([&] {
    for (int trial = 0; trial < kTrials; ++trial)
      for (Index wrong_peers = 1; wrong_peers <= bound(); ++wrong_peers)
        for (const float size : {1.0f, 1e-6f, 1e-20f}) {
          const Pieces scrubs = scrub();
          Pieces pieces = scrubs.scaled(0.0f);
          const std::set<int> wrong = some_peers(wrong_peers);
          for (int p : wrong)
            pieces.of[static_cast<std::size_t>(p)] = size * scrubs.of[static_cast<std::size_t>(p)] +
                                                     random_matrix(pieces.shape.rows, 1, generator_) * size;
          const RoundVerdict verdict = check(pieces);
          ASSERT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
          ASSERT_EQ(blamed(verdict), wrong) << "size " << size;
        }
  });
}

// And a piece from everybody shows where a lost shard was.
TEST_P(ShardCheck, AMinorityThatIsZeroIsLocated) {
  for_each_shard([&] {
    for (Index wrong_peers = 1; wrong_peers <= bound(); ++wrong_peers) {
      Pieces pieces = scrub();
      const std::set<int> wrong = some_peers(wrong_peers);
      for (int p : wrong) pieces.of[static_cast<std::size_t>(p)].setZero();
      const RoundVerdict verdict = check(pieces);
      EXPECT_EQ(verdict.state, RoundState::kChecked) << verdict.reason;
      EXPECT_EQ(blamed(verdict), wrong);
    }
  });
}

TEST_P(ShardCheck, APeersOwnLinesComeOutOfTheOthers) {
  int sets = 0;
  double worst = 0.0;
  for_each_shard([&] {
    for (int trial = 0; trial < 40; ++trial) {
      const int self = random_int(0, peers() - 1);
      const int least = std::min(peers() - 1, static_cast<int>(pass_.code.recovery_threshold));
      PeerSet present = random_set(peers(), random_int(least, peers() - 1), generator_);
      present.erase(self);
      const auto decoder = cache_->get(present);
      if (!decoder->decodable || decoder->gain > kRebuildGain) continue;
      ++sets;
      const Pieces pieces = piece(1 + trial % 3);
      const Matrix& own = pieces.of[static_cast<std::size_t>(self)];
      const Matrix made = piece_of(pass_, self, present, pieces.views(present), pieces.shape, *cache_);
      ASSERT_EQ(made.rows(), own.rows());
      ASSERT_EQ(made.cols(), own.cols());
      // Rounding is as loud as the largest shard that goes into it.
      float most = own.norm() / static_cast<float>(pass_.sigma(self));
      for (int p : present.members())
        most = std::max(most,
                        pieces.of[static_cast<std::size_t>(p)].norm() / static_cast<float>(pass_.sigma(p)));
      const double error = static_cast<double>((made - own).norm() / most) / pass_.sigma(self);
      // A number of a shard is a sum over the blocks of the weights: each term is rounded, its coefficient,
      // and the sums. As loud are the numbers that it is compared with, and what is made of the others.
      const auto terms = static_cast<double>(pass_.code.generator.cols());
      const double rounding = (terms + 1) * 0x1p-24 * (1 + noise_of_piece(pass_, self, present, *cache_));
      worst = std::max(worst, error / rounding);
      EXPECT_LT(error, rounding) << "gain " << decoder->gain;
    }
  });
  std::cout << "  " << sets << " sets, worst error over what rounding may do " << worst << "\n";
  EXPECT_GT(sets, 0);
}

// All with shards to spare. 2x2 of 8: one more than two wrong peers could be located with.
INSTANTIATE_TEST_SUITE_P(Plans, ShardCheck,
                         ::testing::Values(Plan{"polydot", {2, 2, 1}, 8}, Plan{"polydot", {2, 2, 1}, 10},
                                           Plan{"polydot", {2, 2, 1}, 12}, Plan{"polydot", {3, 3, 1}, 20},
                                           Plan{"polydot", {2, 3, 1}, 12}, Plan{"polydot", {2, 2, 2}, 14},
                                           Plan{"mds", {2, 2, 1}, 7}, Plan{"mds", {3, 2, 1}, 9},
                                           Plan{"replication", {2, 2, 1}, 12},
                                           Plan{"replication", {2, 3, 1}, 18},
                                           Plan{"monomial", {2, 2, 1}, 9}),
                         name_of_plan);

// Weights 7 x 4 in two blocks of rows: the last line of the second block is padding, zero at its holders, who
// are more than those that are left of the first.
TEST(ShardCheckOfReplication, APaddingLineOfMostDoesNotHideTheLineOfTheOthers) {
  const ProductCode code = *make_code("replication", {2, 1, 1}, 6);
  const ShardCode& shard = code.shards[0];
  const Pass pass = shard_pass(shard);
  DecoderCache cache(pass.code, pass.sigma);
  const Matrix weights = Matrix::Random(7, 4);
  const PeerSet present = PeerSet::all(6) - PeerSet::of({4});
  std::vector<Matrix> lines;
  for (const int p : present.members()) lines.push_back(encode_shard(shard, p, weights).row(3).transpose());
  ShardQuestion question{&pass, {4, 1}, 1e-5, present, {}, {}};
  for (const Matrix& line : lines) question.pieces.push_back({{line.data()}, 1});
  EXPECT_TRUE(check_shards(question, cache).clean());
  const Matrix right = piece_of(pass, 4, present, question.pieces, question.payload, cache);
  EXPECT_LT((right - weights.row(3).transpose()).norm(), 1e-6f);
}

}  // namespace
}  // namespace polydot::codes::testing
