// A LinearCode restricted to one set of contributions: how to decode them, how to check them, how far to
// trust it.
//
// Rows are whitened first: row p is divided by sigma_p, so that rounding is equally loud in every row.
// Shapes, n = |set|, in ascending order of peers:
//   decoder  wanted x n   D with D (V'/sigma) = F, the least-norm one
//   parity   r x n        orthonormal rows with H (V'/sigma) = 0, r = n - rank: the spare rows
// Columns of V that no row of the set mixes split the code into components (replication: one per block); H is
// block diagonal over them, so that a locator can look at one component at a time.
// Precondition: sigma has a positive entry for each peer of the code.
#pragma once

#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "codes/base/linear_code.h"
#include "codes/base/peer_set.h"

namespace polydot::codes {

// Above this gain a float32 decode is worse than 1e-4: the set is not usable, however many rows it has
// (CODES.md).
inline constexpr double kUsableGain = 1e3;

struct CodeComponent {
  std::vector<int> rows;  // positions in SetDecoder::peers, ascending
  Index first_parity = 0;
  Index parity_count = 0;
};

struct SetDecoder {
  std::vector<int> peers;
  VectorD sigma;                                          // of these peers
  bool decodable = false;                                 // the rows of F lie in the row space of V'
  double gain = std::numeric_limits<double>::infinity();  // ||D||_2: the factor by which rounding may grow
  MatrixD decoder;
  MatrixD parity;
  std::vector<CodeComponent> components;

  bool usable() const { return decodable && gain <= kUsableGain; }
  Index spare() const { return parity.rows(); }
  std::size_t bytes() const;  // of memory, about
  // Position of a peer in `peers`, or -1.
  int position(int peer) const;
};

SetDecoder make_set_decoder(const LinearCode& code, const VectorD& sigma, const PeerSet& set);

// The gain of a set; infinite when it does not decode.
double gain_of(const LinearCode& code, const VectorD& sigma, const PeerSet& set);

// Set decoders by set, made on first use. All but the newest are dropped when there would be more than
// `capacity`, or more than `max_bytes` of them: one of n contributions takes about 8 n^2 bytes.
class DecoderCache {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 20;

  DecoderCache(const LinearCode& code, const VectorD& sigma, std::size_t capacity = 4096,
               std::size_t max_bytes = kMaxBytes)
      : code_(code), sigma_(sigma), capacity_(capacity), max_bytes_(max_bytes) {}
  std::shared_ptr<const SetDecoder> get(const PeerSet& set);
  const LinearCode& code() const { return code_; }
  const VectorD& sigma() const { return sigma_; }
  std::size_t size() const { return made_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    std::size_t operator()(const PeerSet& set) const;
  };
  LinearCode code_;
  VectorD sigma_;
  std::size_t capacity_, max_bytes_, bytes_ = 0;
  std::unordered_map<PeerSet, std::shared_ptr<const SetDecoder>, Hash> made_;
};

}  // namespace polydot::codes
