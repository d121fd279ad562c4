#include "node/files/memory_disk.h"

#include <algorithm>
#include <utility>

namespace polydot::node {

std::vector<std::string> MemoryDisk::names() const {
  std::vector<std::string> found;
  for (const auto& [name, bytes] : files_) found.push_back(name);
  return found;
}

Result<std::uint64_t> MemoryDisk::size(const std::string& name) const {
  const auto file = files_.find(name);
  if (file == files_.end()) return no_such(name);
  return file->second.size();
}

Outcome MemoryDisk::read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const {
  const auto file = files_.find(name);
  if (file == files_.end()) return no_such(name);
  const std::vector<std::byte>& all = file->second;
  if (offset > all.size() || bytes.size() > all.size() - offset)
    return data_failure(describe(name) + ": ends before what was to be read");
  std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
  return Unit{};
}

Outcome MemoryDisk::write(const std::string& name, const Chunks& chunks) {
  std::size_t total = 0;
  for (const auto& chunk : chunks) total += chunk.size();
  std::vector<std::byte> bytes;
  bytes.reserve(total);
  for (const auto& chunk : chunks) bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  files_[name] = std::move(bytes);
  return Unit{};
}

Outcome MemoryDisk::rename(const std::string& from, const std::string& to) {
  auto file = files_.extract(from);
  if (file.empty()) return no_such(from);
  files_[to] = std::move(file.mapped());
  return Unit{};
}

}  // namespace polydot::node
