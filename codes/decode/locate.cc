#include "codes/decode/locate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "codes/base/linear_algebra.h"
#include "codes/decode/bucket.h"

namespace polydot::codes {

namespace {

constexpr std::size_t kDenseCount = 64;  // from so many open entries on the group comes before each one alone
constexpr std::size_t kLargestGroups = 64;      // payload rows, and columns, tried as groups
constexpr std::size_t kMostLineTests = 50'000;  // of sets, by all of them: what nobody can explain ends soon

// Carried from bucket to bucket.
struct Learned {
  std::vector<PeerSet> known;  // groups of wrong peers
  std::size_t line_tests = 0;  // sets tested for rows and columns
};

// Works one bucket off; what it learns about groups of wrong peers serves the buckets after it.
class BucketLocator {
 public:
  BucketLocator(DecoderCache& cache, const LocateLimits& limits, ActiveEntries& entries, const Bucket& bucket,
                Learned& learned)
      : cache_(cache),
        limits_(limits),
        entries_(entries),
        bucket_(bucket),
        known_(learned.known),
        line_tests_(learned.line_tests) {
    open_.resize(static_cast<std::size_t>(bucket.count()));
    std::iota(open_.begin(), open_.end(), 0);
  }

  void run() {
    try_known_sets();
    if (open_.size() >= kDenseCount) try_group(open_);
    try_alone();
    if (!open_.empty()) try_group(open_);
    try_lines([](const Place& place) { return place.row; });
    try_lines([](const Place& place) { return place.col; });
    try_known_sets();
    for (Index e : open_) set_state(e, harmless(e) ? EntryState::kNoise : EntryState::kUnexplained);
  }

 private:
  void set_state(Index e, EntryState state) {
    EntryState& whole = entries_.states[static_cast<std::size_t>(entry(e))];
    // An entry may be active in several components: the worst verdict stands.
    if (whole == EntryState::kUnexplained) return;
    if (state == EntryState::kSolved && whole == EntryState::kNoise) return;
    whole = state;
  }
  PeerSet unusable() const { return PeerSet::of(entries_.peers) - PeerSet::of(bucket_.decoder->peers); }
  Index entry(Index e) const { return bucket_.entries[static_cast<std::size_t>(e)]; }

  void solve(Index e, const Suspects& suspects, const Suspects& certain) {
    set_state(e, EntryState::kSolved);
    const std::size_t at = static_cast<std::size_t>(entry(e));
    entries_.erased[at] = entries_.erased[at] | bucket_.set_of(suspects);
    if (certain.empty()) return;
    MatrixD columns(bucket_.spare(), static_cast<Index>(suspects.size()));
    for (std::size_t s = 0; s < suspects.size(); ++s)
      columns.col(static_cast<Index>(s)) = bucket_.parity.col(suspects[s]);
    const VectorD errors = least_squares(columns, bucket_.syndromes.col(e));
    for (std::size_t s = 0; s < suspects.size(); ++s)
      if (std::binary_search(certain.begin(), certain.end(), suspects[s]) &&
          std::abs(errors(static_cast<Index>(s))) * columns.col(static_cast<Index>(s)).norm() >
              limits_.threshold)
        entries_.blamed[at].insert(bucket_.peers[static_cast<std::size_t>(suspects[s])]);
  }

  template <typename Solved>
  void keep_open(Solved solved) {
    std::erase_if(open_, solved);
  }

  void try_known_sets() {
    for (const PeerSet& set : known_) {
      Suspects suspects;
      for (std::size_t p = 0; p < bucket_.peers.size(); ++p)
        if (set.contains(bucket_.peers[p])) suspects.push_back(static_cast<int>(p));
      if (suspects.empty() || static_cast<Index>(suspects.size()) >= bucket_.spare() || open_.empty())
        continue;
      const double limit =
          norm_limit(limits_.threshold, bucket_.spare() - static_cast<Index>(suspects.size()));
      const VectorD norms = unexplained_norms(bucket_.parity, bucket_.syndromes, suspects);
      keep_open([&](Index e) {
        if (norms(e) - 1e-11 * bucket_.syndromes.col(e).norm() > limit) return false;
        solve(e, suspects, suspects);
        return true;
      });
    }
  }

  bool try_group(const std::vector<Index>& group) {
    const Explanation explanation = explain_group(cache_, bucket_, entries_, group, limits_);
    tested_ += explanation.tested;
    if (!explanation.found) return false;
    const std::vector<Index> members = group;
    for (Index e : members) solve(e, explanation.suspects, explanation.certain);
    // Peers that were too loud to be used here may be quieter elsewhere.
    if (explanation.unrivalled()) known_.push_back(bucket_.set_of(explanation.suspects) | unusable());
    keep_open([&](Index e) { return std::binary_search(members.begin(), members.end(), e); });  // both ascend
    return true;
  }

  void try_alone() {
    if (open_.empty()) return;
    Bucket part = bucket_;
    part.entries.clear();
    part.syndromes.resize(bucket_.spare(), static_cast<Index>(open_.size()));
    for (std::size_t k = 0; k < open_.size(); ++k) {
      part.entries.push_back(entry(open_[k]));
      part.syndromes.col(static_cast<Index>(k)) = bucket_.syndromes.col(open_[k]);
    }
    const std::vector<Explanation> explanations = explain_alone(cache_, part, entries_, limits_);
    std::size_t k = 0;
    keep_open([&](Index e) {
      const Explanation& explanation = explanations[k++];
      if (!explanation.found) return false;
      if (!explanation.unrivalled() && (explanation.harmless || harmless(e)))
        set_state(e, EntryState::kNoise);
      else
        solve(e, explanation.suspects, explanation.certain);
      return true;
    });
  }

  template <typename LineOf>
  void try_lines(LineOf line_of) {
    std::map<Index, std::vector<Index>> lines;
    for (Index e : open_) lines[line_of(entries_.places[static_cast<std::size_t>(entry(e))])].push_back(e);
    if (lines.size() > kLargestGroups) return;
    for (const auto& [line, group] : lines) {
      if (line_tests_ >= kMostLineTests) return;
      tested_ = 0;
      try_group(group);
      line_tests_ += tested_;
    }
  }

  // What is left changes the decoded values by less than kHarmless of the signal, whichever row it sits in.
  bool harmless(Index e) const {
    const double size = bucket_.syndromes.col(e).cwiseAbs().maxCoeff();
    if (!(size <= 8.0 * limits_.threshold)) return false;
    const LocateLimits here{3.0 * size, limits_.signal};
    return hidden_error(*bucket_.decoder, here) <= kHarmless;
  }

  DecoderCache& cache_;
  const LocateLimits& limits_;
  ActiveEntries& entries_;
  const Bucket& bucket_;
  std::vector<PeerSet>& known_;
  std::size_t& line_tests_;
  std::size_t tested_ = 0;   // sets, for groups
  std::vector<Index> open_;  // columns of the bucket's syndromes
};

// The rows of the active entries that `decoder` uses.
MatrixD rows_of(const ActiveEntries& entries, const std::vector<int>& peers,
                const std::vector<Index>& columns) {
  MatrixD rows(static_cast<Index>(peers.size()), static_cast<Index>(columns.size()));
  for (std::size_t r = 0; r < peers.size(); ++r) {
    const auto row =
        std::lower_bound(entries.peers.begin(), entries.peers.end(), peers[r]) - entries.peers.begin();
    for (std::size_t c = 0; c < columns.size(); ++c)
      rows(static_cast<Index>(r), static_cast<Index>(c)) = entries.values(row, columns[c]);
  }
  return rows;
}

Bucket make_bucket(const std::shared_ptr<const SetDecoder>& decoder, const CodeComponent& component,
                   const MatrixD& rows, const std::vector<Index>& columns, double threshold) {
  Bucket bucket;
  bucket.decoder = decoder;
  bucket.parity.resize(component.parity_count, static_cast<Index>(component.rows.size()));
  for (std::size_t r = 0; r < component.rows.size(); ++r) {
    bucket.peers.push_back(decoder->peers[static_cast<std::size_t>(component.rows[r])]);
    bucket.parity.col(static_cast<Index>(r)) =
        decoder->parity.block(component.first_parity, component.rows[r], component.parity_count, 1);
  }
  const MatrixD syndromes = decoder->parity.middleRows(component.first_parity, component.parity_count) * rows;
  std::vector<Index> loud;
  for (Index c = 0; c < syndromes.cols(); ++c)
    if (syndromes.rows() > 0 && syndromes.col(c).cwiseAbs().maxCoeff() > threshold) loud.push_back(c);
  bucket.syndromes.resize(syndromes.rows(), static_cast<Index>(loud.size()));
  for (std::size_t c = 0; c < loud.size(); ++c) {
    bucket.syndromes.col(static_cast<Index>(c)) = syndromes.col(loud[c]);
    bucket.entries.push_back(columns[static_cast<std::size_t>(loud[c])]);
  }
  return bucket;
}

// Entries (columns) that share their initial erasures.
void locate_columns(DecoderCache& cache, const LocateLimits& limits, ActiveEntries& entries,
                    const PeerSet& erased, const std::vector<Index>& columns, Learned& learned) {
  const auto decoder = cache.get(PeerSet::of(entries.peers) - erased);
  if (!decoder->decodable || decoder->spare() == 0) {
    for (Index e : columns) entries.states[static_cast<std::size_t>(e)] = EntryState::kUnexplained;
    return;
  }
  const MatrixD rows = rows_of(entries, decoder->peers, columns);
  for (const CodeComponent& component : decoder->components) {
    const Bucket bucket = make_bucket(decoder, component, rows, columns, limits.threshold);
    if (bucket.count() > 0) BucketLocator(cache, limits, entries, bucket, learned).run();
  }
}

// Peers that are wrong in most of the solved entries of a line (`line_of`) in which an entry is unexplained:
// very likely there too. Loud errors that pass the gate in most entries never make a group.
template <typename LineOf>
void add_habitual_sets(const ActiveEntries& entries, LineOf line_of, std::vector<PeerSet>& known) {
  constexpr int kEvidence = 4;  // solved entries
  struct Line {
    int solved = 0;
    bool unexplained = false;
    std::map<int, int> wrong;  // by peer: in so many of them
  };
  std::map<Index, Line> lines;
  for (Index e = 0; e < entries.count(); ++e) {
    const std::size_t at = static_cast<std::size_t>(e);
    Line& line = lines[line_of(entries.places[at])];
    line.unexplained |= entries.states[at] == EntryState::kUnexplained;
    if (entries.states[at] != EntryState::kSolved) continue;
    ++line.solved;
    for (int p : entries.erased[at].members()) ++line.wrong[p];
  }
  for (const auto& [key, line] : lines) {
    if (!line.unexplained || line.solved < kEvidence) continue;
    PeerSet habitual;
    for (const auto& [peer, count] : line.wrong)
      if (2 * count >= line.solved) habitual.insert(peer);
    if (!habitual.empty()) known.push_back(habitual);
  }
}

}  // namespace

void locate(DecoderCache& cache, const LocateLimits& limits, ActiveEntries& entries) {
  entries.blamed.assign(static_cast<std::size_t>(entries.count()), PeerSet());
  entries.states.assign(static_cast<std::size_t>(entries.count()), EntryState::kSolved);
  std::map<PeerSet, std::vector<Index>> by_erasure;
  for (Index e = 0; e < entries.count(); ++e)
    by_erasure[entries.erased[static_cast<std::size_t>(e)]].push_back(e);
  std::vector<std::pair<PeerSet, std::vector<Index>>> largest_first(by_erasure.begin(), by_erasure.end());
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  Learned learned;
  for (const auto& [erased, columns] : largest_first)
    locate_columns(cache, limits, entries, erased, columns, learned);
  // What a later bucket, or the entries around it, taught about wrong peers may explain an entry.
  add_habitual_sets(
      entries, [](const Place&) { return Index{0}; }, learned.known);
  add_habitual_sets(
      entries, [](const Place& place) { return place.row; }, learned.known);
  add_habitual_sets(
      entries, [](const Place& place) { return place.col; }, learned.known);
  for (auto& [erased, columns] : largest_first) {
    std::erase_if(columns, [&](Index e) {
      return entries.states[static_cast<std::size_t>(e)] != EntryState::kUnexplained;
    });
    if (columns.empty() || learned.known.empty()) continue;
    for (Index e : columns) entries.states[static_cast<std::size_t>(e)] = EntryState::kSolved;
    locate_columns(cache, limits, entries, erased, columns, learned);
  }
}

double hidden_error(const SetDecoder& decoder, const LocateLimits& limits) {
  double worst = 0.0;
  for (Index p = 0; p < decoder.decoder.cols(); ++p) {
    const double reach = decoder.decoder.col(p).cwiseAbs().maxCoeff();
    const double seen = decoder.spare() == 0 ? 0.0 : decoder.parity.col(p).cwiseAbs().maxCoeff();
    if (reach <= 1e-12) continue;
    if (seen <= 1e-12) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, reach / seen);
  }
  return limits.threshold * worst / limits.signal;
}

VectorD locatable_sizes(const SetDecoder& decoder) {
  constexpr double kClear = 5.0;  // the runner-up test asks for 4 limits; one more for the noise on top
  VectorD sizes =
      VectorD::Constant(static_cast<Index>(decoder.peers.size()), std::numeric_limits<double>::infinity());
  for (const CodeComponent& component : decoder.components) {
    if (component.parity_count < 2) continue;
    const double limit = kClear * norm_limit(1.0, component.parity_count - 1);
    for (int p : component.rows) {
      const VectorD own = decoder.parity.col(p);
      double nearest = own.norm();  // of what another peer leaves unexplained
      for (int q : component.rows)
        if (const VectorD other = decoder.parity.col(q); q != p && other.norm() > 0.0)
          nearest = std::min(nearest, (own - other * (other.dot(own) / other.squaredNorm())).norm());
      if (nearest > 0.0) sizes(p) = limit / nearest;
    }
  }
  return sizes;
}

}  // namespace polydot::codes
