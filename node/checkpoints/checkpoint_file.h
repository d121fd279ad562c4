// A peer's coded state at a step boundary as a file: the shards of every layer and their momentum.
//
// Layout (little-endian; digests are XXH3-64)
//   header   80 bytes: "PDCK", version, run, epoch, peer, peers, layers, boundary, plan digest, sections,
//            bytes of the whole file, digest of the header
//   section  40 bytes: layer, shard, which state, rows, cols, payload bytes, digest of this and the payload;
//            then the payload, float32, column-major. Ordered by layer, shard, state; no momentum, no section
// Errors    FailureKind::kData, one line that begins with the file: a file that is torn, cut short or changed
//           in any bit is refused. No size is believed before it was held against the size of the file
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "dnn/coded/coded_matrix.h"
#include "node/files/disk.h"
#include "node/files/peer_identity.h"
#include "protocol/wire/checkpoint_id.h"

namespace polydot::node {

// All of a checkpoint but its numbers. Only shards of one run, plan and id are rows of one codeword.
struct CheckpointHeader {
  PeerIdentity of;
  protocol::CheckpointId id;
};

struct Checkpoint : CheckpointHeader {
  std::vector<std::vector<dnn::ShardState>> layers;  // [layer][shard]
};

// checkpoint-EEEEE-BBBBBBBBBBBB.pdck
std::string checkpoint_file_name(const protocol::CheckpointId& id);
// Nothing: no such name.
std::optional<protocol::CheckpointId> parse_checkpoint_name(const std::string& name);

// Under its name the file is whole, or not there (write_whole). `layers` has the shape of Checkpoint::layers;
// nothing of it is copied.
using LayerViews = std::vector<std::vector<const dnn::ShardState*>>;
Outcome write_checkpoint(Disk& disk, const CheckpointHeader& header, const LayerViews& layers);
Outcome write_checkpoint(Disk& disk, const Checkpoint& checkpoint);

// The header alone, checked, and that the file has the size it names.
Result<CheckpointHeader> read_checkpoint_header(const Disk& disk, const std::string& name);
// All of it, every digest checked.
Result<Checkpoint> read_checkpoint(const Disk& disk, const std::string& name);
// The disk gives the file's beginning, and it is none of a whole checkpoint.
bool is_torn(const Disk& disk, const std::string& name);

}  // namespace polydot::node
