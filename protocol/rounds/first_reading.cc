#include "protocol/rounds/first_reading.h"

#include <algorithm>
#include <limits>

#include "codes/base/work_profile.h"

namespace polydot::protocol {

FirstReading::FirstReading(ContributionStore& store, const codes::RoundKey& key, const codes::PeerSet& peers)
    : store_(store), key_(key) {
  for (ContributionStore::Unread& slice : store.unread(key, peers))
    readings_.push_back({.slice = std::move(slice), .checksum = {}});
}

void FirstReading::read_to(codes::Index end) {
  if (readings_.empty()) return;
  const codes::WorkScope scope(codes::Work::kReceive);
  for (Reading& reading : readings_) {
    const ContributionStore::Unread& slice = reading.slice;
    const codes::Index cols = std::clamp<codes::Index>(end - slice.first_col, 0, slice.cols);
    const std::size_t until =
        slice.payload.size_bytes() / static_cast<std::size_t>(slice.cols) * static_cast<std::size_t>(cols);
    if (until <= reading.done) continue;
    reading.checksum.read(slice.payload.bytes().subspan(reading.done, until - reading.done));
    reading.done = until;
  }
}

codes::PeerSet FirstReading::finish() {
  read_to(std::numeric_limits<codes::Index>::max());
  codes::PeerSet damaged;
  for (const Reading& reading : readings_) {
    const bool right = reading.checksum.value() == reading.slice.checksum;
    store_.was_read(key_, reading.slice, right);
    if (!right) damaged.insert(reading.slice.peer);
  }
  readings_.clear();
  return damaged;
}

}  // namespace polydot::protocol
