#include "node/model/decoded_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "codes/decode/stored_matrix.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"

namespace polydot::node {
namespace {

using codes::Index;
using protocol::CheckpointId;

struct Wanted {
  const codes::ProductCode& code;
  std::vector<codes::Shape> layers;  // plain
  std::uint64_t plan_digest;
  const std::string& run;

  int peers() const { return static_cast<int>(code.peers()); }
  FolderDisk disk(int peer) const { return FolderDisk(peer_folder(run, peer) + kCheckpointsFolder); }
};

// What one generation holds: the weights' shards of each peer, by peer and layer.
struct Found {
  CheckpointId id;
  codes::PeerSet present;
  std::map<int, std::vector<dnn::Matrix>> shards;
  std::vector<PeerTrouble> troubles;
  bool all_of_another_plan = false;
};

std::vector<CheckpointId> generations(const Wanted& wanted) {
  std::set<CheckpointId> all;
  for (int p = 0; p < wanted.peers(); ++p) {
    const std::vector<CheckpointId> ids = checkpoints_on(wanted.disk(p));
    all.insert(ids.begin(), ids.end());
  }
  return {all.rbegin(), all.rend()};
}

// What is wrong with a file whose digests are right; empty: nothing.
std::string misfit(const Wanted& wanted, const CheckpointId& id, int peer, const Checkpoint& file) {
  if (file.of.plan_digest != wanted.plan_digest) return "is of another configuration or other data";
  if (file.of.peer != peer || file.of.peers != wanted.peers())
    return fmt::format("is of peer {} of {}", file.of.peer, file.of.peers);
  if (file.id != id) return "was renamed";
  if (file.layers.size() != wanted.layers.size()) return "is of another network";
  for (std::size_t l = 0; l < file.layers.size(); ++l) {
    const codes::Shape shape =
        codes::shard_shape(wanted.code.shards[0], wanted.layers[l].rows, wanted.layers[l].cols);
    const dnn::Matrix& weights = file.layers[l].front().weights;
    if (codes::Shape{weights.rows(), weights.cols()} != shape) return "is of another network";
  }
  return "";
}

// Keeps the run that most peers name. Failure: kRefused, when two runs could be decoded.
Outcome choose_run(const Wanted& wanted, const std::map<int, protocol::ClusterId>& run_of, Found& found) {
  std::map<protocol::ClusterId, codes::PeerSet> runs;
  for (const auto& [peer, run] : run_of) runs[run].insert(peer);
  int decodable = 0;
  for (const auto& [run, peers] : runs) {
    decodable += codes::can_decode(wanted.code.shards[0], peers);
    if (peers.size() > found.present.size()) found.present = peers;
  }
  if (decodable > 1)
    return Failure{FailureKind::kRefused,
                   wanted.run + ": checkpoints of two runs, and either could be meant; remove one"};
  for (const auto& [peer, run] : run_of) {
    if (found.present.contains(peer)) continue;
    found.shards.erase(peer);
    found.troubles.push_back(
        {peer, PeerTrouble::Kind::kUnreadable, 0, {}, "its checkpoint is of another run"});
  }
  return Unit{};
}

Result<Found> read_generation(const Wanted& wanted, const CheckpointId& id) {
  Found found;
  found.id = id;
  std::map<int, protocol::ClusterId> run_of;
  const std::string name = checkpoint_file_name(id);
  int read = 0, of_another_plan = 0;
  for (int p = 0; p < wanted.peers(); ++p) {
    const FolderDisk disk = wanted.disk(p);
    const auto trouble = [&](PeerTrouble::Kind kind, std::string what) {
      found.troubles.push_back({p, kind, 0, {}, std::move(what)});
    };
    if (!std::filesystem::exists(disk.describe(name))) {
      trouble(PeerTrouble::Kind::kMissing, "");
      continue;
    }
    auto file = read_checkpoint(disk, name);
    if (!file) {
      trouble(PeerTrouble::Kind::kUnreadable, file.failure().message);
      continue;
    }
    ++read;
    of_another_plan += file->of.plan_digest != wanted.plan_digest;
    if (const std::string reason = misfit(wanted, id, p, *file); !reason.empty()) {
      trouble(PeerTrouble::Kind::kUnreadable, disk.describe(name) + " " + reason);
      continue;
    }
    run_of[p] = file->of.run;
    for (auto& layer : file->layers) found.shards[p].push_back(std::move(layer.front().weights));
  }
  found.all_of_another_plan = read > 0 && of_another_plan == read;
  if (Outcome chosen = choose_run(wanted, run_of, found); !chosen) return chosen.failure();
  return found;
}

void note_wrong(const std::vector<codes::Finding>& findings, Index layer,
                std::vector<PeerTrouble>& troubles) {
  for (const codes::Finding& finding : findings) {
    auto at = std::find_if(troubles.begin(), troubles.end(), [&](const PeerTrouble& trouble) {
      return trouble.peer == finding.peer && trouble.kind == PeerTrouble::Kind::kWrong;
    });
    if (at == troubles.end()) at = troubles.insert(at, {finding.peer, PeerTrouble::Kind::kWrong, 0, {}, ""});
    at->entries += finding.entries;
    at->layers.push_back(layer);
  }
}

Result<DecodedModel> decode(const Wanted& wanted, Found found) {
  DecodedModel model{found.id, {}, std::move(found.troubles), {}};
  for (std::size_t l = 0; l < wanted.layers.size(); ++l) {
    std::vector<const dnn::Matrix*> shards(static_cast<std::size_t>(wanted.peers()), nullptr);
    for (const auto& [peer, layers] : found.shards) shards[static_cast<std::size_t>(peer)] = &layers[l];
    auto layer = codes::decode_stored_matrix(wanted.code.shards[0], wanted.layers[l], shards);
    if (!layer)
      return Failure{layer.failure().kind,
                     fmt::format("{}: refused to decode layer {} after {} steps: {}", wanted.run, l,
                                 found.id.boundary, layer.failure().message)};
    model.weights.push_back(std::move(layer->values));
    note_wrong(layer->wrong, static_cast<Index>(l), model.troubles);
  }
  std::stable_sort(model.troubles.begin(), model.troubles.end(),
                   [](const PeerTrouble& a, const PeerTrouble& b) { return a.peer < b.peer; });
  return model;
}

std::string told(const std::vector<PeerTrouble>& troubles) {
  std::vector<std::string> lines;
  for (const PeerTrouble& trouble : troubles) lines.push_back(describe(trouble));
  return fmt::format("{}", fmt::join(lines, "; "));
}

}  // namespace

std::string describe(const PeerTrouble& trouble) {
  switch (trouble.kind) {
    case PeerTrouble::Kind::kMissing:
      return fmt::format("peer {}: no checkpoint", trouble.peer);
    case PeerTrouble::Kind::kUnreadable:
      return fmt::format("peer {}: {}", trouble.peer, trouble.what);
    case PeerTrouble::Kind::kWrong:
      break;
  }
  return fmt::format("peer {}: {} wrong value{} in layer{} {}", trouble.peer, trouble.entries,
                     trouble.entries == 1 ? "" : "s", trouble.layers.size() == 1 ? "" : "s",
                     fmt::join(trouble.layers, ", "));
}

Result<DecodedModel> decode_run(const codes::ProductCode& code, const dnn::NetworkSpec& network,
                                std::uint64_t plan_digest, const std::string& run) {
  Wanted wanted{code, {}, plan_digest, run};
  for (const dnn::Dense& dense : network.layers()) wanted.layers.push_back({dense.outputs, dense.inputs + 1});
  std::vector<std::string> skipped;
  for (const CheckpointId& id : generations(wanted)) {
    auto found = read_generation(wanted, id);
    if (!found) return found.failure();
    if (found->all_of_another_plan)
      return data_failure(run +
                          ": the checkpoints are of another configuration or other data; give the "
                          "config.toml and the --data of that run");
    if (codes::can_decode(code.shards[0], found->present)) {
      auto model = decode(wanted, std::move(*found));
      if (model) model->skipped = std::move(skipped);
      return model;
    }
    skipped.push_back(fmt::format("after {} steps: {} of {} peers' checkpoints are too few ({})", id.boundary,
                                  found->present.size(), code.peers(), told(found->troubles)));
  }
  if (skipped.empty())
    return data_failure(run + ": no peer left a checkpoint there; give the folder of a run (--out)");
  return Failure{FailureKind::kRefused, run + ": refused to decode, " + skipped.front()};
}

}  // namespace polydot::node
