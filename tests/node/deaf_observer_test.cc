// From a wrong contribution to the score, with the real parts in between: injector, check of the round,
// ledger, book of rounds. One layer of the default network, 256 x 785, on ten peers. Which floor an observer
// goes by is its own affair: the injector's classes stay as they are, and who has gone deaf is seen to miss.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "codes/decode/round_check.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "dnn/operations/random.h"
#include "node/faults/injector.h"
#include "node/files/run_layout.h"
#include "node/records/ledger.h"
#include "node/records/round_book.h"
#include "node/records/run_score.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using codes::Index;
using codes::Matrix;
using codes::PeerSet;

constexpr int kPeers = 10, kObservers = 3, kVictim = 6;
constexpr Index kOut = 256, kIn = 785, kBatch = 64;
constexpr std::uint64_t kSteps = 60;

Matrix gaussian(Index rows, Index cols, std::uint64_t seed, double deviation) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  Matrix matrix(rows, cols);
  for (Index i = 0; i < matrix.size(); ++i)
    matrix.data()[i] = static_cast<float>(deviation * random.gaussian());
  return matrix;
}

class DeafObserver : public ::testing::Test {
 protected:
  DeafObserver() {
    for (int p = 0; p < kPeers; ++p) {
      shards_.push_back(
          codes::encode_shard(code_.shards[static_cast<std::size_t>(pass_.shard)], p, weights_));
      coded_.push_back(codes::encode_operand(pass_, p, operand_));
      contributions_.emplace_back(codes::contribution_shape(code_, pass_, {kOut, kIn}, kBatch).rows,
                                  coded_.back().cols());
      codes::multiply(pass_, shards_.back(), coded_.back(), 0, contributions_.back().rows(),
                      contributions_.back());
      std::filesystem::create_directories(peer_folder(run(), p));
    }
    floor_.analytic = codes::NoiseFloor::analytic_threshold(weights_.rowwise().norm().maxCoeff());
    floor_.locatable = codes::locatable_sizes(*cache_.get(kAll))(kVictim);
    floor_.sigma = pass_.sigma(kVictim);
    floor_.nu = &nu_;
  }
  std::string run() const { return folder_.path().string(); }

  // Flips a bit of the victim's contribution in every step; observer p locates above thresholds[p] analytic
  // floors.
  FaultCounts train(const std::array<double, kObservers>& thresholds) {
    floor_.threshold = thresholds.front() * floor_.analytic;  // what is published is learned as well
    std::array<Ledger, kObservers> ledgers;
    std::array<RoundBook, kObservers> books;
    for (int p = 0; p < kObservers; ++p) {
      const auto k = static_cast<std::size_t>(p);
      EXPECT_TRUE(ledgers[k].open(peer_folder(run(), p) + kFindingsFile).ok());
      EXPECT_TRUE(books[k].open(peer_folder(run(), p) + kRoundsFile, Records::kBeginAnew, kPeers).ok());
    }
    {
      const auto injector = Injector::make({parse_inject_spec("product:bitflip:rate=1").value()}, kSeed,
                                           kVictim, peer_folder(run(), kVictim) + kInjectionsFile)
                                .value();
      for (std::uint64_t step = 0; step < kSteps; ++step) {
        std::vector<Matrix> sent = contributions_;
        codes::TapPoint point;
        point.stage = codes::Stage::kProduct;
        point.step = step;
        point.slot = kSlot;
        point.floor = &floor_;
        injector->visit(point, sent[kVictim]);
        for (std::size_t k = 0; k < kObservers; ++k)
          judge(step, sent, thresholds[k] * floor_.analytic, ledgers[k], books[k]);
      }
    }
    for (Ledger& ledger : ledgers) ledger.close();
    for (RoundBook& book : books) book.close();
    FaultCounts counts;
    score_run(run(), kPeers, counts);
    return counts;
  }

 private:
  static constexpr std::uint32_t kSlot = 1u << 24;
  static constexpr std::uint64_t kSeed = 17;

  void judge(std::uint64_t step, const std::vector<Matrix>& sent, double threshold, Ledger& ledger,
             RoundBook& book) {
    codes::RoundQuestion question;
    question.pass = &pass_;
    question.payload = {sent.front().rows(), sent.front().cols()};
    question.result_rows = kOut;
    question.batch = kBatch;
    question.nu = nu_;
    question.threshold = threshold;
    question.gate = std::numeric_limits<double>::infinity();
    question.present = kAll;
    for (const Matrix& one : sent) {
      codes::ContributionView view;
      view.slices = {one.data()};
      view.columns_per_slice = one.cols();
      question.contributions.push_back(view);
    }
    const codes::RoundVerdict verdict = codes::check_round(question, cache_);
    const std::vector<protocol::ScrubReport> scrubs;
    protocol::RoundReport report;
    report.key = {0, step, kSlot, 0};
    report.present = kAll;
    report.verdict = &verdict;
    report.scrubs = &scrubs;
    ledger.on_round(report);
    book.on_round(report);
  }

  const PeerSet kAll = PeerSet::all(kPeers);
  const codes::ProductCode code_ = codes::make_code("polydot", codes::Grid{2, 2, 1}, kPeers).value();
  const codes::Pass& pass_ = code_.pass(codes::PassKind::kForward);
  const Matrix weights_ = gaussian(kOut, kIn, 1, 0.05), operand_ = gaussian(kIn, kBatch, 2, 1.0);
  const codes::VectorD nu_ = codes::column_scales(pass_, operand_);
  codes::DecoderCache cache_{pass_.code, pass_.sigma};
  std::vector<Matrix> shards_, coded_, contributions_;
  codes::PublishedFloor floor_;
  ScratchFolder folder_;
};

// At the analytic floor, and at the highest that may ever be learned.
TEST_F(DeafObserver, WhoHearsLocatesAllThatIsSurelyLocated) {
  for (const double threshold : {1.0, codes::NoiseFloor::kCapFactor}) {
    const FaultCounts counts = train({threshold, threshold, threshold});
    EXPECT_GT(counts.above_floor, 10u);
    EXPECT_GT(counts.near_floor, 3u);
    EXPECT_GT(counts.below_floor, 3u);
    EXPECT_EQ(counts.recall(), 1.0) << "threshold " << threshold;
    EXPECT_EQ(counts.above.due(), kObservers * counts.above_floor);
    EXPECT_EQ(counts.above.left_out, (kPeers - 1 - kObservers) * counts.above_floor);
    EXPECT_EQ(counts.false_alarms, 0u);
  }
}

TEST_F(DeafObserver, AnInflatedFloorLowersRecallAndMovesNoClass) {
  const FaultCounts heard = train({1.0, 1.0, 1.0});
  constexpr double kDeaf = 1e5;
  const FaultCounts one_deaf = train({1.0, kDeaf, 1.0}), all_deaf = train({kDeaf, kDeaf, kDeaf});
  for (const FaultCounts* counts : {&one_deaf, &all_deaf}) {
    EXPECT_EQ(counts->above_floor, heard.above_floor);
    EXPECT_EQ(counts->near_floor, heard.near_floor);
    EXPECT_EQ(counts->below_floor, heard.below_floor);
    EXPECT_EQ(counts->above.due(), heard.above.due());
  }
  EXPECT_GT(one_deaf.above.missed, 5u);
  EXPECT_EQ(all_deaf.above.missed, 3 * one_deaf.above.missed);
  EXPECT_LT(*one_deaf.recall(), 0.9);
  EXPECT_LT(*all_deaf.recall(), *one_deaf.recall());
  // Near the floor the least that is learned too much is heard of.
  const FaultCounts dull = train({8.0, 8.0, 8.0});
  EXPECT_EQ(dull.recall(), 1.0);
  EXPECT_LT(*dull.near.recall(), *heard.near.recall());
}

}  // namespace
}  // namespace polydot::node
