// What a peer does in a round of one large layer, piece by piece, over the bare product. In this thread.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "codes/decode/noise_floor.h"
#include "codes/decode/round_check.h"
#include "codes/kernels/encode.h"
#include "dnn/operations/random.h"
#include "node/system/work_clock.h"
#include "tools/bench/speed_measures.h"

namespace polydot::bench {

namespace {

using codes::Matrix;

Matrix gaussian(Index rows, Index cols, double deviation, std::uint64_t seed) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  return Matrix::NullaryExpr(rows, cols, [&] { return static_cast<float>(deviation * random.gaussian()); });
}

// All contributions to one round; peer 0 does it again, timed.
class KernelRound {
 public:
  KernelRound(Index peers, codes::PassKind pass, Index size)
      : code_(codes::make_polydot({2, 2, 1}, peers).value()),
        pass_(code_.pass(pass)),
        cache_(pass_.code, pass_.sigma),
        floor_(2.0),
        operand_(gaussian(size, kSpeedBatch, 1.0, 2)),
        payload_(codes::contribution_shape(code_, pass_, {size, size}, kSpeedBatch)),
        size_(size) {
    const Matrix weights = gaussian(size, size, 1.0 / std::sqrt(static_cast<double>(size)), 1);
    for (Index p = 0; p < peers; ++p) {
      const Matrix shard = codes::encode_shard(code_.shards.front(), p, weights);
      contributions_.emplace_back(payload_.rows, payload_.cols);
      multiply(shard, codes::encode_operand(pass_, p, operand_), contributions_.back());
      if (p == 0) shard_ = shard;
    }
  }

  struct Pieces {
    double encode = 0.0, product = 0.0, check = 0.0, bare = 0.0;  // ms
    double round() const { return encode + product + check; }
  };
  // Medians, piece by piece: a round is short, and what interrupts it is not its own.
  Pieces typical_of(int rounds) {
    std::array<std::vector<double>, 4> all;
    for (int k = 0; k < rounds; ++k) {
      const Pieces one = once();
      all[0].push_back(one.encode), all[1].push_back(one.product);
      all[2].push_back(one.check), all[3].push_back(one.bare);
    }
    return {median(all[0]), median(all[1]), median(all[2]), median(all[3])};
  }
  Pieces once() {
    std::array<double, 5> at{};
    Matrix own(payload_.rows, payload_.cols);
    at[0] = node::thread_cpu_seconds();
    const Matrix coded = codes::encode_operand(pass_, 0, operand_);
    at[1] = node::thread_cpu_seconds();
    multiply(shard_, coded, own);
    at[2] = node::thread_cpu_seconds();
    check();
    at[3] = node::thread_cpu_seconds();
    multiply(shard_, coded, own);
    at[4] = node::thread_cpu_seconds();
    const auto ms = [&](std::size_t k) { return 1e3 * (at[k + 1] - at[k]); };
    return {ms(0), ms(1), ms(2), ms(3)};
  }

 private:
  void multiply(const Matrix& shard, const Matrix& coded, Matrix& y) const {
    codes::multiply(pass_, shard, coded, 0, payload_.rows, y);
  }
  void check() {
    codes::RoundQuestion question;
    question.pass = &pass_;
    question.payload = payload_;
    question.result_rows = size_;
    question.batch = kSpeedBatch;
    question.nu = codes::column_scales(pass_, operand_);
    question.operand_is_zero = operand_.isZero(0.0f);
    question.threshold = floor_.threshold();
    question.gate = floor_.gate();
    question.present = codes::PeerSet::all(static_cast<int>(code_.peers()));
    for (const Matrix& one : contributions_) question.contributions.push_back({{one.data()}, payload_.cols});
    const codes::RoundVerdict verdict = codes::check_round(question, cache_);
    POLYDOT_CHECK(verdict.clean());
    floor_.learn(verdict.typical, verdict.largest);
  }

  codes::ProductCode code_;
  const codes::Pass& pass_;
  codes::DecoderCache cache_;
  codes::NoiseFloor floor_;
  Matrix operand_, shard_;
  codes::Shape payload_;
  Index size_;
  std::vector<Matrix> contributions_;
};

}  // namespace

Result<Measured> measure_kernel(const SpeedBench& bench) {
  compute_as_peers_do();
  const bool tiny = bench.options().size == SpeedSize::kTiny, full = bench.options().size == SpeedSize::kFull;
  const int series = tiny ? 2 : full ? 25 : 5, rounds = tiny ? 1 : 21;
  const Index size = bench.hidden(2048);
  Measured measured;
  for (const Index peers : {10, 8})
    for (const codes::PassKind pass : {codes::PassKind::kForward, codes::PassKind::kBackward}) {
      KernelRound round(peers, pass, size);
      for (std::size_t k = 0; k < codes::NoiseFloor::kLearnCount; ++k) round.once();
      std::vector<double> whole, bare, encode, product, check;
      for (int k = 0; k < series; ++k) {
        const KernelRound::Pieces pieces = round.typical_of(rounds);
        whole.push_back(pieces.round()), bare.push_back(pieces.bare);
        encode.push_back(pieces.encode), product.push_back(pieces.product), check.push_back(pieces.check);
      }
      const char* name = pass == codes::PassKind::kForward ? "forward" : "backward";
      measured.rows.push_back({8,
                               fmt::format("kernel of a peer over the bare product, P = {}, {}", peers, name),
                               "ms", ratio_of(whole, bare), 1.3, 1.2});
      measured.remarks.push_back(
          fmt::format("P = {}, {}: encode {:.3f}, product {:.3f}, check and decode {:.3f} ms.", peers, name,
                      median(encode), median(product), median(check)));
    }
  measured.remarks.push_back(fmt::format(
      "{0} x {0} weights, batch {1}, 2x2; processor time of one thread, medians of {2} series of {3} rounds; "
      "beside: codes::multiply of the same shard once more.",
      size, kSpeedBatch, series, rounds));
  return measured;
}

}  // namespace polydot::bench
