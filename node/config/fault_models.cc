#include "node/config/fault_models.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace polydot::node {
namespace {

using codes::Index;
using Live = Eigen::Ref<codes::Matrix>;
using Changes = std::vector<ElementChange>;

constexpr int kTries = 8;                // to find an element that the fault changes
constexpr std::uint64_t kStuckBit = 22;  // the largest of the mantissa: seldom set already, never harmless
constexpr std::uint32_t kPatternMask = 0xff;

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
float with_flipped(float value, std::uint64_t bit) { return float_of(bits_of(value) ^ (1U << bit)); }

// Moves floats as bits: arithmetic would lose denormals and a NaN's payload.
void replace(Live& live, Index row, Index col, float after, Changes& changes) {
  const float before = live(row, col);
  if (bits_of(before) == bits_of(after)) return;
  live(row, col) = after;
  changes.push_back({row, col, before, after});
}

Index drawn(const std::optional<std::int64_t>& wished, Index count, dnn::Random& random) {
  const auto draw = static_cast<Index>(random.below(static_cast<std::uint64_t>(count)));
  return wished ? *wished : draw;
}

dnn::Random machine_random(const FaultDraw& draw) {
  return {draw.machine_seed, dnn::RandomStream::kFaults, 0};
}

double sign_of(dnn::Random& random) { return random.below(2) == 0 ? 1.0 : -1.0; }

struct Element {
  float value;
  Index row, col;
};

float flip_bit(const Element& element, const FaultDraw& draw) {
  const std::uint64_t bit = draw.random.below(32);
  return with_flipped(element.value, draw.spec.bit.value_or(bit));
}

float flip_bits(const Element& element, const FaultDraw& draw) {
  std::uint32_t mask = 0;
  while (std::popcount(mask) < static_cast<int>(draw.spec.bits.value_or(1)))
    mask |= 1U << draw.random.below(32);
  return float_of(bits_of(element.value) ^ mask);
}

float any_finite(const Element&, const FaultDraw& draw) {
  for (;;)
    if (const float value = float_of(static_cast<std::uint32_t>(draw.random.next() >> 32));
        std::isfinite(value))
      return value;
}

float zero(const Element&, const FaultDraw&) { return 0.0F; }
float not_a_number(const Element&, const FaultDraw&) { return std::numeric_limits<float>::quiet_NaN(); }
float infinite(const Element&, const FaultDraw& draw) {
  return static_cast<float>(sign_of(draw.random)) * std::numeric_limits<float>::infinity();
}
float scaled(const Element& element, const FaultDraw& draw) {
  return static_cast<float>(static_cast<double>(element.value) * draw.spec.factor.value_or(1.0));
}

float off_by_floors(const Element& element, const FaultDraw& draw) {
  if (!draw.one_floor) return element.value;
  const double size = draw.spec.times.value_or(1.0) * draw.one_floor(element.row, element.col);
  return static_cast<float>(static_cast<double>(element.value) + sign_of(draw.random) * size);
}

float off_as_others(const Element& element, const FaultDraw& draw) {
  double error = sign_of(draw.random) * (0.5 + 1.5 * draw.random.uniform()) * draw.spec.factor.value_or(1.0);
  if (draw.spec.proportional) {
    dnn::Random own = machine_random(draw);
    error *= sign_of(own) * (0.5 + 1.5 * own.uniform());
  }
  return static_cast<float>(static_cast<double>(element.value) + error);
}

float stuck(const Element& element, const FaultDraw& draw) {
  return float_of(bits_of(element.value) | (1U << draw.spec.bit.value_or(kStuckBit)));
}

template <float (*Change)(const Element&, const FaultDraw&)>
Changes on_element_of(dnn::Random& places, int tries, const FaultDraw& draw, Live live) {
  Changes changes;
  for (int i = 0; i < tries && changes.empty(); ++i) {
    const Index row = drawn(draw.spec.row, live.rows(), places);
    const Index col = drawn(draw.spec.col, live.cols(), places);
    if (row < live.rows() && col < live.cols())
      replace(live, row, col, Change({live(row, col), row, col}, draw), changes);
  }
  return changes;
}

template <float (*Change)(const Element&, const FaultDraw&)>
Changes on_element(const FaultDraw& draw, Live live) {
  return on_element_of<Change>(draw.random, kTries, draw, live);
}

// The peers hit together must hit the same element: no second try.
Changes on_common_element(const FaultDraw& draw, Live live) {
  return on_element_of<off_as_others>(draw.random, 1, draw, live);
}

Changes on_own_element(const FaultDraw& draw, Live live) {
  dnn::Random places = machine_random(draw);
  return on_element_of<stuck>(places, 1, draw, live);
}

// Of what is finite; 1 where there is nothing to go by.
double root_mean_square(const Live& live) {
  double sum = 0;
  Index count = 0;
  for (Index c = 0; c < live.cols(); ++c)
    for (Index r = 0; r < live.rows(); ++r)
      if (const double value = static_cast<double>(live(r, c)); std::isfinite(value))
        sum += value * value, ++count;
  return sum > 0 ? std::sqrt(sum / static_cast<double>(count)) : 1.0;
}

Changes noise_in(const FaultDraw& draw, Live live, Index row, Index rows, Index col, Index cols) {
  Changes changes;
  const double size = root_mean_square(live);
  for (Index c = col; c < std::min(col + cols, live.cols()); ++c)
    for (Index r = row; r < std::min(row + rows, live.rows()); ++r)
      replace(live, r, c, static_cast<float>(size * draw.random.gaussian()), changes);
  return changes;
}

Changes noise_in_row(const FaultDraw& draw, Live live) {
  return noise_in(draw, live, drawn(draw.spec.row, live.rows(), draw.random), 1, 0, live.cols());
}
Changes noise_in_column(const FaultDraw& draw, Live live) {
  return noise_in(draw, live, 0, live.rows(), drawn(draw.spec.col, live.cols(), draw.random), 1);
}
Changes noise_in_all(const FaultDraw& draw, Live live) {
  return noise_in(draw, live, 0, live.rows(), 0, live.cols());
}

Changes earlier_values(const FaultDraw& draw, Live live) {
  Changes changes;
  if (draw.earlier == nullptr || draw.earlier->rows() != live.rows() || draw.earlier->cols() != live.cols())
    return changes;
  for (Index c = 0; c < live.cols(); ++c)
    for (Index r = 0; r < live.rows(); ++r) replace(live, r, c, (*draw.earlier)(r, c), changes);
  return changes;
}

Changes pattern_of_values(const FaultDraw& draw, Live live) {
  Changes changes;
  dnn::Random machine = machine_random(draw);
  const auto pattern = static_cast<std::uint32_t>(machine.below(kPatternMask + 1));
  const std::uint64_t bit = machine.below(24) + 8;  // above the pattern
  for (Index c = 0; c < live.cols(); ++c)
    for (Index r = 0; r < live.rows(); ++r)
      if ((bits_of(live(r, c)) & kPatternMask) == pattern)
        replace(live, r, c, with_flipped(live(r, c), draw.spec.bit.value_or(bit)), changes);
  return changes;
}

constexpr FaultModelEntry kModels[] = {
    {FaultModel::kBitFlip, "bitflip", on_element<flip_bit>},
    {FaultModel::kKBits, "kbits", on_element<flip_bits>},
    {FaultModel::kRandom, "random", on_element<any_finite>},
    {FaultModel::kZero, "zero", on_element<zero>},
    {FaultModel::kNan, "nan", on_element<not_a_number>},
    {FaultModel::kInf, "inf", on_element<infinite>},
    {FaultModel::kScale, "scale", on_element<scaled>},
    {FaultModel::kStale, "stale", earlier_values},
    {FaultModel::kRow, "row", noise_in_row},
    {FaultModel::kColumn, "column", noise_in_column},
    {FaultModel::kWhole, "whole", noise_in_all},
    {FaultModel::kSticky, "sticky", on_own_element},
    {FaultModel::kBadCore, "badcore", pattern_of_values},
    {FaultModel::kFloor, "floor", on_element<off_by_floors>},
    {FaultModel::kCorrelated, "correlated", on_common_element},
};

}  // namespace

std::span<const FaultModelEntry> fault_models() { return kModels; }

std::vector<ElementChange> apply_fault(const FaultDraw& draw, Eigen::Ref<codes::Matrix> live) {
  for (const FaultModelEntry& entry : kModels)
    if (entry.model == draw.spec.model) return entry.apply(draw, live);
  return {};
}

std::string_view name_of(FaultModel model) {
  for (const FaultModelEntry& entry : kModels)
    if (entry.model == model) return entry.name;
  return "?";
}

bool acts_on_one_element(FaultModel model) {
  switch (model) {
    case FaultModel::kStale:
    case FaultModel::kRow:
    case FaultModel::kColumn:
    case FaultModel::kWhole:
    case FaultModel::kBadCore:
      return false;
    default:
      return true;
  }
}

bool is_lasting(FaultModel model) { return model == FaultModel::kSticky || model == FaultModel::kBadCore; }

}  // namespace polydot::node
