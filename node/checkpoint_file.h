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
#include <filesystem>
#include <string>
#include <vector>

#include "codes/result.h"
#include "dnn/coded_matrix.h"
#include "protocol/wire.h"

namespace polydot::node {

// Only shards of equal names and equal plans are rows of one codeword.
struct CheckpointName {
  protocol::ClusterId run{};
  std::uint32_t epoch = 0;     // of membership, as in codes::RoundKey
  std::uint64_t boundary = 0;  // steps done
  friend bool operator==(const CheckpointName&, const CheckpointName&) = default;
};

// All of a checkpoint but its numbers.
struct CheckpointHeader {
  CheckpointName name;
  int peer = 0, peers = 1;
  std::uint64_t plan_digest = 0;  // config_agreement.h
};

struct Checkpoint : CheckpointHeader {
  std::vector<std::vector<dnn::ShardState>> layers;  // [layer][shard]
};

// 64 bits of name and plan, equal at all peers that can be combined.
std::uint64_t identity_digest(const CheckpointHeader& header);

// checkpoint-EEEEE-BBBBBBBBBBBB.pdck
std::string checkpoint_file_name(const CheckpointName& name);

// Writes header and states under a temporary name in `folder`, fsync, rename, fsync of the folder: under its
// final name the file is whole, or not there. `layers` has the shape of Checkpoint::layers.
using LayerViews = std::vector<std::vector<const dnn::ShardState*>>;
Outcome write_checkpoint(const std::filesystem::path& folder, const CheckpointHeader& header,
                         const LayerViews& layers);
Outcome write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

// The header alone, checked, and that the file has the size it names.
Result<CheckpointHeader> read_checkpoint_header(const std::filesystem::path& path);
// All of it, every digest checked.
Result<Checkpoint> read_checkpoint(const std::filesystem::path& path);

}  // namespace polydot::node
