// Location: which peers are wrong in which entries of a round. DESIGN and proofs: CODES.md, "locate".
//
// An erasure is per entry: each payload entry is a codeword of its own, so peers that are wrong in different
// entries do not add up. Everything here is in double and sees only the active entries.
//
// Two bounds, per entry: floor((n-K)/2) peers with any values; n-K-1 peers whose errors are independent over
// a group of entries (collaborative decoding of interleaved codes, arXiv 1905.13685).
#pragma once

#include <vector>

#include "codes/base/peer_set.h"
#include "codes/decode/set_decoder.h"
#include "codes/decode/syndrome.h"

namespace polydot::codes {

// A decoded value may be off by this much, relative to the signal, before it counts as wrong.
inline constexpr double kTolerance = 1e-3;
// A round in which one wrong row could still hide an error above this (kappa), relative to the signal, is
// weak.
inline constexpr double kLargestHidden = 1e-2;
// What is left may change decoded values by this much and still be called harmless.
inline constexpr double kHarmless = 3e-4;

enum class EntryState {
  kOpen,         // not yet looked at
  kSolved,       // consistent without `erased`
  kNoise,        // a little above the floor, harmless, nobody's fault: decoded as it is
  kUnexplained,  // no set of peers within the bounds explains it
};

// The active entries of a round, struct of arrays; E = count.
struct ActiveEntries {
  std::vector<int> peers;       // of the rows of `values`, ascending
  MatrixD values;               // peers x E, whitened; not finite values replaced by 0 and erased
  std::vector<Place> places;    // in the payload
  std::vector<PeerSet> erased;  // in: known to be unusable there; out: and those located
  std::vector<PeerSet> blamed;  // out: located without doubt
  std::vector<EntryState> states;

  Index count() const { return values.cols(); }
};

struct LocateLimits {
  double threshold = 0.0;  // a whitened parity above it is an alarm
  double signal = 1.0;     // rms of the whitened decoded values
};

// Locates in place. `cache` is for the code and sigma of the round.
void locate(DecoderCache& cache, const LocateLimits& limits, ActiveEntries& entries);

// The largest relative error that one wrong row could still hide from the parities of `decoder` (kappa);
// infinite without a spare row.
double hidden_error(const SetDecoder& decoder, const LocateLimits& limits);

// Per peer of `decoder`: a single wrong entry above this many thresholds (whitened) is located without doubt.
VectorD locatable_sizes(const SetDecoder& decoder);

}  // namespace polydot::codes
