#include "tools/simulator/disk_checker.h"

#include <fmt/format.h>

namespace polydot::simulator {

void DiskChecker::check(std::int64_t at_ms, int peer, const node::Disk& disk) {
  for (const std::string& name : disk.names()) {
    const auto id = node::parse_checkpoint_name(name);
    if (!id) continue;
    const auto checkpoint = node::read_checkpoint(disk, name);
    if (!checkpoint) {
      violations_.add(at_ms,
                      fmt::format("torn: on the disk of peer {}: {}", peer, checkpoint.failure().message));
      continue;
    }
    if (checkpoint->of.peer != peer || checkpoint->id != *id) {
      violations_.add(
          at_ms, fmt::format("misplaced: on the disk of peer {} {} is of peer {}, epoch {}, step {}", peer,
                             name, checkpoint->of.peer, checkpoint->id.epoch, checkpoint->id.boundary));
      continue;
    }
    on_checkpoint_(peer, *checkpoint);
  }
}

}  // namespace polydot::simulator
