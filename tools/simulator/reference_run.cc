#include "tools/simulator/reference_run.h"

#include <cmath>
#include <limits>
#include <utility>

#include "codes/kernels/encode.h"
#include "dnn/coded/training_program.h"
#include "dnn/operations/batch_pass.h"
#include "dnn/reference/reference.h"

namespace polydot::simulator {

namespace {

double distance(const std::vector<dnn::Matrix>& a, const std::vector<dnn::MatrixD>& b) {
  double difference = 0.0, norm = 0.0;
  for (std::size_t l = 0; l < a.size(); ++l) {
    difference += (a[l].cast<double>() - b[l]).squaredNorm();
    norm += b[l].squaredNorm();
  }
  return std::sqrt(difference / norm);
}

}  // namespace

ReferenceRun::ReferenceRun(const dnn::TrainingPlan& plan, const dnn::Dataset& train)
    : plan_(plan), train_(train), sampler_(train.count(), plan.batch, plan.seed) {
  dnn::Reference<float> network(plan.network, plan.optimizer, plan.seed);
  dnn::Reference<double> in_double(plan.network, plan.optimizer, plan.seed);
  dnn::Matrix x;
  std::vector<dnn::Label> labels;
  weights_.push_back(network.weights());
  rounding_.push_back(0.0);
  for (std::uint64_t step = 0; step < plan.total_steps; ++step) {
    const auto samples = sampler_.batch_at(step);
    train.gather(samples, x);
    train.gather_labels(samples, labels);
    losses_.push_back(network.step(x, labels).mean);
    in_double.step(x.cast<double>(), labels);
    weights_.push_back(network.weights());
    rounding_.push_back(distance(network.weights(), in_double.weights()));
  }
}

const dnn::Matrix& ReferenceRun::product(std::uint64_t step, std::uint32_t slot) const {
  constexpr std::size_t kKept = 8;
  const auto [place, is_new] = latest_.try_emplace(step);
  if (is_new) {
    place->second = products_of(step);
    if (latest_.size() > kKept) latest_.erase(latest_.begin() == place ? std::next(place) : latest_.begin());
  }
  return place->second.at(slot);
}

ReferenceRun::Products ReferenceRun::products_of(std::uint64_t step) const {
  const std::vector<dnn::Matrix>& weights = weights_[static_cast<std::size_t>(step)];
  const auto layers = static_cast<codes::Index>(weights.size());
  const auto samples = sampler_.batch_at(step);
  dnn::Matrix x;
  std::vector<dnn::Label> labels;
  train_.gather(samples, x);
  train_.gather_labels(samples, labels);
  Products products;
  const auto keep = [&](codes::Index layer, codes::PassKind pass, const dnn::Matrix& product) {
    products.emplace(dnn::training_slot(layers, layer, pass), product);
  };
  dnn::BatchPass batch(plan_.network, dnn::BatchPass::Purpose::kTraining);
  batch.start(x.rows(), labels, [&](Eigen::Ref<dnn::Matrix> input) { input = x; });
  for (codes::Index l = 0; l < layers; ++l) {
    dnn::Matrix product = weights[static_cast<std::size_t>(l)] * batch.input(l);
    keep(l, codes::PassKind::kForward, product);
    batch.finish_forward(l, std::move(product));
  }
  for (codes::Index l = layers - 1; l > 0; --l) {
    dnn::Matrix product = weights[static_cast<std::size_t>(l)].transpose() * batch.delta(l);
    keep(l, codes::PassKind::kBackward, product);
    batch.finish_backward(l, std::move(product));
  }
  return products;
}

double ReferenceRun::shard_distance(const codes::ProductCode& code, int peer, codes::Index layer,
                                    codes::Index shard, const codes::Matrix& held,
                                    std::uint64_t boundary) const {
  const codes::ShardCode& shard_code = code.shards[static_cast<std::size_t>(shard)];
  const codes::Matrix& whole = weights(boundary)[static_cast<std::size_t>(layer)];
  double squares = 0.0;
  for (int p = 0; p < static_cast<int>(code.peers()); ++p)
    squares += static_cast<double>(codes::encode_shard(shard_code, p, whole).squaredNorm());
  const double typical = std::sqrt(squares / static_cast<double>(code.peers()));
  const codes::Matrix right = codes::encode_shard(shard_code, peer, whole);
  const double distance = static_cast<double>((held - right).norm()) / typical;
  return std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
}

}  // namespace polydot::simulator
