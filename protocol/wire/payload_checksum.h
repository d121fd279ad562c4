// XXH3-64, whole or in runs. xxhash stays out of the headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace polydot::protocol {

std::uint64_t checksum_of(std::span<const std::byte> bytes);

// The same of bytes that come run by run.
class RunningChecksum {
 public:
  RunningChecksum();
  RunningChecksum(RunningChecksum&&) noexcept;
  RunningChecksum& operator=(RunningChecksum&&) noexcept;
  ~RunningChecksum();
  void read(std::span<const std::byte> bytes);
  std::uint64_t value() const;  // of all that was read

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polydot::protocol
