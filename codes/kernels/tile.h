// Private to shard_kernel.cc: a small tile of a matrix product in the processor's registers.
#pragma once

#include <cstring>
#include <utility>

#include "codes/base/matrix.h"

namespace polydot::codes {

// As many registers as the processor has hold the sums of a tile: kTileCols columns of kTileVectors vectors.
#if defined(__AVX512F__)
inline constexpr Index kTileLanes = 16, kTileCols = 8;
#elif defined(__AVX__)
inline constexpr Index kTileLanes = 8, kTileCols = 4;
#else
inline constexpr Index kTileLanes = 4, kTileCols = 4;
#endif
inline constexpr Index kTileVectors = 2;
inline constexpr Index kTileRows = kTileVectors * kTileLanes;

using TileLanes = float __attribute__((vector_size(kTileLanes * sizeof(float))));

inline TileLanes load_lanes(const float* from) {
  TileLanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
inline void store_lanes(const TileLanes& lanes, float* to) { std::memcpy(to, &lanes, sizeof lanes); }

// Asks for memory shortly before it is used, a line of the cache at a time: `left` lines of a region of
// columns, `run` floats each, `stride` floats apart; of a second one of the same shape `second` floats
// further on too.
struct ReadAhead {
  static constexpr Index kLine = 16;

  const float* column = nullptr;
  Index run = 0, stride = 0, left = 0;
  std::ptrdiff_t second = 0;
  Index at = 0;

  static ReadAhead region(const float* from, Index run, Index cols, Index stride, std::ptrdiff_t second = 0) {
    return {from, run, stride, (run + kLine - 1) / kLine * cols, second, 0};
  }
  void next() {
    if (left <= 0) return;
    --left;
    __builtin_prefetch(column + at, 0, 2);
    if (second != 0) __builtin_prefetch(column + second + at, 1, 2);
    at += kLine;
    if (at < run) return;
    at = 0;
    column += stride;
  }
};

struct TileSums {
  TileLanes of[kTileCols][kTileVectors];  // by column
};

// sums = sum over k < depth of a(:, k) b(k, :). a: kTileRows floats for each k. b: kTileCols columns that are
// `stride` floats apart, or, with stride 0, kTileCols floats for each k.
template <bool Packed>
[[gnu::always_inline]] inline void multiply_tile(const float* a, const float* b, Index stride, Index depth,
                                                 ReadAhead& ahead, TileSums& sums) {
  constexpr Index kUnrolled = 8;
  TileLanes tile[kTileCols][kTileVectors];
#pragma GCC unroll 16  // with = {} it would be cleared in memory first
  for (Index i = 0; i < kTileCols * kTileVectors; ++i) tile[i / kTileVectors][i % kTileVectors] = TileLanes{};
  const auto add = [&](Index k) __attribute__((always_inline)) {
    TileLanes left[kTileVectors];
    for (Index v = 0; v < kTileVectors; ++v) left[v] = load_lanes(a + k * kTileRows + v * kTileLanes);
#pragma GCC unroll 8
    for (Index j = 0; j < kTileCols; ++j) {
      const float right = Packed ? b[k * kTileCols + j] : b[j * stride + k];
      for (Index v = 0; v < kTileVectors; ++v) tile[j][v] += left[v] * right;
    }
  };
  Index k = 0;
  for (; k + kUnrolled <= depth; k += kUnrolled) {
    ahead.next();
#pragma GCC unroll 8
    for (Index u = 0; u < kUnrolled; ++u) add(k + u);
  }
  for (; k < depth; ++k) add(k);
  std::memcpy(&sums, &tile, sizeof sums);
}

inline void multiply_tile(bool packed, const float* a, const float* b, Index stride, Index depth,
                          ReadAhead& ahead, TileSums& sums) {
  if (packed)
    multiply_tile<true>(a, b, 0, depth, ahead, sums);
  else
    multiply_tile<false>(a, b, stride, depth, ahead, sums);
}

template <bool High, std::size_t... I>
TileLanes weave(const TileLanes& a, const TileLanes& b, std::index_sequence<I...>) {
  constexpr int kFirst = High ? static_cast<int>(kTileLanes) / 2 : 0;
  return __builtin_shufflevector(
      a, b, (kFirst + static_cast<int>(I) / 2 + (I % 2 == 1 ? static_cast<int>(kTileLanes) : 0))...);
}

// kTileLanes vectors, as the rows of a square.
inline void transpose_lanes(TileLanes* rows) {
  constexpr auto kIndices = std::make_index_sequence<kTileLanes>();
  for (Index stage = 1; stage < kTileLanes; stage *= 2) {
    TileLanes woven[kTileLanes];
    for (Index i = 0; i < kTileLanes / 2; ++i) {
      woven[2 * i] = weave<false>(rows[i], rows[i + kTileLanes / 2], kIndices);
      woven[2 * i + 1] = weave<true>(rows[i], rows[i + kTileLanes / 2], kIndices);
    }
    std::memcpy(rows, woven, sizeof woven);
  }
}

}  // namespace polydot::codes
