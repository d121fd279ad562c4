#include "codes/decode/bucket.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "codes/base/linear_algebra.h"

namespace polydot::codes {

namespace {

// At most this many sets are tested for one entry or group; beyond, larger sets are left to the group stage.
constexpr double kLargestSearch = 2e4;
// Candidates compared with each other when several explain the same entry.
constexpr std::size_t kLargestDoubt = 32;
// The next best set must be this many times worse before anybody is blamed.
constexpr double kRunnerUp = 4.0;

MatrixD columns_of(const MatrixD& matrix, const std::vector<Index>& columns) {
  MatrixD part(matrix.rows(), static_cast<Index>(columns.size()));
  for (std::size_t c = 0; c < columns.size(); ++c) part.col(static_cast<Index>(c)) = matrix.col(columns[c]);
  return part;
}

// Depth first: level d holds what the first d + 1 suspects leave unexplained.
class SuspicionWalk {
 public:
  using Visit = std::function<void(const Suspects&, const VectorD&)>;
  SuspicionWalk(const MatrixD& parity, const MatrixD& syndromes, const Suspects& pool, int size,
                const Visit& visit)
      : parity_(parity),
        syndromes_(syndromes),
        pool_(pool),
        size_(static_cast<std::size_t>(size)),
        visit_(visit),
        directions_(MatrixD::Zero(parity.rows(), size)),
        left_(size_, MatrixD(syndromes.rows(), syndromes.cols())),
        chosen_(size_) {}
  void run() { descend(0, 0); }

 private:
  void descend(std::size_t level, std::size_t first) {
    const MatrixD& before = level == 0 ? syndromes_ : left_[level - 1];
    for (std::size_t k = first; k + (size_ - level) <= pool_.size(); ++k) {
      chosen_[level] = pool_[k];
      const auto direction = directions_.col(static_cast<Index>(level));
      if (choose(level, pool_[k]))
        left_[level].noalias() = before - direction * (direction.transpose() * before);
      else
        left_[level] = before;
      if (level + 1 < size_)
        descend(level + 1, k + 1);
      else
        visit_(chosen_, left_[level].colwise().norm());
    }
  }

  // The direction that this suspect adds to those before it. False: none.
  bool choose(std::size_t level, int suspect) {
    constexpr double kNothingNew = 1e-10;
    VectorD direction = parity_.col(suspect);
    const double whole = direction.norm();
    const auto before = directions_.leftCols(static_cast<Index>(level));
    for (int pass = 0; pass < 2; ++pass)  // once more, for what rounding left
      direction -= before * (before.transpose() * direction).eval();
    const double left = direction.norm();
    const bool is_new = left > kNothingNew * whole;
    if (is_new)
      directions_.col(static_cast<Index>(level)) = direction / left;
    else
      directions_.col(static_cast<Index>(level)).setZero();
    return is_new;
  }

  const MatrixD& parity_;
  const MatrixD& syndromes_;
  const Suspects& pool_;
  std::size_t size_;
  const Visit& visit_;
  MatrixD directions_;         // orthonormal
  std::vector<MatrixD> left_;  // by level
  Suspects chosen_;
};

}  // namespace

void Candidates::see(const Suspects& suspects, double excess) {
  if (!near(excess)) return;
  if (any_near_) {
    Suspects common;
    std::set_intersection(common_.begin(), common_.end(), suspects.begin(), suspects.end(),
                          std::back_inserter(common));
    common_ = std::move(common);
  } else {
    common_ = suspects;
  }
  any_near_ = true;
  if (excess > limit_) return;
  const bool best = excesses_.empty() || excess < excesses_.front();
  fits_.insert(best ? fits_.begin() : fits_.end(), suspects);
  excesses_.insert(best ? excesses_.begin() : excesses_.end(), excess);
  if (fits_.size() <= capacity_ + 1) return;
  fits_.pop_back();
  excesses_.pop_back();
}

std::vector<Suspects> Candidates::plausible() const {
  std::vector<Suspects> sets;
  for (std::size_t k = 0; k < fits_.size(); ++k)
    if (excesses_[k] <= std::max(kRunnerUp * excesses_.front(), limit_ / kRunnerUp)) sets.push_back(fits_[k]);
  return sets;
}

bool Candidates::near(double excess) const { return excess <= kRunnerUp * limit_; }

PeerSet Bucket::set_of(const Suspects& suspects) const {
  PeerSet set;
  for (int s : suspects) set.insert(peers[static_cast<std::size_t>(s)]);
  return set;
}

double norm_limit(double threshold, Index spare) {
  return threshold * std::sqrt(std::max(1.0, static_cast<double>(spare) / 4.0));
}

VectorD unexplained_norms(const MatrixD& parity, const MatrixD& syndromes, const Suspects& suspects) {
  if (suspects.empty()) return syndromes.colwise().norm();
  MatrixD columns(parity.rows(), static_cast<Index>(suspects.size()));
  for (std::size_t s = 0; s < suspects.size(); ++s)
    columns.col(static_cast<Index>(s)) = parity.col(suspects[s]);
  const MatrixD q = orthogonal_factor(columns);
  return (q.rightCols(parity.rows() - columns.cols()).transpose() * syndromes).colwise().norm();
}

void for_each_suspicion(const MatrixD& parity, const MatrixD& syndromes, const Suspects& pool, int size,
                        const std::function<void(const Suspects&, const VectorD&)>& visit) {
  SuspicionWalk(parity, syndromes, pool, size, visit).run();
}

double subset_count(int count, int size) {
  double subsets = 1.0;
  for (int k = 0; k < size; ++k) subsets = subsets * (count - k) / (k + 1);
  return subsets;
}

bool candidates_agree(DecoderCache& cache, const Bucket& bucket, const ActiveEntries& entries,
                      const std::vector<Index>& group, const std::vector<Suspects>& candidates,
                      const LocateLimits& limits, double tolerance) {
  const PeerSet usable = PeerSet::of(bucket.decoder->peers);
  MatrixD first;
  for (const Suspects& suspects : candidates) {
    const auto decoder = cache.get(usable - bucket.set_of(suspects));
    if (!decoder->decodable) return false;
    MatrixD rows(static_cast<Index>(decoder->peers.size()), static_cast<Index>(group.size()));
    for (std::size_t r = 0; r < decoder->peers.size(); ++r) {
      const auto row = std::lower_bound(entries.peers.begin(), entries.peers.end(), decoder->peers[r]) -
                       entries.peers.begin();
      for (std::size_t c = 0; c < group.size(); ++c)
        rows(static_cast<Index>(r), static_cast<Index>(c)) =
            entries.values(row, bucket.entries[static_cast<std::size_t>(group[c])]);
    }
    const MatrixD decoded = decoder->decoder * rows;
    if (first.size() == 0)
      first = decoded;
    else if (!((decoded - first).cwiseAbs().maxCoeff() <= tolerance * limits.signal))
      return false;
  }
  return true;
}

std::vector<Explanation> explain_alone(DecoderCache& cache, const Bucket& bucket,
                                       const ActiveEntries& entries, const LocateLimits& limits) {
  std::vector<Explanation> explanations(static_cast<std::size_t>(bucket.count()));
  std::vector<Index> open(static_cast<std::size_t>(bucket.count()));
  std::iota(open.begin(), open.end(), 0);
  const int peers = static_cast<int>(bucket.peers.size());
  Suspects everybody(static_cast<std::size_t>(peers));
  std::iota(everybody.begin(), everybody.end(), 0);
  for (int size = 1; 2 * size <= bucket.spare() && size < peers && !open.empty(); ++size) {
    if (subset_count(peers, size) > kLargestSearch) break;
    const double limit = norm_limit(limits.threshold, bucket.spare() - size);
    const MatrixD syndromes = columns_of(bucket.syndromes, open);
    // A peer's rounding grows with its value: what a huge error leaves behind in double is not an error.
    const VectorD slack = 1e-11 * syndromes.colwise().norm();
    std::vector<Candidates> searches(open.size(), Candidates(limit, kLargestDoubt));
    for_each_suspicion(
        bucket.parity, syndromes, everybody, size, [&](const Suspects& suspects, const VectorD& norms) {
          for (std::size_t e = 0; e < open.size(); ++e)
            searches[e].see(suspects, norms(static_cast<Index>(e)) - slack(static_cast<Index>(e)));
        });
    std::vector<Index> still_open;
    for (std::size_t e = 0; e < open.size(); ++e) {
      const std::vector<Suspects>& fits = searches[e].fits();
      Explanation& explanation = explanations[static_cast<std::size_t>(open[e])];
      const auto agree = [&](const std::vector<Suspects>& sets, double tolerance) {
        return candidates_agree(cache, bucket, entries, {open[e]}, sets, limits, tolerance);
      };
      if (fits.size() == 1 || (fits.size() > 1 && !searches[e].in_doubt() &&
                               (agree(fits, kTolerance) || agree(searches[e].plausible(), kTolerance)))) {
        explanation = {true, fits.front(), false, searches[e].common()};
        std::vector<Suspects> or_nobody = fits;
        or_nobody.emplace_back();
        explanation.harmless = !explanation.unrivalled() && agree(or_nobody, kHarmless);
      } else
        still_open.push_back(open[e]);
    }
    open = std::move(still_open);
  }
  return explanations;
}

}  // namespace polydot::codes
