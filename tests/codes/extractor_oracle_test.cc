// The nested code against plain block products, in double and without any table: every grid up to m, n = 4,
// d = 3, m n d = 24.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "codes/families/factories.h"

namespace polydot::codes {
namespace {

constexpr Index kRows = 2, kInner = 3, kCols = 2;  // of the blocks that are multiplied
constexpr int kSeed = 11;

using Blocks = std::vector<MatrixD>;

Blocks random_blocks(Index count, Index rows, Index cols, std::mt19937& generator) {
  std::uniform_int_distribution<int> value(-9, 9);
  Blocks blocks;
  for (Index k = 0; k < count; ++k)
    blocks.push_back(MatrixD::NullaryExpr(rows, cols, [&] { return value(generator); }));
  return blocks;
}

MatrixD combine(const Blocks& blocks, const VectorD& coefficients) {
  MatrixD sum = MatrixD::Zero(blocks.front().rows(), blocks.front().cols());
  for (std::size_t k = 0; k < blocks.size(); ++k) sum += coefficients(static_cast<Index>(k)) * blocks[k];
  return sum;
}

// Wanted block (r, b) of the pass, from the blocks themselves.
MatrixD plain_product(Grid g, bool transposed, const Blocks& weights, const Blocks& operand, Index r,
                      Index b) {
  MatrixD sum = MatrixD::Zero(transposed ? kInner : kRows, kCols);
  for (Index k = 0; k < (transposed ? g.m : g.n); ++k) {
    const MatrixD& block = weights[static_cast<std::size_t>(transposed ? k * g.n + r : r * g.n + k)];
    const MatrixD& x = operand[static_cast<std::size_t>(k * g.d + b)];
    sum += transposed ? MatrixD(block.transpose() * x) : MatrixD(block * x);
  }
  return sum;
}

double worst_error(const ProductCode& code, const Pass& pass, std::mt19937& generator) {
  const Grid grid{code.m, code.n, code.d};
  const Blocks weights = random_blocks(grid.m * grid.n, kRows, kInner, generator);
  const Blocks operand =
      random_blocks(pass.operand_blocks * grid.d, pass.transposed ? kRows : kInner, kCols, generator);
  const Index size = (pass.transposed ? kInner : kRows) * kCols;
  MatrixD contributions(code.peers(), size);
  for (Index p = 0; p < code.peers(); ++p) {
    const MatrixD shard = combine(weights, code.shards[0].encoder.row(p));
    const MatrixD x = combine(operand, pass.operand_encoder.row(p));
    const MatrixD y = pass.transposed ? MatrixD(shard.transpose() * x) : MatrixD(shard * x);
    contributions.row(p) = Eigen::Map<const VectorD>(y.data(), size);
  }
  const MatrixD coefficients = pass.code.generator.colPivHouseholderQr().solve(contributions);
  const double off_code = (pass.code.generator * coefficients - contributions).cwiseAbs().maxCoeff();
  const MatrixD decoded = pass.code.extractor * coefficients;
  double worst = off_code / contributions.cwiseAbs().maxCoeff(), largest = 1.0;
  for (Index r = 0; r < pass.result_blocks(); ++r)
    for (Index b = 0; b < grid.d; ++b) {
      const MatrixD truth = plain_product(grid, pass.transposed, weights, operand, r, b);
      const VectorD flat = decoded.row(r * grid.d + b);
      largest = std::max(largest, truth.cwiseAbs().maxCoeff());
      worst = std::max(
          worst, (flat - Eigen::Map<const VectorD>(truth.data(), size)).cwiseAbs().maxCoeff() / largest);
    }
  return worst;
}

class Extractor : public ::testing::TestWithParam<Grid> {};

TEST_P(Extractor, DecodesIntegerBlocksExactly) {
  const Grid grid = GetParam();
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937 generator(kSeed);
  const Index fewest = fewest_peers("polydot", grid);
  for (Index peers : {fewest, fewest + 3}) {
    const ProductCode code = make_polydot(grid, peers).value();
    EXPECT_EQ(code.pass(PassKind::kForward).code.recovery_threshold, grid.m * grid.n * grid.d + grid.n - 1);
    EXPECT_EQ(code.pass(PassKind::kBackward).code.recovery_threshold,
              grid.m * grid.n * grid.d + grid.m * grid.n - grid.n);
    for (const Pass& pass : code.passes) EXPECT_LE(worst_error(code, pass, generator), 1e-9);
  }
}

std::vector<Grid> all_grids() {
  std::vector<Grid> grids;
  for (Index m = 1; m <= 4; ++m)
    for (Index n = 1; n <= 4; ++n)
      for (Index d = 1; d <= 3; ++d)
        if (m * n * d <= 24) grids.push_back({m, n, d});
  return grids;
}

INSTANTIATE_TEST_SUITE_P(AllGrids, Extractor, ::testing::ValuesIn(all_grids()), [](const auto& grid) {
  return std::to_string(grid.param.m) + "x" + std::to_string(grid.param.n) + "x" +
         std::to_string(grid.param.d);
});

}  // namespace
}  // namespace polydot::codes
