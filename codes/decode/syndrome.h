// One streaming pass over the contributions of a round, in float32: decodes every entry with the full set and
// computes the parity (syndrome) of every entry, by which errors show.
//
// Whitening: row p divided by sigma_p (from the plan), payload column c by nu_c (from the operand, which
// every peer knows). All thresholds are on whitened values.
#pragma once

#include <functional>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/decode/set_decoder.h"

namespace polydot::codes {

// One peer's contribution: runs of `columns_per_slice` whole columns, each contiguous, at any address that
// floats may have. Not owned.
struct ContributionView {
  std::vector<const float*> slices;
  Index columns_per_slice = 1;

  const float* column(Index c, Index rows) const {
    return slices[static_cast<std::size_t>(c / columns_per_slice)] + (c % columns_per_slice) * rows;
  }
};

// A column this much quieter than the others is judged as if it were not. Rounding in it need not be relative
// to it: where the derivatives of all units of a sample all but vanish, so does its delta, but not how far
// peers that decoded from different sets are apart in it. What hides there is small beside the others.
inline constexpr double kQuietShare = 0.03;

// nu_c = hypot(||x_c||, kQuietShare rms over columns of ||x_c||), c a payload column; with d column groups
// ||x_c|| is taken over the d operand columns that meet in it. Never zero. Size: padded batch / d.
VectorD column_scales(const Pass& pass, const Matrix& operand);

struct Place {
  Index row = 0, col = 0;
};

struct SyndromeScan {
  double statistic = 0.0;  // max |H Y|, whitened, over entries that are not active
  // Upper quartile over payload rows of the row's own maximum: what rounding is like, deaf to wrong shards,
  // which disturb a row or a few in every round.
  double typical = 0.0;
  double largest = 0.0;  // largest whitened |contribution| over entries that are not active
  // Of the decoded values, whitened, over entries that are not active; not finite: one of them is not.
  double squares = 0.0;
  std::vector<Place> active;  // entries with a parity above the threshold, or not finite
};

// Called before the payload columns in front of `end` are read, in runs that a cache of one core holds: for
// somebody else who has to read them all as well. May be empty.
using BeforeColumns = std::function<void(Index end)>;

// views[k] belongs to decoder.peers[k]; every contribution is payload.rows x payload.cols.
// Precondition: nu and threshold are finite, nu positive (check_round sees to it).
// product: result rows x batch, written whole (padding dropped): the decode of every entry with
// `decode_with`. decode_with: a subset of decoder's peers (usually the same object).
SyndromeScan scan(const Pass& pass, const SetDecoder& decoder, const SetDecoder& decode_with,
                  const std::vector<ContributionView>& views, Shape payload, const VectorD& nu,
                  double threshold, Matrix& product, const BeforeColumns& before = {});

}  // namespace polydot::codes
