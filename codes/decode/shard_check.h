// Checking what peers show of their shards: scrubs, and the pieces that a repair is made of.
//
// The shards W~_p of a layer are a codeword of the weight code (threshold m n), and so is everything linear
// in them: their products with one vector shared by all (a scrub: one number a line), or some of their lines.
// So the round checker serves: the code is ShardCode::as_code(), nobody's operand can be wrong.
//
// Scales: the noise of a shard is relative to the shard. Column c of a piece is whitened by the median over
// peers of its root mean square, which a minority of wrong ones does not move. Thresholds are relative.
#pragma once

#include <vector>

#include "codes/decode/noise_floor.h"
#include "codes/decode/round_check.h"

namespace polydot::codes {

// The weight code of a shard as a pass of the round checker.
Pass shard_pass(const ShardCode& shard);

struct ShardQuestion {
  const Pass* pass = nullptr;  // shard_pass of the shard
  Shape payload;               // of one peer's piece
  double threshold = 0.0;
  PeerSet present;
  std::vector<ContributionView> pieces;  // of the peers in `present`, ascending
  // Of what the pieces were made of: a product whose terms cancel is small, and its rounding is not.
  // By column; empty: nothing is known.
  VectorD least_scales;
};

// By what column `col` of the pieces is whitened. Positive.
double piece_scale(const ShardQuestion& question, Index col);
// Root mean square of `cols` columns of the piece of each peer in `present`, whitened by its sigma; infinite
// where that is not finite.
std::vector<double> piece_sizes(const ShardQuestion& question, Index first_col, Index cols);
// The same as piece_scale of `cols` columns together, for least_scales: one line of a shard may be small
// where others are not.
double typical_scale(const ShardQuestion& question, Index first_col, Index cols);

// The verdict's product: the decoded blocks of the piece below each other, (m n rows) x cols.
RoundVerdict check_shards(const ShardQuestion& question, DecoderCache& cache);

// What peer `self` should hold: its row of the code that the pieces agree on, in double. Shape of a piece.
// Precondition: `present` decodes; see its gain for how much rounding grows.
Matrix piece_of(const Pass& pass, int self, const PeerSet& present,
                const std::vector<ContributionView>& pieces, Shape payload, DecoderCache& cache);

// A scrub names `self` in these rows. Those in which what it sent, computed again, is about as far off the
// code: they accuse the shard; in the others only the scrub was computed wrong. By distances, not by bits:
// the answer does not depend on how either was rounded. verdict: of check_shards; sent, again: rows x 1.
std::vector<Index> rows_still_wrong(const Pass& pass, int self, const RoundVerdict& verdict,
                                    const std::vector<Index>& rows, const Matrix& sent, const Matrix& again);

// From a set with a larger gain a shard is not rebuilt.
inline constexpr double kRebuildGain = 30.0;
// A piece is checked line by line against the cap of the noise floor: drift passes, a wrong line does not.
inline constexpr double kPieceThreshold = NoiseFloor::kCapFactor * 64 * 0x1p-24;

// By how much louder than the pieces' own noise that of piece_of is. With `self` in the set, at most 1: it is
// a projection onto the code. Infinite when the set does not decode.
double noise_of_piece(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache);

// The largest relative error of piece_of that one wrong piece could still hide from the check (as kappa of a
// round, locate.h). Infinite where a block that `self` is made of is there once only, whatever else there is
// twice; and when the set does not decode.
double hidden_in_piece(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache);

// A shard of `self` may be rebuilt from the shards of these: the result is quiet enough, and is checked.
bool can_be_rebuilt(const Pass& pass, int self, const PeerSet& present, DecoderCache& cache);

// The column of a contribution that carries a scrub, as a piece of its own.
ContributionView column_of(const ContributionView& view, Index col, Index rows);

}  // namespace polydot::codes
