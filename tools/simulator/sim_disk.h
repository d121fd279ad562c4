// A simulated disk: what was synced survives a crash, the rest may, in part.
//
// A file is its bytes under a name; both have a durable and a volatile half. A crash keeps of each file that
// was not synced all, nothing or a prefix of what was written, and of the names that changed since sync_names
// the first few, in their order. Power may fail in the middle: after a given number of operations nothing
// works any more, until crash() says what is left.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "node/files/disk.h"

namespace polydot::simulator {

struct DiskCounters {
  std::uint64_t writes = 0, syncs = 0;
  std::uint64_t torn = 0;    // crashes that lost or cut something
  std::uint64_t failed = 0;  // operations refused while the disk was failing
  std::uint64_t largest_bytes = 0;
};

class SimDisk final : public node::Disk {
 public:
  std::vector<std::string> names() const override;
  std::string describe(const std::string& name) const override { return "disk:" + name; }
  Result<std::uint64_t> size(const std::string& name) const override;
  Outcome read(const std::string& name, std::uint64_t offset, std::span<std::byte> bytes) const override;
  Outcome write(const std::string& name, const Chunks& chunks) override;
  Outcome sync(const std::string& name) override;
  Outcome rename(const std::string& from, const std::string& to) override;
  Outcome sync_names() override;
  void remove(const std::string& name) override;

  // Power fails in the operation after this many more (0: in the next one), which happens in part.
  void fail_power_after(int operations) { power_left_ = operations + 1; }
  bool has_power() const { return power_left_ != 0; }
  void restore_power() { power_left_ = -1; }
  // Called at that moment.
  void on_power_failure(std::function<void()> callback) { on_power_failure_ = std::move(callback); }
  // What a crash leaves; power is back.
  void crash(std::mt19937_64& random);
  // Another disk, empty.
  void wipe();
  // Writes find it full, or nothing can be read. Not both: what is written cannot be checked otherwise.
  enum class Trouble { kNone, kFull, kUnreadable };
  void set_trouble(Trouble trouble) { trouble_ = trouble; }
  Trouble trouble() const { return trouble_; }

  // What is safe already, as a disk of its own: what a checker reads.
  SimDisk durable() const;
  // One bit of a file, for good. False: there is none, or it is empty.
  bool flip_a_bit(const std::string& name, std::mt19937_64& random);
  std::uint64_t bytes() const;
  const DiskCounters& counters() const { return counters_; }

 private:
  struct File {
    std::vector<std::byte> content;
    bool synced = false;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;

  Failure failure(const std::string& name, const char* what) const;
  // One operation of those that change something. Failure: there is no power, or no room.
  Outcome begin(const std::string& name);
  void note_names() { history_.push_back(names_); }

  Names names_, durable_names_;
  std::vector<Names> history_;  // after each change of names since the last sync_names
  int power_left_ = -1;         // operations, the one that fails included; negative: no end
  std::function<void()> on_power_failure_;
  Trouble trouble_ = Trouble::kNone;
  mutable DiskCounters counters_;
};

}  // namespace polydot::simulator
