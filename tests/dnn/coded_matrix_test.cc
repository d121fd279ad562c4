#include "dnn/coded/coded_matrix.h"

#include <gtest/gtest.h>

#include <utility>

#include "codes/kernels/encode.h"
#include "dnn/operations/random.h"
#include "tests/dnn/test_codes.h"

namespace polydot::dnn {
namespace {

using testing::CodeChoice;
using testing::kCodeChoices;

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  Random random(seed, RandomStream::kWeights, 7);
  Matrix m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(random.gaussian());
  return m;
}

// Rounding is as loud as encoder row and plain matrix are, however much of them cancels in the shard.
void expect_encodes(const Matrix& shard, const codes::ShardCode& code, Index peer, const MatrixD& plain) {
  const Matrix wanted = codes::encode_shard(code, peer, plain.cast<float>());
  ASSERT_EQ(shard.rows(), wanted.rows());
  ASSERT_EQ(shard.cols(), wanted.cols());
  EXPECT_LE((shard - wanted).norm(), 2e-6 * code.encoder.row(peer).norm() * plain.norm());
}

class CodedMatrixLaw : public ::testing::TestWithParam<CodeChoice> {};

// The law of the coded update: updating the shards equals encoding the updated weights, at every peer, for
// each shard and its velocity, whatever m and n divide.
TEST_P(CodedMatrixLaw, UpdateEqualsEncodingTheUpdatedWeights) {
  const codes::ProductCode code = testing::make(GetParam());
  const double rate = 0.03, decay = 0.1;
  for (auto [rows, cols, batch] :
       {std::tuple<Index, Index, Index>{12, 18, 8}, {17, 14, 5}, {5, 13, 1}, {1, 2, 3}})
    for (double momentum : {0.0, 0.9}) {
      SCOPED_TRACE(::testing::Message() << rows << "x" << cols << " momentum " << momentum);
      const Matrix initial = random_matrix(rows, cols, 1);
      MatrixD plain = initial.cast<double>(), velocity = MatrixD::Zero(rows, cols);
      std::vector<CodedMatrix> peers;
      for (Index p = 0; p < code.peers(); ++p) peers.emplace_back(code, p, initial, momentum != 0);
      for (std::uint64_t step = 0; step < 4; ++step) {
        const double clip = step % 2 == 0 ? 1.0 : 0.4;
        const Matrix d = random_matrix(rows, batch, 10 + step), x = random_matrix(cols, batch, 20 + step);
        velocity =
            (momentum * velocity + clip * d.cast<double>() * x.cast<double>().transpose() + decay * plain)
                .eval();
        plain -= rate * velocity;
        for (CodedMatrix& peer : peers) peer.update(d, x, {rate, momentum, decay, clip});
      }
      for (Index p = 0; p < code.peers(); ++p)
        for (std::size_t s = 0; s < code.shards.size(); ++s) {
          const ShardState& shard = peers[static_cast<std::size_t>(p)].shard(static_cast<Index>(s));
          expect_encodes(shard.weights, code.shards[s], p, plain);
          if (momentum != 0)
            expect_encodes(shard.velocity, code.shards[s], p, velocity);
          else
            EXPECT_EQ(shard.velocity.size(), 0);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Codes, CodedMatrixLaw, ::testing::ValuesIn(kCodeChoices),
                         [](const auto& tested) { return testing::label(tested.param); });

// What a rebuilding peer relies on: the kept updates applied to a copy give the same bits.
TEST(CodedMatrix, UpdateIsAFunctionOfItsArguments) {
  const codes::ProductCode code = testing::make({"polydot", {2, 2, 1}, 10});
  CodedMatrix matrix(code, 3, random_matrix(9, 7, 1), true);
  ShardState copy = matrix.shard(0);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const Matrix d = random_matrix(9, 4, 10 + step), x = random_matrix(7, 4, 20 + step);
    const UpdateTerms terms{0.1, 0.9, 0.01, 0.7};
    matrix.update(d, x, terms);
    apply_update(code.shards[0], 3, d, x, terms, copy);
  }
  EXPECT_EQ(matrix.shard(0).weights, copy.weights);
  EXPECT_EQ(matrix.shard(0).velocity, copy.velocity);
}

}  // namespace
}  // namespace polydot::dnn
