// From the shards that peers keep of one matrix, some of which may be missing or wrong, to the matrix.
//
// The shards of all peers are one more coded round: payload the shard, code ShardCode::as_code(). What is
// wrong is located per entry by the same checks (codes/decode/round_check.h) and left out; the rest is
// decoded in double from all shards.
#pragma once

#include <vector>

#include "codes/base/matrix.h"
#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "codes/decode/round_check.h"

namespace polydot::codes {

struct StoredMatrix {
  Matrix values;               // rows x cols
  std::vector<Finding> wrong;  // peers that were located, ascending
};

// Whether the shards of these peers decode, with one to spare that they can be checked with. (Without coding
// there is never one to spare: then everybody's are needed and nothing can be checked.)
bool can_decode(const ShardCode& code, const PeerSet& present);

// shards: one for each peer of the code, null where it is missing; the others of shard_shape. plain: the
// shape of the matrix. Failure: kRefused, when the shards are too few or disagree beyond what can be
// corrected.
Result<StoredMatrix> decode_stored_matrix(const ShardCode& code, Shape plain,
                                          const std::vector<const Matrix*>& shards);

}  // namespace polydot::codes
