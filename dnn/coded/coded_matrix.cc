#include "dnn/coded/coded_matrix.h"

#include <algorithm>
#include <cmath>

#include "codes/base/check.h"
#include "codes/kernels/shard_kernel.h"
#include "dnn/operations/random.h"

namespace polydot::dnn {

void apply_update(const codes::ShardCode& code, Index peer, const Matrix& d, const Matrix& x,
                  const UpdateTerms& terms, ShardState& state) {
  Matrix coded_d = codes::combine_row_blocks(d, code.update_rows.row(peer).transpose());
  const Matrix coded_x = codes::combine_row_blocks(x, code.update_columns.row(peer).transpose());
  POLYDOT_CHECK_EQ(coded_d.rows(), state.weights.rows());
  POLYDOT_CHECK_EQ(coded_x.rows(), state.weights.cols());
  POLYDOT_CHECK_EQ(state.velocity.size(), terms.momentum == 0 ? 0 : state.weights.size());
  // Into the thin factor, never another pass over the shard.
  coded_d *= static_cast<float>(terms.clip_factor);
  codes::add_gradient(coded_d, coded_x,
                      {.keep = static_cast<float>(terms.momentum),
                       .decay = static_cast<float>(terms.weight_decay),
                       .rate = static_cast<float>(terms.learning_rate)},
                      terms.momentum == 0 ? nullptr : &state.velocity, state.weights);
}

CodedMatrix::CodedMatrix(const codes::ProductCode& code, Index peer, const Matrix& initial, bool has_momentum)
    : code_(&code), peer_(peer), shape_{initial.rows(), initial.cols()} {
  POLYDOT_CHECK_LE(0, peer);
  POLYDOT_CHECK_LT(peer, code.peers());
  for (const codes::ShardCode& shard_code : code.shards) {
    ShardState& state = shards_.emplace_back();
    state.weights = codes::encode_shard(shard_code, peer, initial);
    const Index shard = static_cast<Index>(shards_.size()) - 1;
    const Index lines = by_columns(shard) ? state.weights.cols() : state.weights.rows();
    const auto blocks = static_cast<double>(shard_code.as_code().wanted());
    initial_line_norms_.push_back(static_cast<double>(initial.norm()) /
                                  std::sqrt(static_cast<double>(lines) * blocks));
    if (has_momentum) state.velocity = Matrix::Zero(state.weights.rows(), state.weights.cols());
  }
}

void CodedMatrix::update(const Matrix& d, const Matrix& x, const UpdateTerms& terms) {
  POLYDOT_CHECK_EQ(d.rows(), shape_.rows);
  POLYDOT_CHECK_EQ(x.rows(), shape_.cols);
  for (std::size_t s = 0; s < shards_.size(); ++s)
    apply_update(code_->shards[s], peer_, d, x, terms, shards_[s]);
  Eigen::Matrix2d step;  // apply_update without D and X
  step << 1 - terms.learning_rate * terms.weight_decay, -terms.learning_rate * terms.momentum,
      terms.weight_decay, terms.momentum;
  for (Repair& repair : repairs_) repair.since = step * repair.since;
}

void CodedMatrix::restart(const std::vector<ShardState>* shards) {
  repairs_.clear();
  if (shards != nullptr) {
    POLYDOT_CHECK_EQ(shards->size(), shards_.size());
    shards_ = *shards;
    return;
  }
  for (ShardState& state : shards_) {
    state.weights.setZero();
    state.velocity.setZero();
  }
}

bool CodedMatrix::by_columns(Index shard) const { return codes::first_pass(*code_, shard).transposed; }

Matrix CodedMatrix::capture(const codes::ShardPart& part) const {
  const ShardState& state = shard(part.shard);
  const bool columns = by_columns(part.shard);
  const Index lines = part.lines.empty() ? (columns ? state.weights.cols() : state.weights.rows())
                                         : static_cast<Index>(part.lines.size());
  Matrix piece(columns ? state.weights.rows() : state.weights.cols(), lines * part.states());
  Index at = 0;
  const auto append = [&](const Matrix& from) {
    for (Index k = 0; k < lines; ++k) {
      const Index line = part.lines.empty() ? k : static_cast<Index>(part.lines[static_cast<std::size_t>(k)]);
      if (columns)
        piece.col(at++) = from.col(line);
      else
        piece.col(at++) = from.row(line).transpose();
    }
  };
  if (part.weights) append(state.weights);
  if (part.momentum) append(state.velocity);
  return piece;
}

void CodedMatrix::add(const codes::ShardPart& part, const Matrix& piece, double to_weights,
                      double to_momentum) {
  ShardState& state = shard(part.shard);
  const bool columns = by_columns(part.shard);
  const Index lines = piece.cols();
  const auto add_to = [&](Matrix& target, double factor) {
    if (factor == 0 || target.size() == 0) return;
    for (Index k = 0; k < lines; ++k) {
      const Index line = part.lines.empty() ? k : static_cast<Index>(part.lines[static_cast<std::size_t>(k)]);
      if (columns)
        target.col(line) += static_cast<float>(factor) * piece.col(k);
      else
        target.row(line) += static_cast<float>(factor) * piece.col(k).transpose();
    }
  };
  add_to(state.weights, to_weights);
  add_to(state.velocity, to_momentum);
}

double CodedMatrix::typical_norm(const codes::ShardPart& part, const Matrix& state) const {
  const bool columns = by_columns(part.shard);
  std::vector<double> norms;
  const Index lines = columns ? state.cols() : state.rows();
  for (Index line = 0; line < lines; ++line)
    if (!std::binary_search(part.lines.begin(), part.lines.end(), static_cast<std::uint32_t>(line)))
      norms.push_back(static_cast<double>(columns ? state.col(line).norm() : state.row(line).norm()));
  std::erase_if(norms, [](double norm) { return !std::isfinite(norm); });
  if (norms.empty()) return 0.0;
  const auto middle = norms.begin() + static_cast<std::ptrdiff_t>(norms.size() / 2);
  std::nth_element(norms.begin(), middle, norms.end());
  return *middle;
}

void CodedMatrix::fill(const codes::ShardPart& part, codes::Meanwhile with) {
  ShardState& state = shard(part.shard);
  const bool columns = by_columns(part.shard);
  Random random(static_cast<std::uint64_t>(peer_), RandomStream::kMeanwhile,
                static_cast<std::uint64_t>(part.shard));
  const auto fill_state = [&](Matrix& target) {
    if (part.lines.empty()) return void(target.setZero());
    const Index entries = columns ? target.rows() : target.cols();
    const double norm = with == codes::Meanwhile::kNoise ? typical_norm(part, target) : 0.0;
    const double size = norm / std::sqrt(static_cast<double>(entries));
    for (const std::uint32_t line : part.lines)
      for (Index k = 0; k < entries; ++k)
        (columns ? target(k, line) : target(line, k)) = static_cast<float>(size * random.gaussian());
  };
  if (part.weights) fill_state(state.weights);
  if (part.momentum) fill_state(state.velocity);
}

void CodedMatrix::begin_repair(const codes::ShardPart& part, codes::Meanwhile meanwhile) {
  POLYDOT_CHECK(meanwhile != codes::Meanwhile::kNoise || !part.lines.empty());
  std::erase_if(repairs_, [&](const Repair& repair) { return repair.part.shard == part.shard; });
  if (meanwhile != codes::Meanwhile::kAsIs) fill(part, meanwhile);
  const bool nothing = meanwhile == codes::Meanwhile::kZero;
  repairs_.push_back({.part = part, .mine = nothing ? Matrix() : capture(part)});
}

bool CodedMatrix::complete_repair(const codes::ShardPart& part, const Matrix& right) {
  const auto repair =
      std::find_if(repairs_.begin(), repairs_.end(), [&](const Repair& one) { return one.part == part; });
  if (repair == repairs_.end()) return false;
  const Matrix lacking = repair->mine.size() > 0 ? Matrix(right - repair->mine) : right;
  const Eigen::Matrix2d& since = repair->since;
  const Index lines = lacking.cols() / part.states();
  if (part.weights) add(part, lacking.leftCols(lines), since(0, 0), since(1, 0));
  if (part.momentum) add(part, lacking.rightCols(lines), since(0, 1), since(1, 1));
  repairs_.erase(repair);
  return true;
}

}  // namespace polydot::dnn
