#include "protocol/wire/payload_checksum.h"

#define XXH_STATIC_LINKING_ONLY  // the hash state is a member
#define XXH_INLINE_ALL           // compiled for this processor, as the library is not
#include <xxhash.h>

namespace polydot::protocol {

struct RunningChecksum::State {
  XXH3_state_t hash;
};

std::uint64_t checksum_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

RunningChecksum::RunningChecksum() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->hash); }
RunningChecksum::RunningChecksum(RunningChecksum&&) noexcept = default;
RunningChecksum& RunningChecksum::operator=(RunningChecksum&&) noexcept = default;
RunningChecksum::~RunningChecksum() = default;

void RunningChecksum::read(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_64bits_update(&state_->hash, bytes.data(), bytes.size());
}

std::uint64_t RunningChecksum::value() const { return XXH3_64bits_digest(&state_->hash); }

}  // namespace polydot::protocol
