// Collaborative decoding: entries with the same wrong peers share the column space of their errors (MUSIC
// over the reals; Krachkovsky and Lee for interleaved Reed-Solomon codes; arXiv 1905.13685).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "codes/base/linear_algebra.h"
#include "codes/decode/bucket.h"

namespace polydot::codes {

namespace {

constexpr Index kSampleColumns = 512;  // enough to see the rank; every entry is verified afterwards
constexpr Index kFirstColumns = 16;    // of those: most sets fail by these already
constexpr double kLargestEnumeration = 6000;
constexpr int kNeighbours = 3;  // peers tried beyond the nearest `size`
constexpr std::size_t kLargestDoubt = 16;
constexpr double kSlack = 1e-11;  // a peer's rounding grows with its value

MatrixD sample(const MatrixD& syndromes, const std::vector<Index>& group, double loudest) {
  const Index count = static_cast<Index>(group.size());
  const Index stride = (count + kSampleColumns - 1) / kSampleColumns;
  MatrixD columns(syndromes.rows(), (count + stride - 1) / stride);
  for (Index c = 0; c < columns.cols(); ++c) {
    columns.col(c) = syndromes.col(group[static_cast<std::size_t>(c * stride)]);
    // No column may drown the others in its rounding (errors of 1e30 before the gate has been learned).
    if (const double norm = columns.col(c).norm(); norm > loudest) columns.col(c) *= loudest / norm;
  }
  return columns;
}

// Peers ordered by the distance of their parity column from the space spanned by the orthonormal `basis`.
Suspects nearest_peers(const MatrixD& parity, const MatrixD& basis) {
  const VectorD inside = (basis.transpose() * parity).colwise().squaredNorm();
  const VectorD whole = parity.colwise().squaredNorm();
  Suspects order(static_cast<std::size_t>(parity.cols()));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return inside(a) * whole(b) > inside(b) * whole(a); });
  return order;
}

// Peers whose subsets of `size` are worth testing: all of them, or, when these are too many, the nearest; or
// none.
Suspects pool_of(const Suspects& nearest, int size, bool full_rank) {
  if (subset_count(static_cast<int>(nearest.size()), size) <= kLargestEnumeration) return nearest;
  if (!full_rank) return {};
  return {nearest.begin(),
          nearest.begin() +
              std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(nearest.size()), size + kNeighbours)};
}

double worst_excess(const Bucket& bucket, const MatrixD& syndromes, const Suspects& suspects) {
  const VectorD norms = unexplained_norms(bucket.parity, syndromes, suspects);
  return (norms - kSlack * syndromes.colwise().norm().transpose()).maxCoeff();
}

}  // namespace

Explanation explain_group(DecoderCache& cache, const Bucket& bucket, const ActiveEntries& entries,
                          const std::vector<Index>& group, const LocateLimits& limits) {
  const int spare = static_cast<int>(bucket.spare());
  const int peers = static_cast<int>(bucket.peers.size());
  const MatrixD seen = sample(bucket.syndromes, group, 1e9 * limits.threshold);
  const Svd svd = left_svd(seen);
  const double noise =
      limits.threshold / 8.0 *
          (std::sqrt(static_cast<double>(seen.cols())) + std::sqrt(static_cast<double>(spare))) +
      1e-13 * svd.values(0);
  const int rank = static_cast<int>((svd.values.array() > noise).count());
  if (rank == 0 || rank >= spare) return {};
  const MatrixD first = seen.leftCols(std::min(kFirstColumns, seen.cols()));
  const VectorD slack = kSlack * first.colwise().norm().transpose();
  const Suspects nearest = nearest_peers(bucket.parity, svd.u.leftCols(rank));

  MatrixD whole(spare, static_cast<Index>(group.size()));
  for (std::size_t c = 0; c < group.size(); ++c)
    whole.col(static_cast<Index>(c)) = bucket.syndromes.col(group[c]);
  // Unique only while 2 size < r + rank: six peers that all send zeros, or last step's result, are a codeword
  // too.
  std::size_t tested = 0;
  for (int size = rank; 2 * size < spare + rank && size < std::min(spare, peers); ++size) {
    const double limit = norm_limit(limits.threshold, spare - size);
    Candidates candidates(limit, kLargestDoubt);
    const Suspects pool = pool_of(nearest, size, size == rank);
    if (static_cast<int>(pool.size()) < size) continue;
    for_each_suspicion(bucket.parity, first, pool, size, [&](const Suspects& chosen, const VectorD& norms) {
      ++tested;
      if (!candidates.near((norms - slack).maxCoeff())) return;
      Suspects suspects = chosen;
      std::sort(suspects.begin(), suspects.end());
      if (candidates.near(worst_excess(bucket, seen, suspects)))
        candidates.see(suspects, worst_excess(bucket, whole, suspects));
    });
    const std::vector<Suspects>& fits = candidates.fits();
    if (fits.empty()) continue;
    if (fits.size() == 1 ||
        (!candidates.in_doubt() && candidates_agree(cache, bucket, entries, group, fits, limits, kTolerance)))
      return {true, fits.front(), false, candidates.common(), tested};
    break;
  }
  Explanation nothing;
  nothing.tested = tested;
  return nothing;
}

}  // namespace polydot::codes
