// The checkpoints that one peer keeps: RUN/peer-XX/checkpoints, a file a generation.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "node/checkpoint_file.h"

namespace polydot::node {

struct CheckpointFile {
  std::filesystem::path path;
  std::uint32_t epoch = 0;  // as the file's name says
  std::uint64_t boundary = 0;
};

// By their names, newest (epoch, then boundary) first; a missing folder has none. Opens no file.
std::vector<CheckpointFile> list(const std::filesystem::path& folder);

// The newest whose header and size are right.
std::optional<CheckpointFile> newest(const std::filesystem::path& folder);

// Removes what is older than the `keep` newest complete ones, and what a torn write left.
void prune(const std::filesystem::path& folder, std::size_t keep = 2);

// Makes the folder, and removes what an earlier run left there: it must not be combined with ours.
Outcome start_over(const std::filesystem::path& folder);

}  // namespace polydot::node
