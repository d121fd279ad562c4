#include "tools/simulator/reference_run.h"

#include <cmath>
#include <limits>

#include "codes/encode.h"
#include "dnn/reference.h"
#include "dnn/sampler.h"

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

ReferenceRun::ReferenceRun(const dnn::TrainingPlan& plan, const dnn::Dataset& train) {
  dnn::Reference<float> network(plan.network, plan.optimizer, plan.seed);
  dnn::Reference<double> in_double(plan.network, plan.optimizer, plan.seed);
  dnn::Sampler sampler(train.count(), plan.batch, plan.seed);
  dnn::Matrix x;
  std::vector<std::uint8_t> labels;
  weights_.push_back(network.weights());
  rounding_.push_back(0.0);
  for (std::uint64_t step = 0; step < plan.total_steps; ++step) {
    const auto samples = sampler.batch_at(step);
    train.gather(samples, x);
    train.gather_labels(samples, labels);
    losses_.push_back(network.step(x, labels).mean);
    in_double.step(x.cast<double>(), labels);
    weights_.push_back(network.weights());
    rounding_.push_back(distance(network.weights(), in_double.weights()));
  }
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
