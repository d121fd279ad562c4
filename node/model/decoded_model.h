// The plain weights of a run, from the checkpoints that its peers left: wrong shards are located and left
// out, and whoever was missing or wrong is named.
//
// Only files of the same run, epoch, boundary and plan are combined; of those, the newest generation that
// decodes with one shard to spare. What cannot be explained is refused, never guessed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "dnn/operations/network.h"
#include "node/checkpoints/checkpoint_file.h"

namespace polydot::node {

// A peer whose shards did not serve, or not all of them.
struct PeerTrouble {
  enum class Kind { kMissing, kUnreadable, kWrong };
  int peer = 0;
  Kind kind = Kind::kMissing;
  codes::Index entries = 0;          // kWrong: how many values, in all layers
  std::vector<codes::Index> layers;  // kWrong: where
  std::string what;                  // kUnreadable: a line that names the file
};
// "peer 3: 12 wrong values in layers 0 and 2".
std::string describe(const PeerTrouble& trouble);

struct DecodedModel {
  protocol::CheckpointId id;
  std::vector<dnn::Matrix> weights;  // of each layer, the bias column last
  std::vector<PeerTrouble> troubles;
  std::vector<std::string> skipped;  // newer generations that too few peers have, a line each
};

// plan_digest: what the files must name. Failure: kData, no checkpoint there, or none of this plan; kRefused,
// too few or not explained.
Result<DecodedModel> decode_run(const codes::ProductCode& code, const dnn::NetworkSpec& network,
                                std::uint64_t plan_digest, const std::string& run);

}  // namespace polydot::node
