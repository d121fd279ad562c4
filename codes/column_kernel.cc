#include "codes/column_kernel.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "codes/check.h"

namespace polydot::codes {

namespace {

// The compiler cuts them to the width that the processor has.
constexpr Index kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = std::uint32_t __attribute__((vector_size(kLanes * sizeof(float))));
constexpr std::uint32_t kNoSign = 0x7fffffffu, kNotFinite = 0x7f800000u;
constexpr Index kAhead =
    256;  // floats; contributions come from afar, and in as many streams as there are peers
constexpr int kMostAtOnce = 8;  // outputs; as many registers

Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
void store(const Lanes& lanes, float* to, Index count) {
  if (count >= kLanes)
    std::memcpy(to, &lanes, sizeof lanes);
  else if (count > 0)
    std::memcpy(to, &lanes, static_cast<std::size_t>(count) * sizeof(float));
}
Lanes larger(const Lanes& a, const Lanes& b) { return a > b ? a : b; }
Lanes magnitude(const Lanes& a) { return (Lanes)((Bits)a & kNoSign); }

struct Strip {
  Index first = 0, count = 0;  // rows
  Lanes sizes{}, squares{};
};

// Outputs [first, first + Count) of one strip; kept or looked at.
template <int Count>
void combine(const ColumnTable& table, const float* const* inputs, Index first,
             const std::vector<ColumnTarget>& targets, Strip& strip) {
  Lanes sums[Count] = {};
  for (Index p = 0; p < table.inputs(); ++p) {
    const Lanes values = load(inputs[p]);
    const float* factors = table.row(p) + first;
    for (int k = 0; k < Count; ++k) sums[k] += values * factors[k];
  }
  for (int k = 0; k < Count; ++k) {
    if (first + k >= table.wanted()) {
      strip.sizes = larger(magnitude(sums[k]), strip.sizes);
      continue;
    }
    const ColumnTarget& target = targets[static_cast<std::size_t>(first + k)];
    const Index kept = std::min(strip.count, target.rows - strip.first);
    if (kept <= 0) continue;
    store(sums[k], target.to + strip.first, kept);
    if (kept < kLanes)
      for (Index lane = kept; lane < kLanes; ++lane) sums[k][lane] = 0.0f;
    strip.squares += sums[k] * sums[k];
  }
}

void combine_strip(const ColumnTable& table, const float* const* inputs,
                   const std::vector<ColumnTarget>& targets, Strip& strip) {
  for (Index first = 0; first < table.outputs(); first += kMostAtOnce) {
    switch (std::min<Index>(kMostAtOnce, table.outputs() - first)) {
      case 1:
        combine<1>(table, inputs, first, targets, strip);
        break;
      case 2:
        combine<2>(table, inputs, first, targets, strip);
        break;
      case 3:
        combine<3>(table, inputs, first, targets, strip);
        break;
      case 4:
        combine<4>(table, inputs, first, targets, strip);
        break;
      case 5:
        combine<5>(table, inputs, first, targets, strip);
        break;
      case 6:
        combine<6>(table, inputs, first, targets, strip);
        break;
      case 7:
        combine<7>(table, inputs, first, targets, strip);
        break;
      default:
        combine<kMostAtOnce>(table, inputs, first, targets, strip);
        break;
    }
  }
}

}  // namespace

ColumnTable::ColumnTable(const Matrix& transform, Index wanted)
    : inputs_(transform.rows()),
      outputs_(transform.cols()),
      wanted_(wanted),
      entries_(static_cast<std::size_t>(transform.size())) {
  POLYDOT_CHECK_LE(wanted, outputs_);
  for (Index p = 0; p < inputs_; ++p)
    for (Index o = 0; o < outputs_; ++o)
      entries_[static_cast<std::size_t>(p * outputs_ + o)] = transform(p, o);
}

void combine_column(const ColumnTable& table, const std::vector<const float*>& inputs, Index rows,
                    const std::vector<ColumnTarget>& targets, float* sizes, ColumnLook& look) {
  const auto count = static_cast<std::size_t>(table.inputs());
  // Kept from column to column.
  thread_local std::vector<Bits> largest;
  thread_local std::vector<const float*> at;
  thread_local std::vector<float> tail;
  largest.assign(count, Bits{});
  at.resize(count);
  Lanes loudest{}, squares{};
  for (Index first = 0; first < rows; first += kLanes) {
    Strip strip{.first = first, .count = std::min(kLanes, rows - first)};
    if (strip.count < kLanes) tail.assign(count * kLanes, 0.0f);
    for (std::size_t p = 0; p < count; ++p) {
      at[p] = inputs[p] + first;
      if (strip.count < kLanes) {
        float* padded = &tail[p * kLanes];
        std::memcpy(padded, at[p], static_cast<std::size_t>(strip.count) * sizeof(float));
        at[p] = padded;
      }
      __builtin_prefetch(inputs[p] + first + kAhead);
      const Bits size = (Bits)load(at[p]) & kNoSign;
      largest[p] = size > largest[p] ? size : largest[p];
    }
    combine_strip(table, at.data(), targets, strip);
    store(strip.sizes, sizes + first, strip.count);
    loudest = larger(strip.sizes, loudest);
    squares += strip.squares;
  }
  look.largest.resize(count);
  for (std::size_t p = 0; p < count; ++p) {
    std::uint32_t most = 0;
    for (Index lane = 0; lane < kLanes; ++lane) most = std::max<std::uint32_t>(most, largest[p][lane]);
    look.largest[p] =
        most >= kNotFinite ? std::numeric_limits<float>::infinity() : std::bit_cast<float>(most);
  }
  look.loudest = look.squares = 0.0f;
  for (Index lane = 0; lane < kLanes; ++lane) {
    look.loudest = std::max(look.loudest, loudest[lane]);
    look.squares += squares[lane];
  }
}

}  // namespace polydot::codes
