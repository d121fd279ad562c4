#include "codes/decode/syndrome.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "codes/base/check.h"
#include "codes/base/work_profile.h"
#include "codes/kernels/column_kernel.h"

namespace polydot::codes {

namespace {

// Values above it are looked at one by one: their squares are no floats any more.
constexpr double kWildest = 1e15;

// Of all contributions together: this run and the next stay in a core's own cache.
constexpr Index kRunBytes = Index{256} << 10;

// The columns of a contribution one after the other, without a division for each.
class ColumnWalk {
 public:
  ColumnWalk(const ContributionView& view, Index rows) : view_(&view), rows_(rows) {}
  const float* next() {
    if (left_ == 0) {
      at_ = view_->slices[slice_++];
      left_ = view_->columns_per_slice;
    }
    --left_;
    return std::exchange(at_, at_ + rows_);
  }

 private:
  const ContributionView* view_;
  Index rows_;
  std::size_t slice_ = 0;
  Index left_ = 0;
  const float* at_ = nullptr;
};

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

// Where the decoded blocks of payload column `col` go in the product; what is padding goes nowhere.
void find_targets(const Pass& pass, Shape payload, Index col, Matrix& product,
                  std::vector<ColumnTarget>& targets) {
  for (Index i = 0; i < pass.result_blocks(); ++i)
    for (Index b = 0; b < pass.batch_groups; ++b) {
      ColumnTarget& target = targets[static_cast<std::size_t>(i * pass.batch_groups + b)];
      const Index rows = std::min(payload.rows, product.rows() - i * payload.rows);
      const Index to = b * payload.cols + col;
      target = rows > 0 && to < product.cols() ? ColumnTarget{&product(i * payload.rows, to), rows}
                                               : ColumnTarget{};
    }
}

// The largest |value| with NaN winning over everything.
template <typename Values>
double loudest(const Values& values) {
  return values.size() == 0 ? 0.0
                            : static_cast<double>(values.cwiseAbs().template maxCoeff<Eigen::PropagateNaN>());
}

// A payload column in which something may be wrong, entry by entry. `values` rows x peers, `parity` rows x
// spare, neither divided by nu = scale. row_maxima: largest whitened parity of each row so far, active
// entries left out. Comparisons are written so that NaN counts as an alarm.
void examine_column(const Matrix& values, const Matrix& parity, const VectorD& sigma, double scale,
                    double threshold, Index col, SyndromeScan& result, Eigen::ArrayXf& row_maxima) {
  const float inverse = static_cast<float>(1.0 / scale);
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

// The squares of what of a payload column went to the product, but for its active entries, result.active from
// `first_active` on.
double kept_squares(const std::vector<ColumnTarget>& targets, const SyndromeScan& result,
                    std::size_t first_active) {
  double sum = 0.0;
  for (const ColumnTarget& target : targets) {
    std::size_t next = first_active;
    for (Index row = 0; row < target.rows; ++row) {
      if (next < result.active.size() && result.active[next].row == row)
        ++next;
      else
        sum += static_cast<double>(target.to[row]) * static_cast<double>(target.to[row]);
    }
  }
  return sum;
}

// The upper quartile of what is not zero (padding is), by the nearest rank: of two values the larger, for the
// smaller may be next to nothing. 0 if nothing is.
double upper_quartile(const Eigen::ArrayXf& values) {
  std::vector<float> sorted;
  for (float value : values)
    if (value > 0.0f) sorted.push_back(value);
  if (sorted.empty()) return 0.0;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((3 * (sorted.size() - 1) + 2) / 4);
  std::nth_element(sorted.begin(), at, sorted.end());
  return static_cast<double>(*at);
}

// In float where that does not overflow, nor lose what is small.
double squared_norm(const Eigen::Ref<const Eigen::VectorXf>& column) {
  const auto quick = static_cast<double>(column.squaredNorm());
  return quick > 1e-20 && quick < 1e30 ? quick : column.cast<double>().squaredNorm();
}

}  // namespace

VectorD column_scales(const Pass& pass, const Matrix& operand) {
  const Index groups = pass.batch_groups;
  const Index cols = padded(operand.cols(), groups) / groups;
  VectorD squared = VectorD::Zero(cols);
  for (Index c = 0; c < operand.cols(); ++c) squared(c % cols) += squared_norm(operand.col(c));
  const double mean = squared.sum() / static_cast<double>(cols);
  // The last term only keeps an all-zero operand from dividing by zero.
  return (squared.array() + kQuietShare * kQuietShare * mean + 1e-60).sqrt();
}

SyndromeScan scan(const Pass& pass, const SetDecoder& decoder, const SetDecoder& decode_with,
                  const std::vector<ContributionView>& views, Shape payload, const VectorD& nu,
                  double threshold, Matrix& product, const BeforeColumns& before) {
  const WorkScope scope(Work::kDecode);
  const Matrix transform = make_transform(decoder, decode_with);
  const Index wanted = decode_with.decoder.rows();
  const std::size_t peers = decoder.peers.size();
  POLYDOT_CHECK_EQ(peers, views.size());
  const ColumnTable table(transform, wanted);
  std::vector<ColumnWalk> walks;
  for (const ContributionView& view : views) walks.emplace_back(view, payload.rows);
  std::vector<const float*> columns(peers);
  std::vector<ColumnTarget> targets(static_cast<std::size_t>(wanted));
  Eigen::ArrayXf sizes(payload.rows), row_maxima = Eigen::ArrayXf::Zero(payload.rows);
  ColumnLook look;
  SyndromeScan result;
  const auto column_bytes = payload.rows * static_cast<Index>(peers * sizeof(float));
  const Index run = std::max<Index>(1, kRunBytes / std::max<Index>(1, column_bytes));
  const Index ahead = run * payload.rows;  // the run that comes next
  for (Index col = 0; col < payload.cols; ++col) {
    if (before && col % run == 0) before(std::min(col + run, payload.cols));
    const double scale = nu(col);
    for (std::size_t p = 0; p < peers; ++p) columns[p] = walks[p].next();
    find_targets(pass, payload, col, product, targets);
    combine_column(table, columns, payload.rows, targets, sizes.data(), look, ahead);
    double largest = 0.0, wildest = 0.0;
    for (std::size_t p = 0; p < peers; ++p) {
      const auto size = static_cast<double>(look.largest[p]);
      wildest = std::max(wildest, size);
      largest = std::max(largest, size / decoder.sigma(static_cast<Index>(p)));
    }
    const bool quiet = static_cast<double>(look.loudest) <= threshold * scale;
    if (quiet && wildest < kWildest && std::isfinite(look.squares)) {
      row_maxima = row_maxima.max(sizes * static_cast<float>(1.0 / scale));
      result.largest = std::max(result.largest, largest / scale);
      result.squares += static_cast<double>(look.squares) / (scale * scale);
      continue;
    }
    const WorkScope check(Work::kCheck);
    Matrix values(payload.rows, static_cast<Index>(peers));
    for (std::size_t p = 0; p < peers; ++p)
      std::copy_n(columns[p], payload.rows, values.col(static_cast<Index>(p)).data());
    const Matrix parity = values * transform.rightCols(decoder.spare());
    const std::size_t first_active = result.active.size();
    examine_column(values, parity, decoder.sigma, scale, threshold, col, result, row_maxima);
    result.squares += kept_squares(targets, result, first_active) / (scale * scale);
  }
  result.statistic = row_maxima.size() > 0 ? static_cast<double>(row_maxima.maxCoeff()) : 0.0;
  result.typical = upper_quartile(row_maxima);
  return result;
}

}  // namespace polydot::codes
