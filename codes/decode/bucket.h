// Private to the locator: entries that share one parity-check matrix, and tests of sets of peers against
// them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "codes/decode/locate.h"

namespace polydot::codes {

// Positions of peers in a bucket, ascending.
using Suspects = std::vector<int>;

// The active entries of one component of the code that have the same initial erasures.
struct Bucket {
  std::shared_ptr<const SetDecoder> decoder;  // of everything that is not erased
  std::vector<int> peers;                     // of the component
  MatrixD parity;                             // r x peers
  MatrixD syndromes;                          // r x entries
  std::vector<Index> entries;                 // columns of ActiveEntries

  Index spare() const { return parity.rows(); }
  Index count() const { return syndromes.cols(); }
  PeerSet set_of(const Suspects& suspects) const;
};

// A clean syndrome of `spare` parities has at most this norm.
double norm_limit(double threshold, Index spare);

// Norms of what `suspects` leave unexplained in each of the given syndromes (columns).
VectorD unexplained_norms(const MatrixD& parity, const MatrixD& syndromes, const Suspects& suspects);

// Calls visit(suspects, norms) for each subset of `pool` of this size (1 or more), in the order of the pool;
// norms: as by unexplained_norms. What subsets share is projected out once.
void for_each_suspicion(const MatrixD& parity, const MatrixD& syndromes, const Suspects& pool, int size,
                        const std::function<void(const Suspects&, const VectorD&)>& visit);
// count choose size, saturating at a large number.
double subset_count(int count, int size);

// How one entry or a group was explained.
struct Explanation {
  bool found = false;
  Suspects suspects;
  bool harmless = false;   // decoding with nobody erased gives the same values to kHarmless of the signal
  Suspects certain;        // members of every set of that size that comes near: they may be blamed
  std::size_t tested = 0;  // sets, in a group: what it cost

  bool unrivalled() const { return found && certain == suspects; }
};

// The sets of one size that explain an entry or a group, or nearly do.
class Candidates {
 public:
  // limit: what a set may leave unexplained; capacity: so many sets that fit are kept.
  Candidates(double limit, std::size_t capacity) : limit_(limit), capacity_(capacity) {}

  // A set that leaves `excess` unexplained.
  void see(const Suspects& suspects, double excess);
  bool near(double excess) const;
  // The best first; capacity + 1 of them: there are more.
  const std::vector<Suspects>& fits() const { return fits_; }
  bool in_doubt() const { return fits_.size() > capacity_; }
  // Those that are not far worse than the best: rounding alone leaves far less than the limit.
  std::vector<Suspects> plausible() const;
  // What all sets that come near have in common.
  const Suspects& common() const { return common_; }

 private:
  double limit_;
  std::size_t capacity_;
  std::vector<Suspects> fits_;
  std::vector<double> excesses_;  // of fits_
  bool any_near_ = false;
  Suspects common_;
};

// Each entry alone: up to floor(r/2) suspects. One explanation per entry of the bucket.
std::vector<Explanation> explain_alone(DecoderCache& cache, const Bucket& bucket,
                                       const ActiveEntries& entries, const LocateLimits& limits);

// All entries in `group` (columns of the bucket's syndromes) by one set of up to r-1 suspects.
Explanation explain_group(DecoderCache& cache, const Bucket& bucket, const ActiveEntries& entries,
                          const std::vector<Index>& group, const LocateLimits& limits);

// The candidates' decoded values differ by at most `tolerance` of the signal in every entry of `group`.
bool candidates_agree(DecoderCache& cache, const Bucket& bucket, const ActiveEntries& entries,
                      const std::vector<Index>& group, const std::vector<Suspects>& candidates,
                      const LocateLimits& limits, double tolerance);

}  // namespace polydot::codes
