// Kernels as a peer runs them: the same functions on the shapes of a coded training.
#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/decode/syndrome.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "dnn/coded/coded_matrix.h"
#include "dnn/operations/batch_pass.h"
#include "node/system/work_clock.h"
#include "tools/measure.h"

namespace polydot::tools {
namespace {

using codes::Index;
using codes::Matrix;

constexpr double kSeconds = 0.1;  // of each measurement
constexpr double kFloatBytes = sizeof(float);
constexpr double kGiga = 1e9;
constexpr double kLeastShare = 0.02;  // of a time, that a difference of two times is at least taken for

// Seconds of one call: the lower quartile, which others' disturbances do not reach.
double seconds_of(const std::function<void()>& call) {
  call();
  std::vector<double> times;
  const double begin = node::thread_cpu_seconds();
  double now = begin;
  do {
    const double before = now;
    call();
    now = node::thread_cpu_seconds();
    times.push_back(now - before);
  } while (now - begin < kSeconds || times.size() < 5);
  std::sort(times.begin(), times.end());
  return times[times.size() / 4];
}

Matrix random_matrix(Index rows, Index cols) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  return Matrix::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

double positive_difference(double larger, double smaller) {
  return std::max(larger - smaller, kLeastShare * larger);
}

// Two sizes: time = flops / rate + touched bytes / panel rate.
void measure_products(const codes::Pass& pass, Calibration& rates) {
  const auto time = [&](Index size, Index batch) {
    const Matrix shard = random_matrix(size, size), operand = random_matrix(size, batch);
    Matrix product(size, batch);
    return seconds_of([&] { codes::multiply(pass, shard, operand, 0, size, product); });
  };
  const auto flops = [](double size, double batch) { return 2.0 * size * size * batch; };
  const auto touched = [](double size, double batch) {
    return kFloatBytes * (size * size + 2.0 * size * batch);
  };
  const double large = time(1024, 256), thin = time(1024, 32);
  // Solved for 1/rate and 1/panel.
  const double f1 = flops(1024, 256), f2 = flops(1024, 32), b1 = touched(1024, 256), b2 = touched(1024, 32);
  const double determinant = f1 * b2 - f2 * b1;
  const double a = positive_difference(large * b2, thin * b1) / determinant;
  const double b = positive_difference(thin * f1, large * f2) / determinant;
  rates.product_gflops = 1.0 / a / kGiga;
  rates.panel_gbs = 1.0 / b / kGiga;
}

void measure_memory(Calibration& rates) {
  constexpr Index kSize = 4096;  // as the caches of no core hold it
  const Matrix shard = random_matrix(kSize, kSize), vector = random_matrix(kSize, 1);
  Matrix result(kSize, 1);
  const double time = seconds_of([&] { result.noalias() = shard * vector; });
  rates.memory_gbs = kFloatBytes * kSize * kSize / time / kGiga;
}

void measure_encoding(const codes::Pass& pass, Calibration& rates) {
  const Matrix operand = random_matrix(2048, 128);
  const double time = seconds_of([&] { static_cast<void>(codes::encode_operand(pass, 0, operand)); });
  rates.encode_gbs = kFloatBytes * static_cast<double>(operand.size()) / time / kGiga;
}

// What the model takes for encoding and touching the panels is not the update's own rate.
void measure_update(const codes::ProductCode& code, Calibration& rates) {
  constexpr Index kSize = 2048, kBatch = 128;
  const Matrix d = 1e-3f * random_matrix(kSize, kBatch), x = random_matrix(kSize, kBatch);
  const codes::Shape shape = codes::shard_shape(code.shards[0], kSize, kSize);
  dnn::ShardState state{Matrix::Zero(shape.rows, shape.cols), {}};
  const dnn::UpdateTerms terms{.learning_rate = 1e-3};
  const double time = seconds_of([&] { dnn::apply_update(code.shards[0], 0, d, x, terms, state); });
  const double touched = kFloatBytes * static_cast<double>(shape.size() + (shape.rows + shape.cols) * kBatch);
  const double aside =
      kFloatBytes * 2.0 * kSize * kBatch / rates.encode_gbs / kGiga + touched / rates.panel_gbs / kGiga;
  const double flops = 2.0 * static_cast<double>(shape.size() * kBatch);
  rates.update_gflops = flops / positive_difference(time, aside) / kGiga;
}

struct ScanTime {
  double seconds = 0.0, values = 0.0, outputs = 0.0, columns = 0.0;
};

ScanTime time_scan(const codes::ProductCode& code, Index rows, Index cols) {
  const codes::Pass& pass = code.pass(codes::PassKind::kForward);
  const Index peers = code.peers();
  const auto decoder =
      codes::make_set_decoder(pass.code, pass.sigma, codes::PeerSet::all(static_cast<int>(peers)));
  const Matrix operand = random_matrix(rows, cols * code.d);
  // Contributions come from the network: more of them than the nearest caches hold, each in a place of its
  // own.
  constexpr std::size_t kSets = 4;
  std::array<std::vector<Matrix>, kSets> sets;
  for (auto& set : sets)
    for (Index p = 0; p < peers; ++p)
      set.push_back(static_cast<float>(pass.sigma(p)) * Matrix::Zero(rows, cols));
  Matrix product(rows * pass.result_blocks(), cols * code.d);
  const codes::VectorD nu = codes::column_scales(pass, operand);
  std::size_t turn = 0;
  const double seconds = seconds_of([&] {
    std::vector<codes::ContributionView> views;
    for (const Matrix& matrix : sets[turn++ % kSets]) views.push_back({{matrix.data()}, cols});
    codes::scan(pass, decoder, decoder, views, {rows, cols}, nu, 1.0, product);
  });
  return {seconds, static_cast<double>(rows * cols * peers),
          static_cast<double>(pass.code.wanted() + decoder.spare()), static_cast<double>(cols)};
}

// Three scans: time = bytes / rate + flops / rate + columns times a constant.
void measure_decoding(Calibration& rates) {
  const auto few = codes::make_polydot({2, 2, 1}, 10).value();
  const auto many = codes::make_two_sided_mds({4, 4, 1}, 24).value();
  const ScanTime tiny = time_scan(few, 16, 128), wide = time_scan(few, 1024, 128),
                 deep = time_scan(many, 512, 128);
  const double column = tiny.seconds / tiny.columns;
  const double wide_a_value = positive_difference(wide.seconds, wide.columns * column) / wide.values;
  const double deep_a_value = positive_difference(deep.seconds, deep.columns * column) / deep.values;
  const double an_output = positive_difference(deep_a_value, wide_a_value) / (deep.outputs - wide.outputs);
  rates.column_us = 1e6 * column;
  rates.combine_gflops = 2.0 / an_output / kGiga;
  rates.decode_gbs = kFloatBytes / positive_difference(wide_a_value, wide.outputs * an_output) / kGiga;
}

void measure_activations(Calibration& rates) {
  constexpr Index kUnits = 512, kClasses = 10, kBatch = 128;
  const auto network = dnn::make_mlp(kUnits, {kUnits, kUnits}, kClasses, dnn::ActivationKind::kSmelu,
                                     dnn::LossKind::kCrossEntropy)
                           .value();
  dnn::BatchPass batch(network, dnn::BatchPass::Purpose::kTraining);
  const Matrix samples = random_matrix(kUnits, kBatch), hidden = random_matrix(kUnits, kBatch);
  const Matrix outputs = random_matrix(kClasses, kBatch), back = random_matrix(kUnits + 1, kBatch);
  const double time = seconds_of([&] {
    batch.start(kUnits, std::vector<dnn::Label>(kBatch, 1), [&](Eigen::Ref<Matrix> to) { to = samples; });
    batch.finish_forward(0, hidden);
    batch.finish_forward(1, hidden);
    batch.finish_forward(2, outputs);
    batch.finish_backward(2, back);
    batch.finish_backward(1, back);
  });
  const double values = static_cast<double>((5 * kUnits + kClasses) * kBatch);
  rates.activation_ns = 1e9 * time / values;
}

}  // namespace

Calibration measure_kernels() {
  Calibration rates;
  const auto code = codes::make_polydot({2, 2, 1}, 10).value();
  const codes::Pass& pass = code.pass(codes::PassKind::kForward);
  measure_products(pass, rates);
  measure_memory(rates);
  measure_encoding(pass, rates);
  measure_update(code, rates);
  measure_decoding(rates);
  measure_activations(rates);
  return rates;
}

}  // namespace polydot::tools
