// A folder of the file system as a Disk. Failures name the file, what the system says, and what to do.
//
// For one writing process (node/files/folder_lock.h); others may read.
#pragma once

#include <filesystem>
#include <utility>

#include "node/files/disk.h"

namespace polydot::node {

class FolderDisk final : public Disk {
 public:
  explicit FolderDisk(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // With the folders above it. Failure: kData.
  Outcome make_folder() const;

  std::vector<std::string> names() const override;
  std::string describe(const std::string& name) const override { return path_of(name).string(); }
  Result<std::uint64_t> size(const std::string& name) const override;
  Outcome read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const override;
  Outcome write(const std::string& name, const Chunks& chunks) override;
  Outcome sync(const std::string& name) override;
  Outcome rename(const std::string& from, const std::string& to) override;
  Outcome sync_names() override;
  void remove(const std::string& name) override;

 private:
  std::filesystem::path path_of(const std::string& name) const { return folder_ / name; }

  std::filesystem::path folder_;
};

}  // namespace polydot::node
