// A Disk that goes with the process: for peers without a folder.
#pragma once

#include <map>

#include "node/files/disk.h"

namespace polydot::node {

class MemoryDisk final : public Disk {
 public:
  std::vector<std::string> names() const override;
  std::string describe(const std::string& name) const override { return name + " in memory"; }
  Result<std::uint64_t> size(const std::string& name) const override;
  Outcome read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const override;
  Outcome write(const std::string& name, const Chunks& chunks) override;
  Outcome sync(const std::string&) override { return Unit{}; }
  Outcome rename(const std::string& from, const std::string& to) override;
  Outcome sync_names() override { return Unit{}; }
  void remove(const std::string& name) override { files_.erase(name); }

 private:
  Failure no_such(const std::string& name) const { return data_failure(describe(name) + ": no such file"); }

  std::map<std::string, std::vector<std::byte>> files_;
};

}  // namespace polydot::node
