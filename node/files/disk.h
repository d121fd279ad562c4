// Where a peer keeps its files: one flat folder of whole files. Real (FolderDisk), in memory (MemoryDisk), or
// simulated, with crashes that take what was not synced (tools/simulator/sim_disk.h).
//
// As on a POSIX file system, a crash may leave any prefix of what was written and not synced, and may undo a
// rename that sync_names has not made last.
//
// Errors    FailureKind::kData, one line that begins with the file
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "codes/base/result.h"

namespace polydot::node {

class Disk {
 public:
  using Chunks = std::vector<std::span<const std::byte>>;

  virtual ~Disk() = default;
  // Of the files that are there, in no order.
  virtual std::vector<std::string> names() const = 0;
  // How a line to the user calls the file.
  virtual std::string describe(const std::string& name) const = 0;
  virtual Result<std::uint64_t> size(const std::string& name) const = 0;
  // Fills `bytes` from `offset` on; a failure also where the file ends before.
  virtual Outcome read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const = 0;
  // Makes or replaces the file.
  virtual Outcome write(const std::string& name, const Chunks& chunks) = 0;
  virtual Outcome sync(const std::string& name) = 0;
  virtual Outcome rename(const std::string& from, const std::string& to) = 0;
  virtual Outcome sync_names() = 0;
  virtual void remove(const std::string& name) = 0;
};

// What a crash in between may leave ends with it.
inline constexpr const char* kPartialEnding = ".partial";

// Under its name the file is whole and survives a crash, or what was there before is: a temporary name, sync,
// rename, sync. A failed one leaves no temporary file behind.
Outcome write_whole(Disk& disk, const std::string& name, const Disk::Chunks& chunks);

}  // namespace polydot::node
