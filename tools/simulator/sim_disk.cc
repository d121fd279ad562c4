#include "tools/simulator/sim_disk.h"

#include <algorithm>

namespace polydot::simulator {

Failure SimDisk::failure(const std::string& name, const char* what) const {
  return {FailureKind::kData, describe(name) + ": " + what};
}

Outcome SimDisk::begin(const std::string& name) {
  if (power_left_ == 0) return failure(name, "the power is off");
  if (power_left_ > 0 && --power_left_ == 0 && on_power_failure_) on_power_failure_();
  if (trouble_ != Trouble::kFull) return Unit{};
  ++counters_.failed;
  return failure(name, "no space left on device");
}

std::vector<std::string> SimDisk::names() const {
  std::vector<std::string> all;
  for (const auto& [name, file] : names_) all.push_back(name);
  return all;
}

Result<std::uint64_t> SimDisk::size(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return failure(name, "no such file");
  return static_cast<std::uint64_t>(found->second->content.size());
}

Outcome SimDisk::read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const {
  if (trouble_ == Trouble::kUnreadable) {
    ++counters_.failed;
    return failure(name, "input/output error");
  }
  const auto found = names_.find(name);
  if (found == names_.end()) return failure(name, "no such file");
  const std::vector<std::byte>& content = found->second->content;
  if (offset > content.size() || bytes.size() > content.size() - offset)
    return failure(name, "ends too early");
  std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
  return Unit{};
}

Outcome SimDisk::write(const std::string& name, const Chunks& chunks) {
  if (Outcome begun = begin(name); !begun) return begun;
  ++counters_.writes;
  auto& file = names_[name];
  if (!file) {
    file = std::make_shared<File>();
    note_names();
  }
  file->content.clear();
  file->synced = false;
  for (const auto chunk : chunks) file->content.insert(file->content.end(), chunk.begin(), chunk.end());
  counters_.largest_bytes = std::max(counters_.largest_bytes, bytes());
  return has_power() ? Outcome(Unit{}) : failure(name, "the power is off");
}

Outcome SimDisk::sync(const std::string& name) {
  if (Outcome begun = begin(name); !begun) return begun;
  const auto found = names_.find(name);
  if (found == names_.end()) return failure(name, "no such file");
  if (!has_power()) return failure(name, "the power is off");
  ++counters_.syncs;
  found->second->synced = true;
  return Unit{};
}

Outcome SimDisk::rename(const std::string& from, const std::string& to) {
  if (Outcome begun = begin(from); !begun) return begun;
  const auto found = names_.find(from);
  if (found == names_.end()) return failure(from, "no such file");
  names_[to] = found->second;
  if (to != from) names_.erase(from);
  note_names();
  return has_power() ? Outcome(Unit{}) : failure(from, "the power is off");
}

Outcome SimDisk::sync_names() {
  if (Outcome begun = begin("folder"); !begun) return begun;
  if (!has_power()) return failure("folder", "the power is off");
  durable_names_ = names_;
  history_.clear();
  return Unit{};
}

void SimDisk::remove(const std::string& name) {
  if (power_left_ == 0) return;
  if (names_.erase(name) > 0) note_names();
}

void SimDisk::crash(std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  bool lost = false;
  if (!history_.empty()) {
    const std::size_t kept = below(history_.size() + 1);  // changes of names
    lost = kept < history_.size();
    if (kept > 0) durable_names_ = history_[kept - 1];
  }
  for (auto& [name, file] : durable_names_) {
    if (file->synced) continue;
    const std::size_t written = file->content.size();
    const std::size_t kinds = below(3);
    const std::size_t kept = kinds == 0 ? written : kinds == 1 ? 0 : below(written + 1);
    lost |= kept < written;
    file->content.resize(kept);
    file->synced = true;
  }
  names_ = durable_names_;
  history_.clear();
  counters_.torn += lost;
  power_left_ = -1;
}

void SimDisk::wipe() {
  names_.clear();
  durable_names_.clear();
  history_.clear();
  power_left_ = -1;
  trouble_ = Trouble::kNone;
}

SimDisk SimDisk::durable() const {
  SimDisk safe;
  for (const auto& [name, file] : durable_names_) {
    auto copy = std::make_shared<File>();
    if (file->synced) copy->content = file->content;  // else nothing of it is sure
    copy->synced = true;
    safe.names_[name] = safe.durable_names_[name] = std::move(copy);
  }
  return safe;
}

bool SimDisk::flip_a_bit(const std::string& name, std::mt19937_64& random) {
  const auto found = names_.find(name);
  if (found == names_.end() || found->second->content.empty()) return false;
  File& file = *found->second;
  const std::size_t bit = std::uniform_int_distribution<std::size_t>(0, 8 * file.content.size() - 1)(random);
  file.content[bit / 8] ^= std::byte{1} << (bit % 8);
  return true;
}

std::uint64_t SimDisk::bytes() const {
  std::uint64_t total = 0;
  for (const auto& [name, file] : names_) total += file->content.size();
  return total;
}

}  // namespace polydot::simulator
