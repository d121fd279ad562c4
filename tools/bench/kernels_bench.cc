// polydot-kernels: microbenchmarks of the kernels of a step, each alone, in one thread. A peer of ten, 2x2,
// batch 128; the argument is N of an N x N layer. `--benchmark_filter=REGEX` chooses.
#include <benchmark/benchmark.h>

#include <cmath>
#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "codes/decode/round_check.h"
#include "codes/decode/syndrome.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "dnn/coded/coded_matrix.h"
#include "dnn/operations/activation.h"
#include "dnn/operations/random.h"
#include "protocol/wire/wire.h"

namespace polydot::bench {
namespace {

using codes::Index;
using codes::Matrix;
using codes::PassKind;

constexpr Index kPeers = 10, kBatch = 128;
// Above what rounding does to these values, and below what a fault does.
constexpr double kThreshold = 1e-4;

const codes::ProductCode& code() {
  static const codes::ProductCode made = codes::make_polydot({2, 2, 1}, kPeers).value();
  return made;
}

Matrix gaussian(Index rows, Index cols, std::uint64_t seed) {
  dnn::Random random(seed, dnn::RandomStream::kWeights, 0);
  return Matrix::NullaryExpr(rows, cols, [&] { return static_cast<float>(random.gaussian()); });
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["flop/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void encode_operand(benchmark::State& state) {
  const Matrix x = gaussian(state.range(0), kBatch, 1);
  for (auto _ : state) benchmark::DoNotOptimize(codes::encode_operand(code().pass(PassKind::kForward), 1, x));
  count_flops(state, 2.0 * static_cast<double>(x.size()));
}

void multiply(benchmark::State& state, PassKind kind) {
  const Index half = state.range(0) / 2;
  const Matrix shard = gaussian(half, half, 1), operand = gaussian(half, kBatch, 2);
  Matrix y(half, kBatch);
  for (auto _ : state) {
    codes::multiply(code().pass(kind), shard, operand, 0, half, y);
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * static_cast<double>(half * half * kBatch));
}

void apply_update(benchmark::State& state, double momentum) {
  const Index size = state.range(0);
  const Matrix d = gaussian(size, kBatch, 1), x = gaussian(size, kBatch, 2);
  dnn::ShardState shard{gaussian(size / 2, size / 2, 3), {}};
  if (momentum > 0.0) shard.velocity = Matrix::Zero(size / 2, size / 2);
  const dnn::UpdateTerms terms{.learning_rate = 1e-6, .momentum = momentum};
  for (auto _ : state) {
    dnn::apply_update(code().shards.front(), 1, d, x, terms, shard);
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * static_cast<double>(size / 2 * (size / 2) * kBatch));
}

// Right contributions to a forward round: a random codeword in every entry.
class CodedRound {
 public:
  explicit CodedRound(Index size)
      : size_(size),
        payload_(codes::contribution_shape(code(), pass(), {size, size}, kBatch)),
        nu_(codes::column_scales(pass(), gaussian(size, kBatch, 4))) {
    const Matrix weights = gaussian(size, size, 5) / std::sqrt(static_cast<float>(size));
    const Matrix operand = gaussian(size, kBatch, 4);
    for (Index p = 0; p < kPeers; ++p) {
      contributions_.emplace_back(payload_.rows, payload_.cols);
      codes::multiply(pass(), codes::encode_shard(code().shards.front(), p, weights),
                      codes::encode_operand(pass(), p, operand), 0, payload_.rows, contributions_.back());
    }
  }

  static const codes::Pass& pass() { return code().pass(PassKind::kForward); }
  static codes::PeerSet everybody() { return codes::PeerSet::all(static_cast<int>(kPeers)); }
  codes::Shape payload() const { return payload_; }
  Index size() const { return size_; }
  const codes::VectorD& nu() const { return nu_; }
  Matrix& contribution(Index p) { return contributions_[static_cast<std::size_t>(p)]; }
  std::vector<codes::ContributionView> views() const {
    std::vector<codes::ContributionView> all;
    for (const Matrix& one : contributions_) all.push_back({{one.data()}, payload_.cols});
    return all;
  }

 private:
  Index size_;
  codes::Shape payload_;
  codes::VectorD nu_;
  std::vector<Matrix> contributions_;
};

void scan_clean(benchmark::State& state) {
  CodedRound round(state.range(0));
  codes::DecoderCache cache(CodedRound::pass().code, CodedRound::pass().sigma);
  const auto decoder = cache.get(CodedRound::everybody());
  Matrix product(round.size(), kBatch);
  const auto views = round.views();
  for (auto _ : state) {
    const codes::SyndromeScan scan = codes::scan(CodedRound::pass(), *decoder, *decoder, views,
                                                 round.payload(), round.nu(), kThreshold, product);
    if (!scan.active.empty()) return state.SkipWithError("a right round was not clean");
  }
  state.SetBytesProcessed(state.iterations() * kPeers * round.payload().size() *
                          static_cast<std::int64_t>(sizeof(float)));
}

// So many entries in which two peers are wrong.
void locate_a_few(benchmark::State& state) {
  CodedRound round(state.range(0));
  for (Index k = 0; k < state.range(1); ++k)
    for (const Index p : {2, 7})
      round.contribution(p)(7 * k % round.payload().rows, k) += 1.0f + static_cast<float>(p);
  codes::DecoderCache cache(CodedRound::pass().code, CodedRound::pass().sigma);
  codes::RoundQuestion question;
  question.pass = &CodedRound::pass();
  question.payload = round.payload();
  question.result_rows = round.size();
  question.batch = kBatch;
  question.nu = round.nu();
  question.threshold = kThreshold;
  question.gate = std::numeric_limits<double>::infinity();
  question.present = CodedRound::everybody();
  question.contributions = round.views();
  for (auto _ : state)
    if (codes::check_round(question, cache).findings.size() != 2)
      return state.SkipWithError("not the two wrong peers were located");
}

void activate(benchmark::State& state, dnn::ActivationKind kind) {
  const Matrix s = gaussian(state.range(0), kBatch, 1);
  Matrix values = s;
  for (auto _ : state) {
    dnn::activate<float>(kind, s, values);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * s.size());
}

void multiply_by_derivative(benchmark::State& state, dnn::ActivationKind kind) {
  const Matrix s = gaussian(state.range(0), kBatch, 1), before = gaussian(state.range(0), kBatch, 2);
  Matrix delta = before;
  for (auto _ : state) {
    delta = before;
    dnn::multiply_by_derivative<float>(kind, s, delta);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * s.size());
}

// One slice of a contribution, as large as they get; the checksum of its payload is most of it.
struct Slice {
  Slice() {
    const Index rows = 1024, cols = protocol::columns_per_slice(rows, kBatch);
    const auto values =
        std::make_shared<const std::vector<float>>(static_cast<std::size_t>(rows * cols), 0.5f);
    message.kind = protocol::MessageKind::kContribution;
    message.rows = static_cast<std::uint32_t>(rows);
    message.cols = static_cast<std::uint32_t>(cols);
    message.total_cols = kBatch;
    message.set = CodedRound::everybody();
    message.payload = protocol::Payload::of_floats(values, 0, values->size());
  }
  protocol::WireContext context{.peers = static_cast<int>(kPeers)};
  protocol::Message message;
};

void wire_encode(benchmark::State& state) {
  const Slice slice;
  for (auto _ : state) benchmark::DoNotOptimize(protocol::encode(slice.context, slice.message));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(slice.message.payload.size_bytes()));
}

void wire_decode(benchmark::State& state) {
  const Slice slice;
  const protocol::WireFrames frames = protocol::encode(slice.context, slice.message);
  for (auto _ : state)
    if (!std::holds_alternative<protocol::Message>(
            protocol::decode(slice.context, frames.header, frames.payload)))
      return state.SkipWithError("what was encoded does not decode");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(slice.message.payload.size_bytes()));
}

void sizes(benchmark::internal::Benchmark* bench) { bench->RangeMultiplier(2)->Range(512, 4096); }

BENCHMARK(encode_operand)->Apply(sizes);
BENCHMARK_CAPTURE(multiply, forward, PassKind::kForward)->Apply(sizes);
BENCHMARK_CAPTURE(multiply, transposed, PassKind::kBackward)->Apply(sizes);
BENCHMARK_CAPTURE(apply_update, plain, 0.0)->Apply(sizes);
BENCHMARK_CAPTURE(apply_update, momentum, 0.9)->Apply(sizes);
BENCHMARK(scan_clean)->Apply(sizes);
BENCHMARK(locate_a_few)->ArgsProduct({{512, 2048}, {1, 8}});
BENCHMARK_CAPTURE(activate, smelu, dnn::ActivationKind::kSmelu)->Apply(sizes);
BENCHMARK_CAPTURE(activate, gelu, dnn::ActivationKind::kGelu)->Arg(2048);
BENCHMARK_CAPTURE(multiply_by_derivative, smelu, dnn::ActivationKind::kSmelu)->Apply(sizes);
BENCHMARK_CAPTURE(multiply_by_derivative, gelu, dnn::ActivationKind::kGelu)->Arg(2048);
BENCHMARK(wire_encode);
BENCHMARK(wire_decode);

}  // namespace
}  // namespace polydot::bench

BENCHMARK_MAIN();
