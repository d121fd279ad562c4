#include "node/faults/injection_judge.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "codes/base/check.h"
#include "codes/decode/noise_floor.h"
#include "codes/kernels/encode.h"

namespace polydot::node {

namespace {

using codes::Index;
using codes::Matrix;
using codes::MatrixD;
using codes::PublishedFloor;
using codes::Stage;
using codes::TapPoint;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A floor never learns a threshold above so many analytic ones: what is located at that one is located. A
// round some of whose operands were decoded from fewer contributions is judged by more
// (Peer::loudness_of_operands): nobody knows by how much when this is judged, and nothing is promised there.
constexpr double kHighestThreshold = codes::NoiseFloor::kCapFactor;

FaultClass class_of(double size, const PublishedFloor& floor) {
  if (size == 0.0) return FaultClass::kMasked;
  if (size < 1.0) return FaultClass::kBelowFloor;
  return size < kHighestThreshold * floor.locatable ? FaultClass::kNearFloor : FaultClass::kAboveFloor;
}

// What is not finite counts as infinite.
double difference_of(float before, float after) {
  const double difference = static_cast<double>(after) - static_cast<double>(before);
  return std::isfinite(difference) ? difference : kInfinity;
}

struct Size {
  double over_floor = 0.0;  // whitened, over the analytic floor
  double plain = 0.0;
  Index col = 0;
};

// Of the element of a wrong contribution that is largest over the floor.
template <typename Derived>
Size size_of(const Eigen::MatrixBase<Derived>& wrong, const PublishedFloor& floor) {
  Size size;
  for (Index c = 0; c < wrong.cols(); ++c) {
    // A NaN must not be lost in a maximum.
    if (!wrong.col(c).allFinite()) return {kInfinity, kInfinity, c};
    const auto plain = static_cast<double>(wrong.col(c).cwiseAbs().maxCoeff());
    const double over_floor = plain / floor.sigma / (*floor.nu)(c) / floor.analytic;
    if (over_floor > size.over_floor) size = {over_floor, plain, c};
  }
  return size;
}

double rms_of(const codes::VectorD& values) {
  return std::sqrt(values.squaredNorm() / static_cast<double>(std::max<Index>(values.size(), 1)));
}

bool is_transposed(const TapPoint& point) {
  return point.code != nullptr ? point.code->transposed : point.pass == codes::PassKind::kBackward;
}

// What this peer's shard makes of a column of its coded operand.
codes::VectorD product_of(const codes::VectorD& column, const TapPoint& point) {
  if (is_transposed(point)) return point.weights->transpose().cast<double>() * column;
  return point.weights->cast<double>() * column;
}

Size size_of_operand(const Matrix& wrong, const TapPoint& point) {
  POLYDOT_CHECK(point.floor != nullptr && point.code != nullptr && point.weights != nullptr);
  for (Index c = 0; c < wrong.cols(); ++c)
    if (!wrong.col(c).allFinite()) return {kInfinity, kInfinity, c};
  if (is_transposed(point)) return size_of(point.weights->transpose() * wrong, *point.floor);
  return size_of(*point.weights * wrong, *point.floor);
}

// A wrong shard may show in several rounds and in the scrub: the one counts that is the surest to show it.
// signal: the root mean square of what is right there, if it is asked for; 0: not known.
template <typename Signal>
void accuse(Injection& injection, const Size& size, const PublishedFloor& floor, const TapPoint& point,
            const Signal& signal) {
  const FaultClass fault = class_of(size.over_floor, floor);
  if (std::pair(fault, size.over_floor) <= std::pair(injection.fault_class, injection.size_over_floor))
    return;
  injection.fault_class = fault;
  injection.size_over_floor = size.over_floor;
  injection.size = size.plain;
  const double right = signal(size.col);
  injection.relative_size = right > 0.0 ? size.plain / right : 0.0;
  injection.found_step = point.step;
  injection.found_epoch = point.epoch;
  injection.found_attempt = point.attempt;
  injection.found_slot = point.slot;
  injection.found_layer = point.layer;
}

Matrix bitwise_difference(const Matrix& clean, const Matrix& faulty) {
  Matrix difference = Matrix::Zero(clean.rows(), clean.cols());
  for (Index i = 0; i < clean.size(); ++i)
    if (std::bit_cast<std::uint32_t>(clean.data()[i]) != std::bit_cast<std::uint32_t>(faulty.data()[i]))
      difference.data()[i] = faulty.data()[i] - clean.data()[i];
  return difference;
}

}  // namespace

double InjectionJudge::one_floor(const TapPoint& point, Index row, Index col) {
  const double floor = point.floor->analytic * point.floor->sigma * (*point.floor->nu)(col);
  if (point.stage != Stage::kEncode) return floor;
  POLYDOT_CHECK(point.weights != nullptr);
  const Matrix& weights = *point.weights;
  const auto largest = static_cast<double>(is_transposed(point) ? weights.row(row).cwiseAbs().maxCoeff()
                                                                : weights.col(row).cwiseAbs().maxCoeff());
  return largest > 0.0 ? floor / largest : 0.0;
}

void InjectionJudge::take(std::vector<Injection>& all, std::size_t index, const TapPoint& point,
                          const std::vector<ElementChange>& changes, const Eigen::Ref<Matrix>& live) {
  Injection& injection = all[index];
  switch (point.stage) {
    case Stage::kProduct:
    case Stage::kEncode: {
      Matrix wrong = Matrix::Zero(live.rows(), live.cols());
      for (const ElementChange& change : changes)
        wrong(change.row, change.col) = static_cast<float>(difference_of(change.before, change.after));
      POLYDOT_CHECK(point.floor != nullptr);
      const bool is_operand = point.stage == Stage::kEncode;
      const Size size = is_operand ? size_of_operand(wrong, point) : size_of(wrong, *point.floor);
      accuse(injection, size, *point.floor, point, [&](Index col) {
        codes::VectorD right = live.col(col).cast<double>();
        for (const ElementChange& change : changes)
          if (change.col == col) right(change.row) = static_cast<double>(change.before);
        return rms_of(is_operand ? product_of(right, point) : right);
      });
      return settled_(injection);
    }
    case Stage::kContribution:
      injection.fault_class = FaultClass::kErasure;
      return settled_(injection);
    case Stage::kWeights:
    case Stage::kOptimizer:
    case Stage::kUpdate: {
      Open open;
      open.index = index;
      open.judged_in = point.step + (point.stage == Stage::kUpdate ? 1 : 0);
      std::vector<Eigen::Triplet<double>> triplets;
      for (const ElementChange& change : changes) {
        const double difference = difference_of(change.before, change.after);
        open.infinite |= !std::isfinite(difference);
        triplets.emplace_back(static_cast<int>(change.row), static_cast<int>(change.col), difference);
      }
      open.difference.resize(live.rows(), live.cols());
      open.difference.setFromTriplets(triplets.begin(), triplets.end());
      open_.push_back(std::move(open));
      return;
    }
    default: {
      Open open;
      open.index = index;
      open.waits = Waits::kForOperand;
      open.judged_in = point.step;
      open_.push_back(std::move(open));
    }
  }
}

void InjectionJudge::led_to(std::vector<Injection>& all, const TapPoint& point, const Matrix& clean,
                            const Matrix& faulty) {
  if (clean.rows() != faulty.rows() || clean.cols() != faulty.cols()) return;
  for (Open& open : open_) {
    const Injection& injection = all[open.index];
    // Not the layer: a change in one may be told of the round that brought it about.
    if (open.waits == Waits::kForOperand && injection.stage == point.stage && injection.step == point.step &&
        injection.slot == point.slot && injection.pass == point.pass && injection.attempt == point.attempt)
      open.operand = bitwise_difference(clean, faulty);
  }
}

void InjectionJudge::look(std::vector<Injection>& all, const TapPoint& point,
                          const Eigen::Ref<Matrix>& operand) {
  if (point.attempt > 0 || point.floor == nullptr) return;
  for (Open& open : open_) {
    // Also of what nobody will look at: of which life it is.
    if (Injection& injection = all[open.index];
        point.step == open.judged_in && injection.size_over_floor == 0.0)
      injection.found_epoch = point.epoch;
    if (!point.training)
      judge_in_evaluation(all[open.index], open, point, operand);
    else if (open.waits == Waits::kForOperand)
      judge_operand(all[open.index], open, point, operand);
    else
      judge_shard(all[open.index], open, point, operand);
  }
}

void InjectionJudge::judge_operand(Injection& injection, Open& open, const TapPoint& point,
                                   const Eigen::Ref<Matrix>& operand) const {
  if (open.operand.size() == 0 || point.code == nullptr || point.step != open.judged_in) return;
  // Also when it is not finite: the block that holds it may not be in this peer's share.
  const Matrix wrong = codes::encode_operand(*point.code, self_, open.operand);
  if (wrong.rows() != operand.rows() || wrong.cols() != operand.cols()) return;
  accuse(injection, size_of_operand(wrong, point), *point.floor, point, [&](Index col) {
    return rms_of(product_of(operand.col(col).cast<double>() - wrong.col(col).cast<double>(), point));
  });
  // A code may leave a block of X out of a peer's share; yet the peer's own derivatives and updates read it.
  if (injection.fault_class == FaultClass::kMasked) injection.fault_class = FaultClass::kBelowFloor;
  open.operand.resize(0, 0);  // one round is led to
}

void InjectionJudge::judge_shard(Injection& injection, Open& open, const TapPoint& point,
                                 const Eigen::Ref<Matrix>& operand) const {
  if (point.step != open.judged_in) return;
  if (open.by_shape) {
    // Only the first layer has no round back, so only its shards are updated by what no round has carried.
    const bool same = point.layer == 0 && point.weights != nullptr &&
                      point.weights->rows() == open.difference.rows() &&
                      point.weights->cols() == open.difference.cols();
    if (!same) return;
  } else if (injection.layer != point.layer || injection.shard != point.shard) {
    return;
  }
  const bool momentum = injection.stage == Stage::kOptimizer;
  open.looked_at |= !momentum || point.scrub != nullptr;
  // What the wrong shard adds to its product with x.
  const auto added = [&](const MatrixD& x) -> MatrixD {
    if (is_transposed(point)) return open.difference.transpose() * x;
    return open.difference * x;
  };
  const auto size = [&](const MatrixD& x, const PublishedFloor& floor) {
    return open.infinite ? Size{kInfinity, kInfinity, 0} : size_of(added(x), floor);
  };
  if (!momentum) {
    const MatrixD x = operand.cast<double>();
    accuse(injection, size(x, *point.floor), *point.floor, point, [&](Index col) {
      if (point.weights == nullptr || open.infinite) return 0.0;
      return rms_of(product_of(x.col(col), point) - added(x.col(col)));
    });
  }
  if (point.scrub == nullptr) return;
  const PublishedFloor& floor = momentum ? point.scrub->momentum : point.scrub->weights;
  // Scrubs are whitened by what they usually are.
  accuse(injection, size(point.scrub->vector->cast<double>(), floor), floor, point,
         [&](Index) { return floor.sigma * (*floor.nu)(0); });
}

void InjectionJudge::judge_in_evaluation(const Injection& injection, Open& open, const TapPoint& point,
                                         const Eigen::Ref<Matrix>& operand) const {
  if (open.waits != Waits::kForShard) return;
  Injection seen = open.in_evaluation.value_or(injection);
  const bool looked_at = open.looked_at;
  judge_shard(seen, open, point, operand);
  open.looked_at = looked_at;
  open.in_evaluation = std::move(seen);
}

void InjectionJudge::begin_step(std::vector<Injection>& all, std::uint64_t step) {
  std::vector<Open> still_open;
  for (Open& open : open_) {
    Injection& injection = all[open.index];
    const bool reached_a_shard = open.waits == Waits::kForOperand && open.operand.size() > 0;
    if (reached_a_shard && step == open.judged_in + 1) {
      open.waits = Waits::kForShard;
      open.by_shape = true;
      open.judged_in = step;
      open.infinite = !open.operand.allFinite();
      open.difference = open.operand.cast<double>().sparseView();
      open.operand.resize(0, 0);
      injection.lasting = true;
      injection.found_layer = 0;
    }
    if (open.waits == Waits::kForShard && open.judged_in == step)
      still_open.push_back(std::move(open));
    else
      settle(all, open);
  }
  open_ = std::move(still_open);
}

void InjectionJudge::settle(std::vector<Injection>& all, const Open& open) const {
  Injection& injection = all[open.index];
  // Momentum is read by every update: that no scrub looked at it does not mean that it did nothing.
  const bool in_a_shard = open.waits == Waits::kForShard || open.operand.size() > 0;
  if (in_a_shard && !open.looked_at) {
    if (open.in_evaluation) injection = *open.in_evaluation;
    if (injection.size_over_floor < 1.0) injection.fault_class = FaultClass::kBelowFloor;
  }
  settled_(injection);
}

void InjectionJudge::settle_all(std::vector<Injection>& all) {
  for (const Open& open : open_) settle(all, open);
  open_.clear();
}

}  // namespace polydot::node
