#include "node/checkpoint_shelf.h"

#include <algorithm>
#include <cstdio>

#include "node/checkpoint_folder.h"

namespace polydot::node {

using protocol::CheckpointId;

Outcome MemoryShelf::keep(std::uint32_t epoch, const dnn::TrainingProgram& program) {
  kept_.insert_or_assign({epoch, program.steps_done()}, program.state());
  if (kept_.size() > kGenerations) kept_.erase(kept_.begin());
  return Unit{};
}

std::vector<CheckpointId> MemoryShelf::list() const {
  std::vector<CheckpointId> ids;
  for (const auto& [id, state] : kept_) ids.push_back(id);
  return ids;
}

std::optional<dnn::TrainingProgram::State> MemoryShelf::find(const CheckpointId& id) const {
  const auto found = kept_.find(id);
  return found == kept_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::unique_ptr<CheckpointShelf>> FileShelf::make(const std::filesystem::path& folder,
                                                         const CheckpointHeader& header) {
  if (Outcome made = start_over(folder); !made) return made.failure();
  return std::unique_ptr<CheckpointShelf>(new FileShelf(folder, header));
}

Outcome FileShelf::keep(std::uint32_t epoch, const dnn::TrainingProgram& program) {
  CheckpointHeader header = header_;
  header.name.epoch = epoch;
  header.name.boundary = program.steps_done();
  LayerViews layers(static_cast<std::size_t>(program.layer_count()));
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (const dnn::ShardState& shard : program.layer(static_cast<dnn::Index>(l)).shards())
      layers[l].push_back(&shard);
  if (Outcome written = write_checkpoint(folder_, header, layers); !written) return written;
  prune(folder_, kGenerations);
  return Unit{};
}

std::vector<CheckpointId> FileShelf::list() const {
  std::vector<CheckpointId> ids;
  for (const CheckpointFile& file : node::list(folder_))
    if (read_checkpoint_header(file.path)) ids.push_back({file.epoch, file.boundary});
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::optional<dnn::TrainingProgram::State> FileShelf::find(const CheckpointId& id) const {
  CheckpointName name = header_.name;
  name.epoch = id.epoch;
  name.boundary = id.boundary;
  auto checkpoint = read_checkpoint(folder_ / checkpoint_file_name(name));
  if (!checkpoint) {
    std::fprintf(stderr, "polydot: %s\n", checkpoint.failure().message.c_str());
    return std::nullopt;
  }
  const bool ours = checkpoint->name == name && checkpoint->peer == header_.peer &&
                    checkpoint->plan_digest == header_.plan_digest;
  if (!ours) return std::nullopt;
  return std::move(checkpoint->layers);
}

}  // namespace polydot::node
