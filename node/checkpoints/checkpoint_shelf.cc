#include "node/checkpoints/checkpoint_shelf.h"

#include <algorithm>
#include <functional>

#include "node/text/printable.h"

namespace polydot::node {

using protocol::CheckpointId;

std::vector<CheckpointId> checkpoints_on(const Disk& disk) {
  std::vector<CheckpointId> ids;
  for (const std::string& name : disk.names())
    if (const auto id = parse_checkpoint_name(name)) ids.push_back(*id);
  std::sort(ids.begin(), ids.end(), std::greater<>());
  return ids;
}

Outcome CheckpointShelf::keep(std::uint32_t epoch, const dnn::TrainingProgram& program) {
  const CheckpointHeader header{of_, {epoch, program.steps_done()}};
  const std::string when = " at step " + std::to_string(program.steps_done());
  Outcome written = write(header, program);
  if (written)
    trouble_.ends("checkpoints are kept again," + when);
  else
    trouble_.begins("no checkpoint" + when + ", training goes on: " + written.failure().message);
  return written;
}

Outcome CheckpointShelf::write(const CheckpointHeader& header, const dnn::TrainingProgram& program) {
  LayerViews layers(static_cast<std::size_t>(program.layer_count()));
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (const dnn::ShardState& shard : program.layer(static_cast<dnn::Index>(l)).shards())
      layers[l].push_back(&shard);
  if (Outcome written = write_checkpoint(disk_, header, layers); !written) return written;
  // A folder may take files and not show them.
  const std::string name = checkpoint_file_name(header.id);
  if (const auto there = read_checkpoint_header(disk_, name); !there) return there.failure();
  prune();
  return Unit{};
}

bool CheckpointShelf::is_ours(const CheckpointId& id) const {
  const auto header = read_checkpoint_header(disk_, checkpoint_file_name(id));
  return header && header->of == of_ && header->id == id;
}

std::vector<CheckpointId> CheckpointShelf::list() const {
  std::vector<CheckpointId> ids = checkpoints_on(disk_);
  std::erase_if(ids, [&](const CheckpointId& id) { return !is_ours(id); });
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::optional<dnn::TrainingProgram::State> CheckpointShelf::find(const CheckpointId& id) const {
  auto checkpoint = read_checkpoint(disk_, checkpoint_file_name(id));
  if (!checkpoint) {
    say(checkpoint.failure().message);
    return std::nullopt;
  }
  if (checkpoint->of != of_ || checkpoint->id != id) return std::nullopt;
  return std::move(checkpoint->layers);
}

void CheckpointShelf::prune() {
  std::size_t whole = 0;
  for (const CheckpointId& id : checkpoints_on(disk_)) {
    const std::string name = checkpoint_file_name(id);
    if (whole >= kGenerations || is_torn(disk_, name))
      disk_.remove(name);
    else
      whole += is_ours(id);
  }
}

Outcome CheckpointShelf::check_foreign() {
  for (const std::string& name : disk_.names()) {
    if (!parse_checkpoint_name(name)) continue;
    if (const auto header = read_checkpoint_header(disk_, name); header && header->of != of_)
      return usage_failure(
          disk_.describe(name) +
          ": is of another run (other settings, data or peer): choose another --out, or remove it");
  }
  for (const std::string& name : disk_.names())
    if (name.starts_with("checkpoint-") && name.ends_with(kPartialEnding)) disk_.remove(name);
  return Unit{};
}

}  // namespace polydot::node
