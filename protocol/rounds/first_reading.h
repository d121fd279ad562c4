// Contributions of a round that lie in shared memory (Received::read_later), as they are read for the first
// time: their checksums are formed of the columns that are about to be decoded, while these are in the cache,
// not of the whole payload when it arrives. Reading all that eight peers send from memory twice was a
// twentieth of a step (tools/bench/RESULTS.md).
#pragma once

#include <vector>

#include "codes/base/peer_set.h"
#include "protocol/rounds/contribution_store.h"
#include "protocol/wire/payload_checksum.h"

namespace polydot::protocol {

class FirstReading {
 public:
  // Of the complete contributions of `peers` to `key`, as far as nobody has read them yet.
  FirstReading(ContributionStore& store, const codes::RoundKey& key, const codes::PeerSet& peers);

  // The columns before `end` are needed now. `end` does not go back.
  void read_to(codes::Index end);
  // Reads what is left. The peers with a damaged payload: the store has forgotten those slices, and whatever
  // was made of them is to be thrown away.
  codes::PeerSet finish();

 private:
  struct Reading {
    ContributionStore::Unread slice;
    RunningChecksum checksum;
    std::size_t done = 0;  // bytes
  };

  ContributionStore& store_;
  codes::RoundKey key_;
  std::vector<Reading> readings_;
};

}  // namespace polydot::protocol
