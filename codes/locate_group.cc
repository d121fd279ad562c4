// Collaborative decoding: entries with the same wrong peers share the column space of their errors (MUSIC
// over the reals; Krachkovsky and Lee for interleaved Reed-Solomon codes; arXiv 1905.13685).
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "codes/bucket.h"

namespace polydot::codes {

namespace {

constexpr Index kSampleColumns = 512;  // enough to see the rank; every entry is verified afterwards
constexpr double kLargestEnumeration = 6000;
constexpr int kNeighbours = 3;  // peers tried beyond the nearest `size`
constexpr std::size_t kLargestDoubt = 16;

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

// Sets of `size` worth testing: all of them, or, when they are too many, those among the nearest peers.
std::vector<Suspects> sets_to_test(const Suspects& nearest, int size, bool full_rank) {
  const int peers = static_cast<int>(nearest.size());
  std::vector<Suspects> sets;
  int pool = peers;
  if (subset_count(peers, size) > kLargestEnumeration) {
    if (!full_rank) return sets;
    pool = std::min(peers, size + kNeighbours);
  }
  for_each_subset(pool, size, [&](const Suspects& places) {
    Suspects suspects;
    for (int place : places) suspects.push_back(nearest[static_cast<std::size_t>(place)]);
    std::sort(suspects.begin(), suspects.end());
    sets.push_back(std::move(suspects));
  });
  return sets;
}

double worst_excess(const Bucket& bucket, const MatrixD& syndromes, const Suspects& suspects) {
  const VectorD norms = unexplained_norms(bucket.parity, syndromes, suspects);
  return (norms - 1e-11 * syndromes.colwise().norm().transpose()).maxCoeff();
}

}  // namespace

Explanation explain_group(DecoderCache& cache, const Bucket& bucket, const ActiveEntries& entries,
                          const std::vector<Index>& group, const LocateLimits& limits) {
  const int spare = static_cast<int>(bucket.spare());
  const int peers = static_cast<int>(bucket.peers.size());
  const MatrixD seen = sample(bucket.syndromes, group, 1e9 * limits.threshold);
  const Eigen::JacobiSVD<MatrixD> svd(seen, Eigen::ComputeThinU);
  const double noise =
      limits.threshold / 8.0 *
          (std::sqrt(static_cast<double>(seen.cols())) + std::sqrt(static_cast<double>(spare))) +
      1e-13 * svd.singularValues()(0);
  const int rank = static_cast<int>((svd.singularValues().array() > noise).count());
  if (rank == 0 || rank >= spare) return {};
  const Suspects nearest = nearest_peers(bucket.parity, svd.matrixU().leftCols(rank));

  MatrixD whole(spare, static_cast<Index>(group.size()));
  for (std::size_t c = 0; c < group.size(); ++c)
    whole.col(static_cast<Index>(c)) = bucket.syndromes.col(group[c]);
  // Unique only while 2 size < r + rank: six peers that all send zeros, or last step's result, are a codeword
  // too.
  for (int size = rank; 2 * size < spare + rank && size < std::min(spare, peers); ++size) {
    const double limit = norm_limit(limits.threshold, spare - size);
    Candidates candidates(limit, kLargestDoubt);
    for (const Suspects& suspects : sets_to_test(nearest, size, size == rank))
      if (candidates.near(worst_excess(bucket, seen, suspects)))
        candidates.see(suspects, worst_excess(bucket, whole, suspects));
    const std::vector<Suspects>& fits = candidates.fits();
    if (fits.empty()) continue;
    if (fits.size() == 1 ||
        (!candidates.in_doubt() && candidates_agree(cache, bucket, entries, group, fits, limits, kTolerance)))
      return {true, fits.front(), false, candidates.common()};
    return {};
  }
  return {};
}

}  // namespace polydot::codes
