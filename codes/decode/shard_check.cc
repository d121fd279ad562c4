#include "codes/decode/shard_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

namespace polydot::codes {

namespace {

// Of two the smaller: the other may be wild.
double median_of(std::vector<double> values) {
  const std::size_t at = values.size() == 2 ? 0 : values.size() / 2;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Pass shard_pass(const ShardCode& shard) {
  Pass pass;
  pass.code = shard.as_code();
  pass.operand_encoder = MatrixD::Ones(shard.encoder.rows(), 1);
  pass.sigma = shard.encoder.rowwise().norm();
  return pass;
}

std::vector<double> piece_sizes(const ShardQuestion& question, Index first_col, Index cols) {
  std::vector<double> sizes;
  for (const int peer : question.present.members()) {
    const ContributionView& piece = question.pieces[sizes.size()];
    double sum = 0.0;
    for (Index col = first_col; col < first_col + cols; ++col)
      sum +=
          Eigen::Map<const Eigen::VectorXf>(piece.column(col, question.payload.rows), question.payload.rows)
              .cast<double>()
              .squaredNorm();
    const double size =
        std::sqrt(sum / static_cast<double>(question.payload.rows * cols)) / question.pass->sigma(peer);
    sizes.push_back(std::isfinite(size) ? size : std::numeric_limits<double>::infinity());
  }
  return sizes;
}

// The median over peers of their sizes; of peers that are made of the same blocks, where a code deals the
// blocks out, and then of the loudest of these groups. What most hold as zero keeps a scale far below
// anything that matters.
double typical_scale(const ShardQuestion& question, Index first_col, Index cols) {
  constexpr double kNothing = 1e-30;
  constexpr std::size_t kLeastGroup = 2;  // of one nobody knows whether it is wild
  const std::vector<int> peers = question.present.members();
  std::vector<double> all = piece_sizes(question, first_col, cols);
  std::map<std::vector<bool>, std::vector<double>> sizes;  // by the blocks that a piece is made of
  for (std::size_t k = 0; k < peers.size(); ++k) {
    std::vector<bool> blocks;
    for (const double entry : question.pass->code.generator.row(peers[k])) blocks.push_back(entry != 0.0);
    sizes[blocks].push_back(all[k]);
  }
  double scale = 0.0;
  for (auto& [blocks, group] : sizes)
    if (group.size() >= kLeastGroup) scale = std::max(scale, median_of(std::move(group)));
  if (scale == 0.0) scale = median_of(std::move(all));
  return std::isfinite(scale) ? std::max(scale, kNothing) : 1.0;
}

double piece_scale(const ShardQuestion& question, Index col) {
  const double least = question.least_scales.size() > 0 ? question.least_scales(col) : 0.0;
  return std::max(typical_scale(question, col, 1), least);
}

RoundVerdict check_shards(const ShardQuestion& question, DecoderCache& cache) {
  RoundQuestion round;
  round.pass = question.pass;
  round.payload = question.payload;
  round.result_rows = question.pass->code.wanted() * question.payload.rows;
  round.batch = question.payload.cols;
  round.nu.resize(question.payload.cols);
  for (Index col = 0; col < question.payload.cols; ++col) round.nu(col) = piece_scale(question, col);
  // Momentum before the first update is zero at everybody.
  round.operand_is_zero = round.nu.maxCoeff() < 1e-29;
  round.threshold = question.threshold;
  round.gate = std::numeric_limits<double>::infinity();
  round.present = question.present;
  round.contributions = question.pieces;
  RoundVerdict verdict = check_round(round, cache);
  // Beside a codeword of zeros nothing hides, whatever a few hold instead.
  if (round.operand_is_zero && verdict.state == RoundState::kWeak) {
    verdict.state = RoundState::kChecked;
    verdict.reason.clear();
    verdict.kappa = 0.0;
  }
  return verdict;
}

std::vector<Index> rows_still_wrong(const Pass& pass, int self, const RoundVerdict& verdict,
                                    const std::vector<Index>& rows, const Matrix& sent, const Matrix& again) {
  constexpr double kAboutAsFar = 0.5;
  POLYDOT_CHECK_EQ(sent.rows(), again.rows());
  POLYDOT_CHECK_EQ(verdict.product.rows(), pass.code.wanted() * sent.rows());
  std::vector<Index> wrong;
  for (const Index row : rows) {
    double right = 0.0;
    for (Index block = 0; block < pass.code.wanted(); ++block)
      right += pass.code.generator(self, block) *
               static_cast<double>(verdict.product(block * sent.rows() + row, 0));
    const double now = std::abs(static_cast<double>(again(row, 0)) - right);
    const double then = std::abs(static_cast<double>(sent(row, 0)) - right);
    // What is not finite is as far off as can be.
    if (!std::isfinite(now) || now >= kAboutAsFar * then) wrong.push_back(row);
  }
  return wrong;
}

double noise_of_piece(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache) {
  const auto decoder = cache.get(present);
  if (!decoder->decodable) return std::numeric_limits<double>::infinity();
  return (pass.code.generator.row(self) * decoder->decoder).norm() / pass.sigma(self);
}

double hidden_in_piece(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache) {
  constexpr double kNothing = 1e-12, kInfinity = std::numeric_limits<double>::infinity();
  const auto decoder = cache.get(present);
  if (!decoder->decodable) return kInfinity;
  const Eigen::RowVectorXd weights = pass.code.generator.row(self) * decoder->decoder / pass.sigma(self);
  double worst = 0.0;
  for (Index p = 0; p < weights.size(); ++p) {
    if (std::abs(weights(p)) <= kNothing) continue;
    const double seen = decoder->spare() == 0 ? 0.0 : decoder->parity.col(p).cwiseAbs().maxCoeff();
    if (seen <= kNothing) return kInfinity;
    worst = std::max(worst, std::abs(weights(p)) / seen);
  }
  return kPieceThreshold * worst;
}

bool can_be_rebuilt(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache) {
  const auto decoder = cache.get(present);
  return decoder->decodable && decoder->gain <= kRebuildGain &&
         hidden_in_piece(pass, self, present, cache) <= kLargestHidden;
}

Matrix piece_of(const Pass& pass, int self, const PeerSet& present,
                const std::vector<ContributionView>& pieces, Shape payload, DecoderCache& cache) {
  const auto decoder = cache.get(present);
  POLYDOT_CHECK(decoder->decodable);
  // Whitened rows: y_p = sigma_p (V/sigma c)_p.
  VectorD weights = (pass.code.generator.row(self) * decoder->decoder).transpose();
  weights.array() /= decoder->sigma.array();
  MatrixD sum = MatrixD::Zero(payload.rows, payload.cols);
  for (std::size_t k = 0; k < pieces.size(); ++k)
    for (Index col = 0; col < payload.cols; ++col)
      sum.col(col) +=
          weights(static_cast<Index>(k)) *
          Eigen::Map<const Eigen::VectorXf>(pieces[k].column(col, payload.rows), payload.rows).cast<double>();
  return sum.cast<float>();
}

ContributionView column_of(const ContributionView& view, Index col, Index rows) {
  return {{view.column(col, rows)}, 1};
}

}  // namespace polydot::codes
