// Encoders, generators, extractors and a worked example that an independent program computed (tests/golden).
// The example's D is minus the gradient: its update is W + eta D X^T.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "codes/decode/set_decoder.h"
#include "codes/families/factories.h"
#include "codes/kernels/encode.h"

namespace polydot::codes {
namespace {

using Json = nlohmann::json;

constexpr double kTolerance = 1e-9;

VectorD vector_of(const Json& json) {
  const auto values = json.get<std::vector<double>>();
  return Eigen::Map<const VectorD>(values.data(), static_cast<Index>(values.size()));
}

MatrixD matrix_of(const Json& json) {
  MatrixD matrix(static_cast<Index>(json.size()), static_cast<Index>(json.at(0).size()));
  for (Index r = 0; r < matrix.rows(); ++r) matrix.row(r) = vector_of(json.at(static_cast<std::size_t>(r)));
  return matrix;
}

void expect_same(const MatrixD& ours, const MatrixD& golden, const std::string& what,
                 double tolerance = kTolerance) {
  ASSERT_EQ(ours.rows(), golden.rows()) << what;
  ASSERT_EQ(ours.cols(), golden.cols()) << what;
  EXPECT_LE((ours - golden).cwiseAbs().maxCoeff(), tolerance * golden.cwiseAbs().maxCoeff()) << what;
}

// sum_k coefficients(k) block_k, blocks numbered row by row. The obvious double-precision encoder.
MatrixD combine(const MatrixD& x, Index row_blocks, Index col_blocks, const VectorD& coefficients) {
  const Index rows = x.rows() / row_blocks, cols = x.cols() / col_blocks;
  MatrixD sum = MatrixD::Zero(rows, cols);
  for (Index i = 0; i < row_blocks; ++i)
    for (Index j = 0; j < col_blocks; ++j)
      sum += coefficients(i * col_blocks + j) * x.block(i * rows, j * cols, rows, cols);
  return sum;
}

class Golden : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  Golden() : json_(Json::parse(std::ifstream(GetParam()))) {
    const Grid grid{json_.at("m"), json_.at("n"), json_.at("d")};
    code_ = make_polydot(grid, json_.at("P").get<Index>()).value();
  }
  MatrixD golden(const char* key) const { return matrix_of(json_.at(key)); }
  MatrixD example(const char* key) const { return matrix_of(json_.at("example").at(key)); }
  MatrixD example(const char* key, Index peer) const {
    return matrix_of(json_.at("example").at(key).at(static_cast<std::size_t>(peer)));
  }
  // Decodes the example's contributions in double and compares with the plain product.
  void expect_decodes(PassKind kind, const char* contributions, const char* product) const {
    const Pass& pass = code_.pass(kind);
    const SetDecoder decoder =
        make_set_decoder(pass.code, pass.sigma, PeerSet::all(static_cast<int>(code_.peers())));
    const MatrixD whole = example(product);
    const Index rows = whole.rows() / pass.result_blocks(), cols = whole.cols() / pass.batch_groups;
    MatrixD decoded = MatrixD::Zero(whole.rows(), whole.cols());
    for (Index i = 0; i < pass.result_blocks(); ++i)
      for (Index b = 0; b < pass.batch_groups; ++b)
        for (Index p = 0; p < code_.peers(); ++p)
          decoded.block(i * rows, b * cols, rows, cols) +=
              decoder.decoder(i * pass.batch_groups + b, p) / pass.sigma(p) * example(contributions, p);
    expect_same(decoded, whole, product);
  }

  Json json_;
  ProductCode code_;
};

TEST_P(Golden, PointsAndEncoders) {
  const ShardCode& shard = code_.shards.at(0);
  expect_same(code_.points, vector_of(json_.at("points")), "points");
  expect_same(shard.encoder, golden("weight_encoder"), "weight_encoder");
  expect_same(shard.update_rows, golden("update_delta_encoder"), "update_delta_encoder");
  expect_same(shard.update_columns, golden("update_input_encoder"), "update_input_encoder");
  expect_same(code_.pass(PassKind::kForward).operand_encoder, golden("input_encoder"), "input_encoder");
  expect_same(code_.pass(PassKind::kBackward).operand_encoder, golden("delta_encoder"), "delta_encoder");
}

TEST_P(Golden, GeneratorsExtractorsAndThresholds) {
  for (const auto& [kind, key] :
       {std::pair{PassKind::kForward, "forward"}, {PassKind::kBackward, "backward"}}) {
    const LinearCode& code = code_.pass(kind).code;
    EXPECT_EQ(code.recovery_threshold, json_.at(key).at("K").get<Index>());
    expect_same(code.generator, matrix_of(json_.at(key).at("generator")), std::string(key) + " generator");
    expect_same(code.extractor, matrix_of(json_.at(key).at("extractor")), std::string(key) + " extractor");
  }
}

TEST_P(Golden, ExampleInDouble) {
  const ShardCode& shard = code_.shards.at(0);
  const Pass &forward = code_.pass(PassKind::kForward), &backward = code_.pass(PassKind::kBackward);
  const MatrixD w = example("W"), x = example("X"), d = example("D");
  const double rate = json_.at("example").at("eta");
  expect_same(w * x, example("S"), "S");
  expect_same(w.transpose() * d, example("C"), "C");
  for (Index p = 0; p < code_.peers(); ++p) {
    const MatrixD stored = combine(w, shard.row_blocks, shard.col_blocks, shard.encoder.row(p));
    expect_same(stored, example("shards", p), "shard");
    expect_same(
        stored * combine(x, forward.operand_blocks, forward.batch_groups, forward.operand_encoder.row(p)),
        example("forward_contributions", p), "forward contribution");
    expect_same(stored.transpose() * combine(d, backward.operand_blocks, backward.batch_groups,
                                             backward.operand_encoder.row(p)),
                example("backward_contributions", p), "backward contribution");
    expect_same(stored + rate * combine(d, shard.row_blocks, 1, shard.update_rows.row(p)) *
                             combine(x, shard.col_blocks, 1, shard.update_columns.row(p)).transpose(),
                example("updated_shards", p), "updated shard");
  }
  expect_decodes(PassKind::kForward, "forward_contributions", "S");
  expect_decodes(PassKind::kBackward, "backward_contributions", "C");
}

TEST_P(Golden, ExampleInFloatAsThePeersComputeIt) {
  constexpr double kFloat = 1e-6;
  const ShardCode& shard = code_.shards.at(0);
  const Matrix w = example("W").cast<float>(), x = example("X").cast<float>(), d = example("D").cast<float>();
  const float rate = json_.at("example").at("eta").get<float>();
  for (Index p = 0; p < code_.peers(); ++p) {
    Matrix stored = encode_shard(shard, p, w);
    expect_same(stored.cast<double>(), example("shards", p), "shard", kFloat);
    for (const auto& [kind, key, operand] : {std::tuple{PassKind::kForward, "forward_contributions", &x},
                                             {PassKind::kBackward, "backward_contributions", &d}}) {
      const Pass& pass = code_.pass(kind);
      const Shape payload = contribution_shape(code_, pass, {w.rows(), w.cols()}, operand->cols());
      Matrix y(payload.rows, payload.cols);
      multiply(pass, stored, encode_operand(pass, p, *operand), 0, y.rows(), y);
      expect_same(y.cast<double>(), example(key, p), key, kFloat);
    }
    stored += rate * combine_row_blocks(d, shard.update_rows.row(p).transpose()) *
              combine_row_blocks(x, shard.update_columns.row(p).transpose()).transpose();
    expect_same(stored.cast<double>(), example("updated_shards", p), "updated shard", kFloat);
  }
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(POLYDOT_SOURCE_DIR "/tests/golden"))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, ::testing::ValuesIn(golden_files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(GoldenFiles, AreThere) { EXPECT_EQ(golden_files().size(), 7u); }

}  // namespace
}  // namespace polydot::codes
