#include "codes/decode/stored_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codes/base/linear_algebra.h"
#include "codes/kernels/encode.h"

namespace polydot::codes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Relative to the rms of the shards, whitened. The smallest is what NoiseFloor expects of rounding;
// the largest keeps what a wrong shard may do to a weight at a tenth of kTolerance.
constexpr double kSmallestThreshold = 4e-6, kLargestThreshold = 1e-4;
constexpr double kAlarmFactor = 8.0;   // over what is typical, as NoiseFloor
constexpr double kWildest = 1e3;       // whitened: no weight is so large
constexpr double kQuietFactor = 64.0;  // over the rms of the quietest parity

Pass pass_of(const ShardCode& code) {
  Pass pass;
  pass.code = code.as_code();
  pass.sigma = code.encoder.rowwise().norm();
  return pass;
}

template <typename Values>
double quantile(Values& values, double share) {
  if (values.empty()) return 0.0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

// rms of the whitened shards as if they were Gaussian; quantiles within shards and over them are deaf to a
// minority of wild values. 0: all zero.
double loudness(const std::vector<const Matrix*>& shards, const VectorD& sigma) {
  constexpr double kShare = 0.9, kGaussianQuantile = 1.645;  // of |x|
  std::vector<double> of_peers;
  std::vector<float> sizes;
  for (std::size_t p = 0; p < shards.size(); ++p) {
    if (shards[p] == nullptr) continue;
    sizes.clear();
    for (const float value : shards[p]->reshaped())
      if (std::isfinite(value)) sizes.push_back(std::abs(value));
    of_peers.push_back(quantile(sizes, kShare) / kGaussianQuantile / sigma(static_cast<Index>(p)));
  }
  return quantile(of_peers, 0.5);
}

// The shards that are there, as the contributions of a round.
struct Shards {
  PeerSet present;
  std::vector<const Matrix*> matrices;
  std::vector<ContributionView> views;
  Shape shape;
};

Shards gather(const std::vector<const Matrix*>& all, Shape shape) {
  Shards shards{{}, {}, {}, shape};
  for (std::size_t p = 0; p < all.size(); ++p) {
    if (all[p] == nullptr) continue;
    POLYDOT_CHECK((Shape{all[p]->rows(), all[p]->cols()} == shape));
    shards.present.insert(static_cast<int>(p));
    shards.matrices.push_back(all[p]);
    shards.views.push_back({{all[p]->data()}, shape.cols});
  }
  return shards;
}

// rms of the quietest direction of the whitened parities, over a sample of entries: t wholly wrong shards
// fill a space of t dimensions, and what is left to the others is rounding. Infinite: no direction is left.
double quietest_parity(const Shards& shards, const SetDecoder& decoder, double scale) {
  constexpr std::uint64_t kSamples = 4096, kStride = 2654435761;  // prime: meets all rows and columns
  constexpr double kWild = 1e4;                                   // such entries would drown rounding
  const auto size = static_cast<std::uint64_t>(shards.shape.size());
  MatrixD syndromes(std::min(size, kSamples), decoder.spare());
  VectorD values(static_cast<Index>(shards.matrices.size()));
  Index count = 0;
  for (std::uint64_t k = 0; k < std::min(size, kSamples); ++k) {
    const auto entry = static_cast<Index>(k * kStride % size);
    for (Index p = 0; p < values.size(); ++p)
      values(p) = static_cast<double>(shards.matrices[static_cast<std::size_t>(p)]->data()[entry]) /
                  decoder.sigma(p) / scale;
    if (values.allFinite() && values.cwiseAbs().maxCoeff() < kWild)
      syndromes.row(count++) = (decoder.parity * values).transpose();
  }
  if (count < decoder.spare()) return kInfinity;
  const MatrixD triangle = triangular_factor(syndromes.topRows(count));
  return singular_values(triangle).minCoeff() / std::sqrt(static_cast<double>(count));
}

// A whitened parity above it is wrong.
double threshold_of(double typical, const Shards& shards, const SetDecoder& decoder, double scale) {
  const double usual = kAlarmFactor * typical;
  if (usual <= kLargestThreshold || decoder.spare() == 0) return std::max(usual, kSmallestThreshold);
  // Something is wrong in most rows: what is typical says nothing of rounding.
  const double quiet = kQuietFactor * quietest_parity(shards, decoder, scale);
  return std::clamp(quiet, kSmallestThreshold, kLargestThreshold);
}

// Every entry in double, from all shards that are there.
Matrix decode_all(const ShardCode& code, const SetDecoder& decoder, const Shards& shards, Shape weights) {
  const MatrixD plain = decoder.decoder * decoder.sigma.cwiseInverse().asDiagonal();
  return decode_weights(code, plain, shards.matrices, weights.rows, weights.cols);
}

// Copies the blocks of one payload entry from the verdict's product (blocks on top of each other) to where
// they belong in the matrix.
void place_entry(const ShardCode& code, Shape shape, Place place, const Matrix& blocks, Matrix& weights) {
  for (Index i = 0; i < code.row_blocks; ++i)
    for (Index j = 0; j < code.col_blocks; ++j) {
      const Index row = i * shape.rows + place.row, col = j * shape.cols + place.col;
      if (row < weights.rows() && col < weights.cols())
        weights(row, col) = blocks((i * code.col_blocks + j) * shape.rows + place.row, place.col);
    }
}

}  // namespace

bool can_decode(const ShardCode& code, const PeerSet& present) {
  const Pass pass = pass_of(code);
  const SetDecoder decoder = make_set_decoder(pass.code, pass.sigma, present);
  return decoder.usable() && (decoder.spare() > 0 || pass.code.recovery_threshold >= pass.code.peers());
}

Result<StoredMatrix> decode_stored_matrix(const ShardCode& code, Shape weights,
                                          const std::vector<const Matrix*>& all) {
  POLYDOT_CHECK_EQ(static_cast<Index>(all.size()), code.encoder.rows());
  const Pass pass = pass_of(code);
  const Shards shards = gather(all, shard_shape(code, weights.rows, weights.cols));
  DecoderCache cache(pass.code, pass.sigma);
  const auto decoder = cache.get(shards.present);
  if (!can_decode(code, shards.present))
    return Failure{FailureKind::kRefused, "too few shards: " + std::to_string(shards.present.size())};

  RoundQuestion question;
  question.pass = &pass;
  question.payload = shards.shape;
  question.result_rows = pass.code.wanted() * shards.shape.rows;
  question.batch = shards.shape.cols;
  const double loud = loudness(all, pass.sigma);
  question.nu = VectorD::Constant(shards.shape.cols, loud > 0.0 ? loud : 1.0);
  question.operand_is_zero = loud == 0.0;
  question.present = shards.present;
  question.contributions = shards.views;
  Matrix blocks(question.result_rows, question.batch);
  const auto scan = [&](double threshold) {
    return codes::scan(pass, *decoder, *decoder, shards.views, shards.shape, question.nu, threshold, blocks);
  };
  question.threshold = threshold_of(scan(kInfinity).typical, shards, *decoder, question.nu(0));
  const SyndromeScan seen = scan(question.threshold);
  // As NoiseFloor::gate, far above every clean value; always finite, for beside a value of 1e30 the
  // locator cannot see what else is wrong in its entry.
  const bool mostly_clean = 2 * static_cast<Index>(seen.active.size()) <= shards.shape.size();
  question.gate = mostly_clean ? kAlarmFactor * seen.largest : kWildest;

  const RoundVerdict verdict = check_round(question, cache);
  if (verdict.state != RoundState::kChecked)
    return Failure{FailureKind::kRefused,
                   std::string("the shards are ") + name_of(verdict.state) + " (" + verdict.reason + ")"};
  StoredMatrix stored{decode_all(code, *decoder, shards, weights), verdict.findings};
  for (const Place& place : seen.active)
    place_entry(code, shards.shape, place, verdict.product, stored.values);
  return stored;
}

}  // namespace polydot::codes
