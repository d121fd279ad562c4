// The verdict on one round: from contributions to a decoded, checked, corrected product, or why not.
//
// States (never confuse the first with the last):
//   waiting      the contributions at hand do not decode well enough, or leave no spare row to check with
//   checked      decoded, consistent, and no error above the tolerance could hide
//   weak         explained, but one wrong row more could still hide an error above the tolerance
//   unexplained  they disagree beyond what the bounds allow to correct
#pragma once

#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/decode/locate.h"
#include "codes/decode/set_decoder.h"
#include "codes/decode/syndrome.h"

namespace polydot::codes {

enum class RoundState { kWaiting, kChecked, kWeak, kUnexplained };
const char* name_of(RoundState state);

// A peer that was located, and where.
struct Finding {
  int peer = 0;
  Index entries = 0;        // how many of its values were wrong
  std::vector<Index> rows;  // of the payload, in which they lie; ascending
  double size_over_floor =
      0.0;  // the largest deviation, whitened, over the alarm threshold; infinite: not finite
};

struct RoundQuestion {
  const Pass* pass = nullptr;
  Shape payload;          // of one contribution
  Index result_rows = 0;  // of the plain product
  Index batch = 0;
  VectorD nu;                    // column_scales of the plain operand
  bool operand_is_zero = false;  // then zero contributions are right
  double threshold = 0.0;        // NoiseFloor::threshold, times the gain of the worst operand
  double gate = 0.0;             // NoiseFloor::gate
  // Results whose terms cancel are small, and what matters beside them is not: the signal counts as at least
  // this much, or as what the threshold asks for if that is less (CODES.md, "kappa"). 0: nothing is known.
  double least_signal = 0.0;
  PeerSet present;
  std::vector<ContributionView> contributions;  // of the peers in `present`, ascending
  PeerSet decode_with;  // the set to decode with where nothing is wrong; empty: `present`
  // A set that just decodes will do: its product is delivered with an infinite kappa.
  bool unchecked_if_without_spare = false;
};

struct RoundVerdict {
  RoundState state = RoundState::kWaiting;
  std::string reason;      // of anything but checked
  Matrix product;          // result_rows x batch; valid when checked (or weak)
  double statistic = 0.0;  // max |H Y| over entries that were not active
  double typical = 0.0;    // SyndromeScan::typical: what the noise floor learns from
  double largest = 0.0;    // largest clean whitened value
  double gain = 0.0;       // of the decode
  PeerSet decoded_from;    // the set of that decode
  double kappa = 0.0;      // the largest relative error that could still hide
  // The product, or a column of it, is that small beside the operand that only least_signal, or the other
  // columns, made kappa small enough: its terms cancel, or the operand by whose scales it was judged is
  // wrong.
  bool signal_is_small = false;
  Index active_entries = 0;
  Index noise_entries = 0;
  std::vector<Finding> findings;

  // Nothing above the floor at all.
  bool clean() const { return state == RoundState::kChecked && active_entries == 0; }
  // Something above the floor, and nobody's fault.
  bool is_noise() const { return findings.empty() && active_entries > 0; }
};

// rms of a whitened product of a matrix with an operand that has nothing to do with it: row_norm: the largest
// of the matrix; terms: of each of its inner products.
double least_signal(double row_norm, Index terms);

// Never checked with a product that is not finite. Scales or thresholds that are not finite compare with
// nothing: such a round is unexplained.
//
// `cache` is for pass.code and pass.sigma. A code without a single spare row (uncoded) is decoded unchecked
// once everybody is there, as if unchecked_if_without_spare: its verdict is checked with an infinite kappa.
RoundVerdict check_round(const RoundQuestion& question, DecoderCache& cache,
                         const BeforeColumns& before = {});

}  // namespace polydot::codes
