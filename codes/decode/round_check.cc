#include "codes/decode/round_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "codes/base/work_profile.h"

namespace polydot::codes {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Calls visit(row, col) for each place in the product that payload entry `place` is decoded into.
template <typename Visit>
void for_each_result(const Pass& pass, Shape payload, Place place, const Matrix& product, Visit visit) {
  for (Index i = 0; i < pass.result_blocks(); ++i)
    for (Index b = 0; b < pass.batch_groups; ++b) {
      const Index row = i * payload.rows + place.row, col = b * payload.cols + place.col;
      if (row < product.rows() && col < product.cols()) visit(i * pass.batch_groups + b, row, col);
    }
}

// rms of the decoded values, whitened, from what the contributions promise: a decoded block sums
// `operand_blocks` block products, a whitened contribution is as loud as one. Medians of each column, within
// peers and over them, are deaf to a minority of wild values, were they a million times the signal.
double promised_signal(const RoundQuestion& question, const SetDecoder& decoder) {
  constexpr double kMedianOverMean = 0.45;  // of a squared Gaussian
  std::vector<double> loudness, squares;
  double sum = 0.0;
  Index columns = 0;
  const auto median = [](std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };
  for (Index col = 0; col < question.payload.cols; ++col) {
    loudness.clear();
    for (std::size_t k = 0; k < decoder.peers.size(); ++k) {
      squares.clear();
      const float* column = question.contributions[k].column(col, question.payload.rows);
      const double scale = decoder.sigma(static_cast<Index>(k)) * question.nu(col);
      for (Index row = 0; row < question.payload.rows; ++row)
        if (const double value = static_cast<double>(column[row]) / scale; std::isfinite(value))
          squares.push_back(value * value);
      if (!squares.empty()) loudness.push_back(median(squares));
    }
    if (!loudness.empty()) sum += median(loudness), ++columns;
  }
  const double mean = sum / static_cast<double>(std::max<Index>(1, columns));
  return std::sqrt(mean / kMedianOverMean * static_cast<double>(question.pass->operand_blocks));
}

// rms of the decoded values, whitened, over the entries that are not active, or what the contributions
// promise where most are. Sets the active entries of the product to zero: they are to be decoded again.
double whitened_signal(const RoundQuestion& question, const SetDecoder& decoder, const SyndromeScan& seen,
                       Matrix& product) {
  if (2 * static_cast<Index>(seen.active.size()) > question.payload.size())
    return promised_signal(question, decoder);
  Index count = product.size();
  for (const Place& place : seen.active)
    for_each_result(*question.pass, question.payload, place, product, [&](Index, Index row, Index col) {
      product(row, col) = 0.0f;
      --count;
    });
  return count > 0 ? std::sqrt(seen.squares / static_cast<double>(count)) : 0.0;
}

// Peers whose whole contribution is zero although the operand is not. Where most have nothing else, as with
// weights of zero, that is right.
PeerSet silent_peers(const RoundQuestion& question, const std::vector<int>& peers) {
  PeerSet silent;
  if (question.operand_is_zero) return silent;
  for (std::size_t k = 0; k < peers.size(); ++k) {
    bool zero = true;
    for (Index c = 0; c < question.payload.cols && zero; ++c) {
      const float* column = question.contributions[k].column(c, question.payload.rows);
      zero = std::all_of(column, column + question.payload.rows, [](float value) { return value == 0.0f; });
    }
    if (zero) silent.insert(peers[k]);
  }
  return 2 * silent.size() > static_cast<int>(peers.size()) ? PeerSet{} : silent;
}

// The active entries in double, with what cannot be right there erased from the start.
ActiveEntries gather(const RoundQuestion& question, const SetDecoder& decoder,
                     const std::vector<Place>& active, double signal) {
  // Beside a value of this size the locator's arithmetic would not see what else is wrong in its entry.
  constexpr double kWildest = 1e6;
  const double gate = std::min(question.gate, kWildest * signal);
  ActiveEntries entries;
  entries.peers = decoder.peers;
  entries.places = active;
  entries.values.resize(static_cast<Index>(decoder.peers.size()), static_cast<Index>(active.size()));
  entries.erased.assign(active.size(), silent_peers(question, decoder.peers));
  for (std::size_t e = 0; e < active.size(); ++e)
    for (std::size_t k = 0; k < decoder.peers.size(); ++k) {
      const double raw = static_cast<double>(
          question.contributions[k].column(active[e].col, question.payload.rows)[active[e].row]);
      const double value = raw / decoder.sigma(static_cast<Index>(k)) / question.nu(active[e].col);
      const bool usable = std::isfinite(value) && std::abs(value) <= gate;
      entries.values(static_cast<Index>(k), static_cast<Index>(e)) = std::isfinite(value) ? value : kInfinity;
      if (!usable) entries.erased[e].insert(decoder.peers[k]);
    }
  return entries;
}

// Deviations of the erased peers of one entry from the codeword that the others agree on, as multiples of the
// threshold. Not finite values count as infinite.
void accuse(const ActiveEntries& entries, Index e, const PeerSet& known_unusable, DecoderCache& cache,
            double threshold, std::map<int, Finding>& findings) {
  const std::size_t at = static_cast<std::size_t>(e);
  const PeerSet all = PeerSet::of(entries.peers);
  const PeerSet trusted = all - entries.erased[at];
  for (std::size_t k = 0; k < entries.peers.size(); ++k) {
    const int peer = entries.peers[k];
    const bool located = entries.blamed[at].contains(peer), unusable = known_unusable.contains(peer);
    if (!located && !unusable) continue;
    double size = kInfinity;
    if (const double value = entries.values(static_cast<Index>(k), e); std::isfinite(value)) {
      PeerSet with = trusted;
      with.insert(peer);
      const auto decoder = cache.get(with);
      VectorD rows(static_cast<Index>(decoder->peers.size()));
      for (std::size_t r = 0; r < decoder->peers.size(); ++r)
        rows(static_cast<Index>(r)) =
            entries.values(std::lower_bound(entries.peers.begin(), entries.peers.end(), decoder->peers[r]) -
                               entries.peers.begin(),
                           e);
      size = decoder->spare() == 0 ? 0.0 : (decoder->parity * rows).norm() / threshold;
      if (unusable && !located && size <= 1.0) continue;  // it was right after all
    }
    Finding& finding = findings[peer];
    finding.peer = peer;
    finding.entries += 1;
    if (const Index row = entries.places[at].row; finding.rows.empty() || finding.rows.back() != row)
      finding.rows.push_back(row);
    finding.size_over_floor = std::max(finding.size_over_floor, size);
  }
}

// Decodes one entry without its erased peers, into its places of the product. False: it is not finite.
bool decode_entry(const RoundQuestion& question, const ActiveEntries& entries, Index e,
                  const SetDecoder& decoder, Matrix& product) {
  VectorD rows(static_cast<Index>(decoder.peers.size()));
  for (std::size_t r = 0; r < decoder.peers.size(); ++r)
    rows(static_cast<Index>(r)) =
        entries.values(std::lower_bound(entries.peers.begin(), entries.peers.end(), decoder.peers[r]) -
                           entries.peers.begin(),
                       e);
  const Place place = entries.places[static_cast<std::size_t>(e)];
  const VectorD blocks = decoder.decoder * rows * question.nu(place.col);
  for_each_result(*question.pass, question.payload, place, product, [&](Index block, Index row, Index col) {
    product(row, col) = static_cast<float>(blocks(block));
  });
  return blocks.cast<float>().allFinite();
}

void correct(const RoundQuestion& question, const SetDecoder& decoder, const std::vector<Place>& active,
             DecoderCache& cache, const LocateLimits& limits, RoundVerdict& verdict) {
  ActiveEntries entries = gather(question, decoder, active, limits.signal);
  const std::vector<PeerSet> unusable = entries.erased;
  locate(cache, limits, entries);
  std::map<int, Finding> findings;
  std::map<PeerSet, double> kappas;
  Index unexplained = 0;
  for (Index e = 0; e < entries.count(); ++e) {
    const std::size_t at = static_cast<std::size_t>(e);
    if (entries.states[at] == EntryState::kUnexplained) {
      ++unexplained;
      continue;
    }
    verdict.noise_entries += entries.states[at] == EntryState::kNoise;
    const auto reduced = cache.get(question.present - entries.erased[at]);
    if (!kappas.contains(entries.erased[at])) kappas[entries.erased[at]] = hidden_error(*reduced, limits);
    unexplained += !decode_entry(question, entries, e, *reduced, verdict.product);
    accuse(entries, e, unusable[at], cache, limits.threshold, findings);
  }
  for (auto& [peer, finding] : findings) {
    std::sort(finding.rows.begin(), finding.rows.end());
    finding.rows.erase(std::unique(finding.rows.begin(), finding.rows.end()), finding.rows.end());
    verdict.findings.push_back(std::move(finding));
  }
  for (const auto& [erased, kappa] : kappas) verdict.kappa = std::max(verdict.kappa, kappa);
  if (unexplained > 0) {
    verdict.state = RoundState::kUnexplained;
    verdict.reason = std::to_string(unexplained) + " of " + std::to_string(question.payload.size()) +
                     " entries disagree beyond what can be corrected";
  }
}

// Comparisons with anything else are false, whatever is wrong.
bool can_be_judged(const RoundQuestion& question) {
  return question.nu.allFinite() && (question.nu.array() > 0.0).all() && std::isfinite(question.threshold) &&
         !std::isnan(question.gate);
}

// Of a product that cancels to nothing rounding is left. It is judged beside the smallest signal in which
// what can hide below the threshold is not too much, and by no more: beside the usual signal a wrong value in
// a small product would be called harmless.
double least_judged(const SetDecoder& decoder, double threshold) {
  constexpr double kInHand = 8.0;  // what can hide grows when somebody is left out
  return kInHand * hidden_error(decoder, {.threshold = threshold, .signal = 1.0}) / kLargestHidden;
}

// Whether the product in some column is so small beside its scale that what can hide there is too much. Not
// of columns that are judged by the scale of others (kQuietShare).
bool hides_in_a_column(const RoundQuestion& question, const SetDecoder& decoder, const Matrix& product) {
  constexpr double kItsOwnScale = 4.0;
  const Index cols = question.payload.cols;
  const double others = kQuietShare * std::sqrt(question.nu.squaredNorm() / static_cast<double>(cols));
  for (Index col = 0; col < cols; ++col) {
    if (!(question.nu(col) > kItsOwnScale * others)) continue;
    double squares = 0.0;
    Index count = 0;
    for (Index at = col; at < product.cols(); at += cols, count += product.rows())
      squares += product.col(at).cast<double>().squaredNorm();
    const double signal =
        std::sqrt(squares / static_cast<double>(std::max<Index>(1, count))) / question.nu(col);
    const double hidden = hidden_error(decoder, {.threshold = question.threshold, .signal = signal});
    if (!(hidden <= kLargestHidden)) return true;
  }
  return false;
}

RoundVerdict unexplained(RoundVerdict verdict, const char* reason) {
  verdict.state = RoundState::kUnexplained;
  verdict.reason = reason;
  verdict.kappa = kInfinity;
  return verdict;
}

}  // namespace

double least_signal(double row_norm, Index terms) {
  return row_norm / std::sqrt(static_cast<double>(std::max<Index>(1, terms)));
}

const char* name_of(RoundState state) {
  switch (state) {
    case RoundState::kWaiting:
      return "waiting";
    case RoundState::kChecked:
      return "checked";
    case RoundState::kWeak:
      return "weak";
    case RoundState::kUnexplained:
      return "unexplained";
  }
  return "?";
}

RoundVerdict check_round(const RoundQuestion& question, DecoderCache& cache, const BeforeColumns& before) {
  const WorkScope scope(Work::kCheck);
  RoundVerdict verdict;
  const auto decoder = cache.get(question.present);
  const bool never_a_spare = question.pass->code.recovery_threshold >= question.pass->code.peers();
  const bool unchecked = decoder->spare() == 0 && (never_a_spare || question.unchecked_if_without_spare);
  verdict.gain = decoder->gain;
  if (!decoder->usable() || (decoder->spare() == 0 && !unchecked)) {
    verdict.reason = !decoder->decodable ? "too few contributions"
                     : decoder->usable() ? "no spare contribution to check with"
                                         : "ill-conditioned set";
    return verdict;
  }
  if (!can_be_judged(question))
    return unexplained(std::move(verdict), "the scales to judge it by are not finite");
  auto decode_with = question.decode_with.empty() ? decoder : cache.get(question.decode_with);
  if (!decode_with->usable() || !question.decode_with.subset_of(question.present)) decode_with = decoder;
  verdict.gain = decode_with->gain;
  verdict.decoded_from = PeerSet::of(decode_with->peers);
  verdict.product.resize(question.result_rows, question.batch);
  SyndromeScan seen = scan(*question.pass, *decoder, *decode_with, question.contributions, question.payload,
                           question.nu, question.threshold, verdict.product, before);
  verdict.statistic = seen.statistic;
  verdict.typical = seen.typical;
  verdict.largest = seen.largest;
  verdict.active_entries = static_cast<Index>(seen.active.size());
  verdict.state = RoundState::kChecked;
  if (!std::isfinite(seen.squares))
    return unexplained(std::move(verdict), "the numbers are too large to decode");
  if (unchecked) {
    if (!seen.active.empty())
      return unexplained(std::move(verdict), "contributions are not finite, and there is none to spare");
    verdict.kappa = kInfinity;  // nothing can be checked, so nothing else is refused: as the user chose
    return verdict;
  }
  const double seen_signal = whitened_signal(question, *decoder, seen, verdict.product);
  const double signal =
      std::max(seen_signal, std::min(question.least_signal, least_judged(*decoder, question.threshold)));
  verdict.signal_is_small =
      !question.operand_is_zero && seen_signal < signal &&
      !(hidden_error(*decoder, {.threshold = question.threshold, .signal = seen_signal}) <= kLargestHidden);
  const LocateLimits limits{question.threshold, std::max(signal, 1e-30)};
  if (!question.operand_is_zero && signal > 0.0) verdict.kappa = hidden_error(*decoder, limits);
  if (!seen.active.empty()) correct(question, *decoder, seen.active, cache, limits, verdict);
  verdict.signal_is_small =
      verdict.signal_is_small ||
      (!question.operand_is_zero && hides_in_a_column(question, *decoder, verdict.product));
  if (verdict.state == RoundState::kChecked && !(verdict.kappa <= kLargestHidden)) {
    verdict.state = RoundState::kWeak;
    verdict.reason = "an error of " + std::to_string(verdict.kappa) + " of the signal could still hide";
  }
  return verdict;
}

}  // namespace polydot::codes
