// From the shards of one weight matrix, some of which may be missing or wrong, to the matrix.
//
// The shards of all peers are one more coded round: payload the shard, code ShardCode::as_code(). What is
// wrong is located per entry by the same checks (codes/round_check.h) and left out; the rest is decoded in
// double from all shards.
#pragma once

#include <vector>

#include "codes/product_code.h"
#include "codes/result.h"
#include "codes/round_check.h"
#include "dnn/tensor.h"

namespace polydot::node {

struct DecodedLayer {
  dnn::Matrix weights;                // rows x cols
  std::vector<codes::Finding> wrong;  // peers that were located, ascending
};

// Whether the shards of these peers decode, with one to spare that they can be checked with. (Without coding
// there is never one to spare: then everybody's are needed and nothing can be checked.)
bool can_decode(const codes::ShardCode& code, const codes::PeerSet& present);

// shards: one for each peer of the code, null where it is missing; the others of shard_shape. weights: the
// plain shape. Failure: kRefused, when the shards are too few or disagree beyond what can be corrected.
Result<DecodedLayer> decode_layer(const codes::ShardCode& code, codes::Shape weights,
                                  const std::vector<const dnn::Matrix*>& shards);

}  // namespace polydot::node
