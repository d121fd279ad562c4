#include "tools/bench/small_training.h"

#include <array>
#include <cmath>
#include <limits>

#include "codes/families/factories.h"
#include "dnn/data/strokes.h"

namespace polydot::bench {

namespace {

constexpr int kSide = 7, kPool = dnn::kCanvasSide / kSide;
constexpr std::uint32_t kTrainCount = 3200, kTestCount = 200;

dnn::Dataset shrunk(dnn::StrokesPart part, std::uint32_t count) {
  Eigen::MatrixXf features = Eigen::MatrixXf::Zero(kSide * kSide, count);
  std::vector<dnn::Label> labels;
  std::array<std::uint8_t, dnn::kCanvasPixels> pixels{};
  for (std::uint32_t k = 0; k < count; ++k) {
    labels.push_back(dnn::draw_strokes_sample(dnn::kStrokesSeed, part, k, pixels));
    for (int i = 0; i < dnn::kCanvasPixels; ++i) {
      const int row = i / dnn::kCanvasSide / kPool, col = i % dnn::kCanvasSide / kPool;
      features(row * kSide + col, k) += static_cast<float>(pixels[static_cast<std::size_t>(i)]);
    }
  }
  return dnn::Dataset::from_floats(std::move(features), std::move(labels), 10);
}

}  // namespace

const dnn::Dataset& small_train_data() {
  static const dnn::Dataset data = shrunk(dnn::StrokesPart::kTrain, kTrainCount);
  return data;
}

const dnn::Dataset& small_test_data() {
  static const dnn::Dataset data = [] {
    dnn::Dataset test = shrunk(dnn::StrokesPart::kTest, kTestCount);
    test.set_standardisation(small_train_data().standardisation());
    return test;
  }();
  return data;
}

simulator::ClusterOptions small_training(std::uint64_t steps, std::uint64_t seed) {
  simulator::ClusterOptions options;
  options.code = codes::make_code("polydot", {2, 2, 1}, kSmallPeers).value();
  options.plan.network =
      dnn::make_mlp(kSide * kSide, {24, 16}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy)
          .value();
  // Not zero: time must pass while peers ask each other again.
  options.network.seed = seed;
  options.network.least_delay_ms = 1;
  options.network.most_delay_ms = 3;
  options.plan.optimizer.learning_rate = 0.02;
  options.plan.optimizer.momentum = 0.9;
  options.plan.batch = 32;
  options.plan.seed = seed;
  options.plan.total_steps = steps;
  options.plan.evaluate_each_epoch = false;
  return options;
}

double weight_difference(const simulator::SimCluster& cluster, const codes::PeerSet& from,
                         const std::vector<codes::Matrix>& wanted) {
  double difference = 0.0, norm = 0.0;
  for (std::size_t l = 0; l < wanted.size(); ++l) {
    const codes::Matrix coded = cluster.decoded_weights(static_cast<codes::Index>(l), 0, from);
    difference += (coded.cast<double>() - wanted[l].cast<double>()).squaredNorm();
    norm += wanted[l].cast<double>().squaredNorm();
  }
  const double relative = std::sqrt(difference / norm);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
}

}  // namespace polydot::bench
