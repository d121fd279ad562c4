#include "tests/dnn/coded_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "codes/kernels/encode.h"

namespace polydot::dnn::testing {

using codes::MatrixD;
using codes::PeerSet;

CodedCluster::CodedCluster(const codes::ProductCode& code, const TrainingPlan& plan, const Dataset& train,
                           const Dataset& test, DecodeFrom decode_from, codes::FaultTap* tap)
    : code_(code),
      decode_from_(decode_from),
      recorders_(static_cast<std::size_t>(code.peers())),
      random_(plan.seed, RandomStream::kSampleOrder, ~0ull) {
  for (const codes::Pass& pass : code.passes) decoders_.emplace_back(pass.code, pass.sigma);
  for (Index p = 0; p < code.peers(); ++p)
    peers_.push_back(std::make_unique<TrainingProgram>(code, p, plan, train, test, p == 0 ? tap : nullptr,
                                                       &recorders_[static_cast<std::size_t>(p)]));
}

bool CodedCluster::run_round(const std::function<void(const codes::RoundRequest&)>& inspect) {
  std::vector<codes::RoundRequest> requests;
  for (auto& program : peers_)
    if (std::optional<codes::RoundRequest> request = program->next_round())
      requests.push_back(std::move(*request));
  if (requests.empty()) return false;
  EXPECT_EQ(requests.size(), peers_.size()) << "some peers are done, others are not";
  const codes::RoundRequest& first = requests.front();
  EXPECT_TRUE(!started_ || last_key_ < first.key) << "step " << first.key.step << " slot " << first.key.slot;
  started_ = true;
  last_key_ = first.key;
  if (inspect) inspect(first);
  const codes::Pass& pass = code_.pass(first.pass);
  std::vector<Matrix> products;
  for (std::size_t p = 0; p < requests.size(); ++p) {
    const codes::RoundRequest& r = requests[p];
    EXPECT_TRUE(r.key == first.key && r.layer == first.layer && r.pass == first.pass &&
                r.training == first.training && r.batch() == first.batch());
    const Matrix coded = codes::encode_operand(pass, static_cast<Index>(p), *r.operand);
    const codes::Shape shape = codes::contribution_shape(code_, pass, r.weights, r.batch());
    Matrix& product = products.emplace_back(shape.rows, shape.cols);
    codes::multiply(pass, *r.shard, coded, 0, product.rows(), product);
    largest_contribution_ =
        std::max(largest_contribution_, product.size() + (r.training ? 2 : 0) * product.rows());
  }
  const Matrix everybodys = decode(first, PeerSet::all(static_cast<int>(peers_.size())), products);
  for (std::size_t p = 0; p < peers_.size(); ++p)
    peers_[p]->deliver(decode_from_ == DecodeFrom::kAll
                           ? everybodys
                           : decode(requests[p], random_usable_set(pass), products));
  return true;
}

Matrix CodedCluster::decode(const codes::RoundRequest& request, const PeerSet& set,
                            const std::vector<Matrix>& products) {
  const codes::Pass& pass = code_.pass(request.pass);
  const MatrixD& decoder = decoders_[static_cast<std::size_t>(request.pass)].decoder(set);
  EXPECT_NE(decoder.size(), 0) << "a set that does not decode";
  const Index rows = products.front().rows(), cols = products.front().cols();
  MatrixD whole = MatrixD::Zero(rows * pass.result_blocks(), cols * pass.batch_groups);
  for (Index i = 0; i < pass.result_blocks(); ++i)
    for (Index b = 0; b < pass.batch_groups; ++b)
      for (int p : set.members())
        whole.block(i * rows, b * cols, rows, cols) +=
            decoder(i * pass.batch_groups + b, p) * products[static_cast<std::size_t>(p)].cast<double>();
  return whole.topLeftCorner(request.result_rows(), request.batch()).cast<float>();
}

PeerSet CodedCluster::random_usable_set(const codes::Pass& pass) {
  const int count = static_cast<int>(peers_.size());
  LeastSquares& decoders = decoders_[static_cast<std::size_t>(&pass - code_.passes.data())];
  while (true) {
    PeerSet set = PeerSet::all(count);
    set.erase(static_cast<int>(random_.below(static_cast<std::uint64_t>(count))));
    if (decoders.decoder(set).size() != 0) return set;
  }
}

Matrix CodedCluster::weights(Index layer, Index shard) {
  const codes::ShardCode& shard_code = code_.shards[static_cast<std::size_t>(shard)];
  LeastSquares decoder(shard_code.as_code(), shard_code.encoder.rowwise().norm());
  std::vector<const Matrix*> shards;
  for (const auto& program : peers_) shards.push_back(&program->layer(layer).shard(shard).weights);
  const codes::Shape shape = peer(0).layer(layer).shape();
  return codes::decode_weights(shard_code, decoder.decoder(PeerSet::all(static_cast<int>(peers_.size()))),
                               shards, shape.rows, shape.cols);
}

}  // namespace polydot::dnn::testing
