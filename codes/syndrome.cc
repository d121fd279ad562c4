#include "codes/syndrome.h"

#include <algorithm>
#include <cmath>

#include "codes/check.h"
#include "codes/work_profile.h"

namespace polydot::codes {

namespace {

// Entries handled at a time: one peer's run stays in the first-level cache.
constexpr Index kChunkEntries = 2048;

// Columns of the transform: wanted blocks of `decode_with`, then the parities of `decoder`; rows: peers of
// decoder.
Matrix make_transform(const SetDecoder& decoder, const SetDecoder& decode_with) {
  const Index wanted = decode_with.decoder.rows();
  Matrix transform = Matrix::Zero(static_cast<Index>(decoder.peers.size()), wanted + decoder.spare());
  for (std::size_t k = 0; k < decode_with.peers.size(); ++k) {
    const int row = decoder.position(decode_with.peers[k]);
    POLYDOT_CHECK_LE(0, row);
    transform.row(row).head(wanted) =
        (decode_with.decoder.col(static_cast<Index>(k)) / decode_with.sigma(static_cast<Index>(k)))
            .transpose()
            .cast<float>();
  }
  transform.rightCols(decoder.spare()) =
      (decoder.parity * decoder.sigma.cwiseInverse().asDiagonal()).transpose().cast<float>();
  return transform;
}

// Copies the decoded blocks of payload columns [first, first + count) to their places in the product.
void place_blocks(const Pass& pass, const Matrix& decoded, Shape payload, Index first, Index count,
                  Matrix& product) {
  for (Index i = 0; i < pass.result_blocks(); ++i) {
    const Index rows = std::min(payload.rows, product.rows() - i * payload.rows);
    if (rows <= 0) break;
    for (Index b = 0; b < pass.batch_groups; ++b)
      for (Index c = 0; c < count; ++c) {
        const Index col = b * payload.cols + first + c;
        if (col >= product.cols()) continue;
        product.col(col).segment(i * payload.rows, rows) =
            decoded.col(i * pass.batch_groups + b).segment(c * payload.rows, rows);
      }
  }
}

// The largest |value| with NaN winning over everything.
template <typename Values>
double loudest(const Values& values) {
  return values.size() == 0 ? 0.0
                            : static_cast<double>(values.cwiseAbs().template maxCoeff<Eigen::PropagateNaN>());
}

// Examines one payload column: `values` rows x peers, `parity` rows x spare, neither divided by nu = scale.
// row_maxima: largest whitened parity of each row so far, active entries left out.
// Comparisons are written so that NaN counts as an alarm.
template <typename Values, typename Parity>
void examine_column(const Values& values, const Parity& parity, const VectorD& sigma, double scale,
                    double threshold, Index col, SyndromeScan& result, Eigen::ArrayXf& row_maxima) {
  double largest = 0.0;
  for (Index p = 0; p < values.cols(); ++p) {
    const double size = loudest(values.col(p)) / sigma(p);
    largest = size <= largest ? largest : size;
  }
  if (parity.cols() == 0 && std::isfinite(largest)) return;
  const float inverse = static_cast<float>(1.0 / scale);
  if (loudest(parity) <= threshold * scale && std::isfinite(largest)) {
    for (Index k = 0; k < parity.cols(); ++k)
      row_maxima = row_maxima.max(parity.col(k).array().abs() * inverse);
    result.largest = std::max(result.largest, largest / scale);
    return;
  }
  for (Index row = 0; row < values.rows(); ++row) {
    const double size = loudest(parity.row(row));
    if (!(size <= threshold * scale) || !values.row(row).allFinite()) {
      result.active.push_back({row, col});
      continue;
    }
    row_maxima(row) = std::max(row_maxima(row), static_cast<float>(size) * inverse);
    for (Index p = 0; p < values.cols(); ++p)
      result.largest =
          std::max(result.largest, std::abs(static_cast<double>(values(row, p))) / sigma(p) / scale);
  }
}

// The upper quartile of what is not zero (padding is); 0 if nothing is.
double upper_quartile(const Eigen::ArrayXf& values) {
  std::vector<float> sorted;
  for (float value : values)
    if (value > 0.0f) sorted.push_back(value);
  if (sorted.empty()) return 0.0;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 3 / 4);
  std::nth_element(sorted.begin(), at, sorted.end());
  return static_cast<double>(*at);
}

}  // namespace

VectorD column_scales(const Pass& pass, const Matrix& operand) {
  const Index groups = pass.batch_groups;
  const Index cols = padded(operand.cols(), groups) / groups;
  VectorD squared = VectorD::Zero(cols);
  for (Index c = 0; c < operand.cols(); ++c) squared(c % cols) += operand.col(c).cast<double>().squaredNorm();
  const double mean = squared.sum() / static_cast<double>(cols);
  // The last term only keeps an all-zero operand from dividing by zero.
  return (squared.array() + 1e-6 * mean + 1e-60).sqrt();
}

SyndromeScan scan(const Pass& pass, const SetDecoder& decoder, const SetDecoder& decode_with,
                  const std::vector<ContributionView>& views, Shape payload, const VectorD& nu,
                  double threshold, Matrix& product) {
  const Matrix transform = make_transform(decoder, decode_with);
  const Index wanted = decode_with.decoder.rows(), spare = decoder.spare();
  const Index peers = static_cast<Index>(decoder.peers.size());
  POLYDOT_CHECK_EQ(peers, static_cast<Index>(views.size()));
  const Index step = std::max<Index>(1, kChunkEntries / payload.rows);
  Matrix chunk(step * payload.rows, peers), decoded;
  SyndromeScan result;
  Eigen::ArrayXf row_maxima = Eigen::ArrayXf::Zero(payload.rows);
  for (Index first = 0; first < payload.cols; first += step) {
    const Index count = std::min(step, payload.cols - first), entries = count * payload.rows;
    const WorkScope decode(Work::kDecode);
    for (Index p = 0; p < peers; ++p)
      for (Index c = 0; c < count; ++c)
        std::copy_n(views[static_cast<std::size_t>(p)].column(first + c, payload.rows), payload.rows,
                    chunk.col(p).data() + c * payload.rows);
    decoded.noalias() = chunk.topRows(entries) * transform;
    place_blocks(pass, decoded, payload, first, count, product);
    const WorkScope check(Work::kCheck);
    for (Index c = 0; c < count; ++c)
      examine_column(chunk.middleRows(c * payload.rows, payload.rows),
                     decoded.block(c * payload.rows, wanted, payload.rows, spare), decoder.sigma,
                     nu(first + c), threshold, first + c, result, row_maxima);
  }
  result.statistic = row_maxima.size() > 0 ? static_cast<double>(row_maxima.maxCoeff()) : 0.0;
  result.typical = upper_quartile(row_maxima);
  return result;
}

}  // namespace polydot::codes
