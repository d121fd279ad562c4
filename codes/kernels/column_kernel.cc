#include "codes/kernels/column_kernel.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "codes/base/check.h"

namespace polydot::codes {

namespace {

// As wide as a register, and as many sums as registers hold, with some left for the inputs: wider ones, or
// more, go through memory (four times slower with AVX2).
#if defined(__AVX512F__)
constexpr Index kLanes = 16;
constexpr int kMostAtOnce = 12;  // outputs; twice as many registers
#elif defined(__AVX__)
constexpr Index kLanes = 8;
constexpr int kMostAtOnce = 6;
#else
constexpr Index kLanes = 4;
constexpr int kMostAtOnce = 6;
#endif
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = std::uint32_t __attribute__((vector_size(kLanes * sizeof(float))));
constexpr std::uint32_t kNoSign = 0x7fffffffu, kNotFinite = 0x7f800000u;
constexpr Index kBlock = 2 * kLanes;  // rows at once: every factor is fetched for two vectors

Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
void store(const Lanes& lanes, float* to) { std::memcpy(to, &lanes, sizeof lanes); }
Lanes larger(const Lanes& a, const Lanes& b) { return a > b ? a : b; }
Lanes magnitude(const Lanes& a) { return (Lanes)((Bits)a & kNoSign); }
Bits larger_bits(const Bits& a, const Bits& b) { return a > b ? a : b; }
// By halves, not one after the other: each step would wait for the last.
std::uint32_t largest_lane(const Bits& a) {
  std::array<std::uint32_t, kLanes> lanes;
  std::memcpy(lanes.data(), &a, sizeof a);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] = std::max(lanes[lane], lanes[lane + half]);
  return lanes[0];
}

// A column, or a part of it, in whole blocks.
struct Run {
  Index rows = 0;
  std::vector<const float*> inputs;
  std::vector<float*> to;  // by wanted output; null: kept nowhere
  float* sizes = nullptr;
  Index ahead = 0;
};

// Of all that a column's runs have shown.
struct Seen {
  std::vector<Bits> largest;  // by input, as bits: of what has no sign the order is the same
  Lanes loudest{}, squares{};
};

// Outputs [first, first + Count). What is asked of the inputs alone is done along with the first of them.
template <int Count>
void combine(const ColumnTable& table, Index first, const Run& run, Seen& seen) {
  const auto inputs = static_cast<std::size_t>(table.inputs());
  const Index wanted = table.wanted() - first;
  Lanes loudest = seen.loudest, squares = seen.squares;
  for (Index row = 0; row < run.rows; row += kBlock) {
    Lanes upper[Count] = {}, lower[Count] = {};
    for (std::size_t p = 0; p < inputs; ++p) {
      const float* const from = run.inputs[p] + row;
      const Lanes high = load(from), low = load(from + kLanes);
      if (first == 0) {
        __builtin_prefetch(from + run.ahead);
        __builtin_prefetch(from + run.ahead + kLanes);
        seen.largest[p] =
            larger_bits(seen.largest[p], larger_bits((Bits)high & kNoSign, (Bits)low & kNoSign));
      }
      const float* const factors = table.row(static_cast<Index>(p)) + first;
      for (int k = 0; k < Count; ++k) {
        upper[k] += high * factors[k];
        lower[k] += low * factors[k];
      }
    }
    Lanes high_size{}, low_size{};
    for (int k = 0; k < Count; ++k) {
      if (k >= wanted) {
        high_size = larger(magnitude(upper[k]), high_size);
        low_size = larger(magnitude(lower[k]), low_size);
      } else if (float* const to = run.to[static_cast<std::size_t>(first + k)]) {
        store(upper[k], to + row);
        store(lower[k], to + row + kLanes);
        squares += upper[k] * upper[k] + lower[k] * lower[k];
      }
    }
    float* const sizes = run.sizes + row;
    if (first > 0) {
      high_size = larger(high_size, load(sizes));
      low_size = larger(low_size, load(sizes + kLanes));
    }
    store(high_size, sizes);
    store(low_size, sizes + kLanes);
    loudest = larger(loudest, larger(high_size, low_size));
  }
  seen.loudest = loudest;
  seen.squares = squares;
}

void combine_run(const ColumnTable& table, const Run& run, Seen& seen) {
  using Combine = void (*)(const ColumnTable&, Index, const Run&, Seen&);
  static constexpr auto kCombine = []<int... Counts>(std::integer_sequence<int, Counts...>) {
    return std::array<Combine, kMostAtOnce>{combine<Counts + 1>...};
  }
  (std::make_integer_sequence<int, kMostAtOnce>());
  for (Index first = 0; first < table.outputs(); first += kMostAtOnce)
    kCombine[static_cast<std::size_t>(std::min<Index>(kMostAtOnce, table.outputs() - first) - 1)](
        table, first, run, seen);
}

// One block that ends, or of which less is kept than a block: in a copy, of which zeros are the rest.
void combine_edge(const ColumnTable& table, const std::vector<const float*>& inputs, Index first, Index rows,
                  const std::vector<ColumnTarget>& targets, float* sizes, Seen& seen, float& squares) {
  thread_local std::vector<float> memory;
  thread_local Run run;
  const auto count = static_cast<std::size_t>(table.inputs());
  const auto wanted = static_cast<std::size_t>(table.wanted());
  memory.assign((count + wanted + 1) * kBlock, 0.0f);
  run.rows = kBlock;
  run.inputs.resize(count);
  run.to.resize(wanted);
  const auto there = static_cast<std::size_t>(std::min(kBlock, rows - first)) * sizeof(float);
  for (std::size_t p = 0; p < count; ++p) {
    float* padded = &memory[p * kBlock];
    std::memcpy(padded, inputs[p] + first, there);
    run.inputs[p] = padded;
  }
  for (std::size_t k = 0; k < wanted; ++k) run.to[k] = &memory[(count + k) * kBlock];
  run.sizes = &memory[(count + wanted) * kBlock];
  const Lanes before = seen.squares;
  combine_run(table, run, seen);
  seen.squares = before;  // of what is kept, below
  std::memcpy(sizes + first, run.sizes, there);
  for (std::size_t k = 0; k < wanted; ++k) {
    const Index kept = std::min(kBlock, targets[k].rows - first);
    for (Index row = 0; row < kept; ++row) {
      targets[k].to[first + row] = run.to[k][row];
      squares += run.to[k][row] * run.to[k][row];
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
                    const std::vector<ColumnTarget>& targets, float* sizes, ColumnLook& look, Index ahead) {
  const auto count = static_cast<std::size_t>(table.inputs());
  // Kept from column to column.
  thread_local Seen seen;
  thread_local Run run;
  seen.largest.assign(count, Bits{});
  seen.loudest = seen.squares = Lanes{};
  run.rows = rows;
  run.to.clear();
  for (const ColumnTarget& target : targets) {
    run.to.push_back(target.rows > 0 ? target.to : nullptr);
    if (target.rows > 0) run.rows = std::min(run.rows, target.rows);
  }
  run.rows -= run.rows % kBlock;
  run.inputs = inputs;
  run.sizes = sizes;
  run.ahead = ahead;
  combine_run(table, run, seen);
  look.squares = 0.0f;
  for (Index first = run.rows; first < rows; first += kBlock)
    combine_edge(table, inputs, first, rows, targets, sizes, seen, look.squares);

  look.largest.resize(count);
  for (std::size_t p = 0; p < count; ++p) {
    const std::uint32_t most = largest_lane(seen.largest[p]);
    look.largest[p] =
        most >= kNotFinite ? std::numeric_limits<float>::infinity() : std::bit_cast<float>(most);
  }
  look.loudest = 0.0f;
  for (Index lane = 0; lane < kLanes; ++lane) {
    look.loudest = std::max(look.loudest, seen.loudest[lane]);
    look.squares += seen.squares[lane];
  }
}

}  // namespace polydot::codes
